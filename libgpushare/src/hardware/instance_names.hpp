#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gpushare/profile.hpp"

/// What instances are called: by profiles, by nvidia-smi, by device listings and by Kubernetes' resources.
namespace gpushare::instance_names {

/// The name in a profile's letters: "MIG 3G.40GB", "mig-3g.40gb" and "nvidia.com/mig-3g.40gb" are "3g.40gb", and
/// "1g.10gb.me" is "1g.10gb+me".
[[nodiscard]] std::string plain(std::string_view written);

/// The number that the whole text is, if it is one and not negative.
[[nodiscard]] std::optional<int> number_of(std::string_view text);

/// The plain instance profile of so many compute slices; empty where there is none.
[[nodiscard]] std::string of_slices(const GpuProfile& profile, int slices);

/// Index into GpuProfile::mig of the instance profile of that plain name, of "3g" or "1g+me", or of that id. Throws
/// LayoutError for `item`, which names the instance of as many slices that the card has instead.
[[nodiscard]] int find(const GpuProfile& profile, std::string_view name, const std::string& item);

}  // namespace gpushare::instance_names
