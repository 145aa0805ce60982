#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a workload has to keep to, wherever it runs.
namespace gpushare {

/// A figure and what it may be at most or at least.
struct FigureBound {
  std::string name;  ///< canonical
  double value = 0;  ///< in the unit of the figure
  bool at_most = true;

  friend bool operator==(const FigureBound&, const FigureBound&) = default;
};

enum class IsolationLevel : std::uint8_t {
  process,  ///< no MPS server has processes of two of them
  hardware  ///< no partition has processes of two of them
};
[[nodiscard]] std::string_view to_string(IsolationLevel level);

/// Services that are to be kept apart.
struct Isolation {
  std::vector<std::string> between;  ///< names, two or more
  IsolationLevel level = IsolationLevel::hardware;

  friend bool operator==(const Isolation&, const Isolation&) = default;
};

/// What may fail while the bounds hold: any one partition, GPU or node.
enum class Tolerance : std::uint8_t { nothing, instance, gpu, node };
[[nodiscard]] std::string_view to_string(Tolerance tolerance);

struct Objectives {
  /// In the order given. A latency's bound from above is also what each request is held to, for `goodput`.
  std::vector<FigureBound> figures;
  std::vector<Isolation> isolation;
  double memory_headroom = 0;  ///< share of every partition's memory that stays free
  Tolerance tolerate = Tolerance::nothing;

  [[nodiscard]] bool empty() const { return *this == Objectives{}; }
  friend bool operator==(const Objectives&, const Objectives&) = default;
};

/// The error budget: the share of requests that may get no answer by the bound of `success_rate`; 0 where there is none.
[[nodiscard]] double allowed_failures(const Objectives& objectives);

}  // namespace gpushare
