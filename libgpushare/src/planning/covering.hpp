#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// The cheapest GPUs that hold all replicas of all services, of configs that are not known to fail: an exact branch and
/// bound for small problems. The Python package solves the same problem by HiGHS.
namespace gpushare::planning {

/// Services, kinds of GPU and the like count as int.
[[nodiscard]] inline std::size_t index(int number) { return static_cast<std::size_t>(number); }

/// One replica of a service that has so many, in one of its forms: it carries that part of the load.
struct Tenant {
  int service = 0;
  int replicas = 1;
  int variant = 0;  ///< 0: the service as it stands

  friend auto operator<=>(const Tenant&, const Tenant&) = default;
};

/// A kind of partition: a whole GPU, several for the ranks of one replica, or a MIG instance.
struct Part {
  int kind = 0;
  std::string instance;  ///< its profile's name; empty: whole
  int gpus = 1;

  [[nodiscard]] bool whole() const { return instance.empty(); }
  friend auto operator<=>(const Part&, const Part&) = default;
};

/// Tenants on a part, ascending.
struct Config {
  Part part;
  std::vector<Tenant> tenants;

  friend auto operator<=>(const Config&, const Config&) = default;
};

/// Whether tenants ask at least as much of a part: all the others, each with its load or more.
[[nodiscard]] bool harder(const std::vector<Tenant>& tenants, const std::vector<Tenant>& than);
/// Whether an instance is of a whole GPU.
[[nodiscard]] bool is_instance_of(const Part& instance, const Part& whole);

/// What there is to choose from.
struct CoveringProblem {
  using Layout = std::map<std::string, int>;  ///< instances by name

  struct Kind {
    double price = 1;
    int count = 1;
    std::vector<Layout> layouts;  ///< none: it is never cut
  };
  std::vector<Kind> kinds;
  std::vector<std::vector<Tenant>> tenants;  ///< that each service may be
  std::vector<int> ranks;  ///< GPUs of one replica of each service; those of several never share
  int most_tenants = 4;    ///< on one part
  int copies = 2;          ///< of one service on one part
  bool spread = false;     ///< no GPU has two replicas of a service
  std::size_t most_configs = 50'000;
  /// Whether tenants could stand there at all; when they cannot, no more of them can.
  std::function<bool(const Config&)> possible = [](const Config&) { return true; };
  /// Whether a part has no more of anything than another one: what fails on that one fails on it.
  std::function<bool(const Part& part, const Part& than)> lesser = is_instance_of;
};

/// Names of the instances of layouts.
[[nodiscard]] std::set<std::string> instances_of(const std::vector<CoveringProblem::Layout>& layouts);

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
  /// Throws ScenarioError when there are more configs than the problem allows.
  explicit Covering(const CoveringProblem& problem);

  /// It fails, so all harder ones do, on lesser parts too.
  void refute(const Config& config);
  /// Not these configs together once more, on whatever GPUs.
  void exclude(const Packed& packed) { excluded_.push_back(packed.configs()); }
  [[nodiscard]] bool allowed(const Config& config) const;

  struct Answer {
    std::optional<Packed> packed;  ///< nullopt: there is none
    double bound = 0;              ///< no packing costs less; infinite when there is none
  };
  /// Of packings that cost the same one with the fewest processes, of these the first that is met: configs of low risk
  /// are tried first.
  [[nodiscard]] Answer solve(const std::function<double(const Config&)>& risk,
                             std::size_t most_nodes = 3'000'000) const;

 private:
  void add_configs(const Part& part, std::vector<Tenant>& tenants, const std::vector<Tenant>& choices,
                   std::size_t first);
  [[nodiscard]] std::vector<Tenant> choices_on(const Part& part) const;
  [[nodiscard]] bool fails_with(const Config& config, const Config& cut) const;

  const CoveringProblem& problem_;
  std::vector<Config> configs_;
  std::vector<Config> refuted_;
  std::vector<std::vector<Config>> excluded_;
};

}  // namespace gpushare::planning
