#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/figures.hpp"

namespace gpushare {

/// A canonical name, and the pipeline that may stand before it.
struct FigureName {
  std::string name;
  std::string only_pipeline{};
};
[[nodiscard]] std::vector<FigureName> figure_names(const Summary& summary);
[[nodiscard]] std::vector<FigureName> figure_names(std::span<const std::string> names);

/// The one that a text means: that it spells, or the only one that it is the end of. `suffix` may be missing at its end.
[[nodiscard]] const FigureName& resolve(std::string_view text, const std::vector<FigureName>& names,
                                        std::string_view suffix = {});

}  // namespace gpushare
