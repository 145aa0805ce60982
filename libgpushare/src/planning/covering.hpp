#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The cheapest GPUs that hold all replicas of all services, of configs that are not known to fail: an exact branch and
/// bound for small problems. The Python package solves the same problem by HiGHS.
namespace gpushare::planning {

/// One replica of a service that has so many: it carries that part of the load.
struct Tenant {
  int service = 0;
  int replicas = 1;

  friend auto operator<=>(const Tenant&, const Tenant&) = default;
};

/// A kind of partition: a whole GPU, several for the ranks of one replica, or a MIG instance.
struct Part {
  int kind = 0;
  std::string instance;  ///< its profile's name; empty: whole
  int gpus = 1;

  friend auto operator<=>(const Part&, const Part&) = default;
};

/// Tenants on a part, ascending.
struct Config {
  Part part;
  std::vector<Tenant> tenants;

  friend auto operator<=>(const Config&, const Config&) = default;
};

/// Whether a config asks at least as much of the same part: all the tenants, each with its load or more.
[[nodiscard]] bool harder(const Config& config, const Config& than);

/// What there is to choose from.
struct CoveringProblem {
  struct Kind {
    double price = 1;
    int count = 1;
    std::vector<std::map<std::string, int>> layouts;  ///< instances by name; none: it is never cut
  };
  std::vector<Kind> kinds;
  std::vector<std::vector<int>> replicas;  ///< that each service may have
  std::vector<int> ranks;  ///< GPUs of one replica of each service; those of several never share
  int most_tenants = 4;    ///< on one whole GPU
  int copies = 2;          ///< of one service on one whole GPU
  std::size_t most_patterns = 50'000;
  /// Whether tenants could stand there at all; when they cannot, no more of them can.
  std::function<bool(const Config&)> possible = [](const Config&) { return true; };
};

/// One GPU, or the GPUs of a replica's ranks, and what stands there.
struct Pattern {
  int kind = 0;
  int gpus = 1;
  int layout = -1;  ///< of the kind; -1: whole
  std::vector<Config> configs;
};

struct Packed {
  std::vector<Pattern> patterns;
  double cost = 0;

  [[nodiscard]] std::vector<Config> configs() const;  ///< ascending
};

class Covering {
 public:
  /// Throws ScenarioError when there are more patterns than the problem allows.
  explicit Covering(const CoveringProblem& problem);

  /// It fails, so all harder ones do; what fails on a whole GPU fails on its instances too.
  void refute(const Config& config);
  /// Not these configs together once more, on whatever GPUs.
  void exclude(const Packed& packed) { excluded_.push_back(packed.configs()); }
  [[nodiscard]] bool allowed(const Config& config) const;

  struct Answer {
    std::optional<Packed> packed;  ///< nullopt: there is none
    double bound = 0;              ///< no packing costs less; infinite when there is none
  };
  /// Of packings that cost the same one with the fewest processes, of these the first that is met: patterns of low risk
  /// are tried first.
  [[nodiscard]] Answer solve(const std::function<double(const Config&)>& risk,
                             std::size_t most_nodes = 3'000'000) const;

 private:
  void add_whole(const Part& part, std::vector<Tenant>& tenants, const std::vector<Tenant>& choices,
                 std::size_t first);
  void add_layout(int kind, int layout, std::map<std::string, int>::const_iterator group, int left,
                  std::size_t first, std::vector<Config>& configs);
  void add(Pattern pattern);
  [[nodiscard]] std::vector<Tenant> choices_on(const Part& part) const;

  const CoveringProblem& problem_;
  std::vector<Pattern> patterns_;
  std::vector<Config> refuted_;
  std::vector<std::vector<Config>> excluded_;
};

}  // namespace gpushare::planning
