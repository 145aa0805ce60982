#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/figures.hpp"

namespace gpushare {

/// Names that a text may mean.
struct FigureNames {
  std::span<const std::string> names;  ///< canonical
  std::string_view only_pipeline;      ///< that may stand before latencies; empty where there are several
};
[[nodiscard]] std::vector<std::string> figure_names(const Summary& summary);
/// Of runs with whatever their objectives may bring: `goodput`, `error_budget_used`.
[[nodiscard]] std::vector<std::string> all_figure_names(const Workload& workload, const Placement& placement,
                                                        bool faults, bool control);
[[nodiscard]] bool is_of_latency(std::string_view name);

/// Position of the one that a text means: that it spells, or the only one that it is the end of. `suffix` may be
/// missing at its end.
/// Whether a text means one of the names, or several.
[[nodiscard]] bool is_known(std::string_view text, const FigureNames& known);
[[nodiscard]] std::size_t resolve(std::string_view text, const FigureNames& known,
                                  std::string_view suffix = {});

/// Which side of a value a figure has to stay on; `worse`: below where less is better, above where more is.
enum class Side : std::uint8_t { worse, at_most, at_least };
/// A bound that has its parts already: a figure, a side, and a number or a text such as "500ms". Throws FigureError, as
/// parse_bound does.
[[nodiscard]] FigureBound read_bound(const FigureNames& known, std::string_view figure, Side side,
                                     double value);
[[nodiscard]] FigureBound read_bound(const FigureNames& known, std::string_view figure, Side side,
                                     std::string_view value);

}  // namespace gpushare
