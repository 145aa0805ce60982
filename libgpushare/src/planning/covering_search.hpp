#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "planning/covering_problem.hpp"
#include "planning/cutting.hpp"
#include "planning/relaxation.hpp"

/// The cheapest packing of some configs: depth first over services; the next config always holds the first service that lacks
/// a replica. A branch costs at least what its GPUs do, and at least what its configs are charged and the replicas that it
/// lacks are worth.
namespace gpushare::planning {

class CoveringSearch {
 public:
  /// Packings that cost more than `most` are not looked for. `grid`: of which every cost is a multiple; 0: none is known.
  CoveringSearch(const CoveringProblem& problem, const Prices& prices, const Forbidden& forbidden,
                 double most, double grid, std::size_t most_nodes);

  void add(const Config& config, double risk);

  struct Result {
    std::optional<Packed> packed;
    double bound = 0;      ///< no packing of these configs costs less
    bool complete = true;  ///< all were looked at
  };
  [[nodiscard]] Result solve();

 private:
  // A config as the search counts it.
  struct Column {
    const Config* config = nullptr;
    double charge = 0;
    double risk = 0;
    std::vector<std::pair<Tenant, int>> tenants{};  // how many of each
    std::size_t name = 0;                           // position of its instance's
  };
  struct Choice {
    Tenant tenant;
    double value = 0;  // of a replica
  };
  static std::size_t kind_of(const Column& column) { return index(column.config->part.kind); }
  [[nodiscard]] double bound() const;
  [[nodiscard]] int fewest_processes() const;
  void arrange();
  void branch(std::size_t service, std::size_t first);
  [[nodiscard]] bool goes(const Column& column) const;
  [[nodiscard]] bool is_forbidden(std::size_t service) const;
  void put(const Column& column, int sign);
  [[nodiscard]] int fewest_cuts(std::size_t kind);
  void accept(double least);

  const CoveringProblem& problem_;
  const Prices& prices_;
  const Forbidden& forbidden_;
  double grid_;
  std::size_t most_nodes_, nodes_ = 0;
  std::vector<Cutting> cuttings_;  // by kind
  std::vector<Column> columns_;
  std::vector<std::vector<const Column*>> of_service_;
  std::vector<std::vector<Choice>> choices_;  // of each service, of those that are held
  std::vector<Tenant> chosen_as_;             // where it is placed
  std::vector<int> placed_;
  std::vector<std::vector<int>> cut_replicas_;  // on instances, by kind and service
  std::vector<int> wholes_, cuts_;              // GPUs, by kind
  std::vector<Cutting::Counts> wanted_;
  double charged_ = 0;  // of the chosen, less what scarce GPUs are worth
  int processes_ = 0, best_processes_ = std::numeric_limits<int>::max();
  std::vector<const Column*> chosen_;
  std::optional<Packed> best_;
  double best_cost_, open_bound_ = std::numeric_limits<double>::infinity();
};

}  // namespace gpushare::planning
