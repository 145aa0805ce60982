#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// What a plan chooses from: GPUs, their parts, and the tenants that may stand on them.
namespace gpushare::planning {

/// Services, kinds of GPU and the like count as int.
[[nodiscard]] inline std::size_t index(int number) { return static_cast<std::size_t>(number); }

inline constexpr double kInfinite = std::numeric_limits<double>::infinity();
inline constexpr double kSameCost = 1e-9;  ///< difference of costs that is none

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
  int most_tenants = 6;    ///< on one part
  int copies = 2;          ///< of one service on one part
  bool spread = false;     ///< no GPU has two replicas of a service
  /// Whether tenants could stand there at all; when they cannot, no more of them can.
  std::function<bool(const Config&)> possible = [](const Config&) { return true; };
  /// Whether a part has no more of anything than another one: what fails on that one fails on it.
  std::function<bool(const Part& part, const Part& than)> lesser = is_instance_of;
};

/// Names of the instances of layouts.
[[nodiscard]] std::set<std::string> instances_of(const std::vector<CoveringProblem::Layout>& layouts);

/// Parts that there are: whole GPUs, for ranks as many as any service has, then instances.
[[nodiscard]] std::vector<Part> parts_of(const CoveringProblem& problem);

/// Of which all prices are multiples, to a ten thousandth; 0 where there is none such.
[[nodiscard]] double common_measure(const CoveringProblem& problem);

/// In as many replicas as its service may have in that form.
[[nodiscard]] Tenant lightest_of(const CoveringProblem& problem, const Tenant& tenant);
/// Of all services, each in as many replicas as it may have.
[[nodiscard]] int most_replicas(const CoveringProblem& problem);

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

  [[nodiscard]] std::vector<Config> configs() const;              ///< ascending
  [[nodiscard]] std::vector<Config> hosts_of(int service) const;  ///< of its replicas, ascending
};

/// Packings that are not looked for.
struct Forbidden {
  std::vector<std::vector<Config>> packings;  ///< these configs together
  /// By service where its replicas do not all stand: each in one of these configs, or in one as hard, set against it.
  std::map<int, std::vector<std::vector<Config>>> hosts;

  /// Whether these are all configs of such a packing; ascending.
  [[nodiscard]] bool forbids(const std::vector<Config>& configs) const;
};
/// Whether configs are as hard as others, each set against one of these on the same part.
[[nodiscard]] bool as_hard(const std::vector<const Config*>& configs, const std::vector<Config>& than);

}  // namespace gpushare::planning
