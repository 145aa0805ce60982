#pragma once

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
[[nodiscard]] bool is_of_latency(std::string_view name);

/// Position of the one that a text means: that it spells, or the only one that it is the end of. `suffix` may be
/// missing at its end.
[[nodiscard]] std::size_t resolve(std::string_view text, const FigureNames& known,
                                  std::string_view suffix = {});

}  // namespace gpushare
