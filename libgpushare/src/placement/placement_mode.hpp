#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/placement.hpp"

namespace gpushare::scenario {

/// A mode taken apart before the GPU is known that gives its layout a meaning.
struct WrittenMode {
  PlacementMode mode;  ///< but for the layout
  std::string layout;  ///< mig
};

inline constexpr std::string_view kMigWord =
    "mig";  ///< the only mode that must have something after its word
/// What a mode begins with.
[[nodiscard]] std::vector<std::string> mode_words();
/// Nothing when the text begins like no mode; throws ScenarioError at `where` when the rest of it is wrong.
[[nodiscard]] std::optional<WrittenMode> read_mode(const std::string& text, const std::string& where);
/// For messages about what begins like no mode: "; did you mean "mps"?", or what another tool's word is here; or nothing.
[[nodiscard]] std::string mode_hint(const std::string& text);
/// Throws LayoutError.
[[nodiscard]] PlacementMode on_gpu(const WrittenMode& written, const GpuProfile& profile);

/// gpushare::place, with ScenarioErrors at `where`.
[[nodiscard]] Placement place(const PlacementMode& mode, const Workload& workload,
                              const PlacementOptions& options, const std::string& where);

}  // namespace gpushare::scenario
