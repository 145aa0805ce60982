#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/scenario.hpp"

namespace gpushare::scenario {

/// A placement mode of the grammar, taken apart.
struct PlacementMode {
  enum class Kind : std::uint8_t { dedicated, time_slicing, mps, mig };
  Kind kind = Kind::dedicated;
  int replicas = 0;                               ///< time_slicing: of each service; 0: as the service says
  std::vector<double> percentages;                ///< mps: by process; empty: no caps
  std::string layout;                             ///< mig
  SharingMode inner = SharingMode::time_slicing;  ///< mig: of instances with more than one process
};

inline constexpr std::string_view kModeGrammar =
    "dedicated, time-slicing[:REPLICAS], mps[:PERCENT/PERCENT...], mig:LAYOUT[/time-slicing|/mps]";

/// Nothing when the text begins like no mode; throws ScenarioError at `where` when the rest of it is wrong.
[[nodiscard]] std::optional<PlacementMode> parse_mode(const std::string& text, const std::string& where);

/// Fills in the GPUs of the mode: those of services left alone first, then the one that is shared by `consolidate`
/// (indices of services). Throws LayoutError, ScenarioError at `where`, or MemoryError for a process that fits nowhere.
[[nodiscard]] std::vector<GpuPlacement> place(const PlacementMode& mode, const std::vector<Service>& services,
                                              const std::vector<int>& consolidate,
                                              const std::shared_ptr<const GpuProfile>& profile,
                                              const std::string& where);

}  // namespace gpushare::scenario
