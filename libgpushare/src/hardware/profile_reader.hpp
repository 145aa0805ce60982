#pragma once

#include <memory>
#include <string>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "gpushare/profile.hpp"

namespace gpushare {

inline constexpr Catalogue kProfiles{"profiles", "GPU profile"};

/// Reads and checks a profile document; `source` (a file name, may be empty) precedes pointers in messages.
[[nodiscard]] GpuProfile read_profile(const nlohmann::json& document, const std::string& source);

/// The one that a document names, by its path or not.
[[nodiscard]] std::shared_ptr<const GpuProfile> named_profile(const json::Reader& reader);

/// The document with what it lacks of the profile that its "carried_from" names, which is then assumed of this card.
[[nodiscard]] nlohmann::json carried(const nlohmann::json& document, const std::string& source,
                                     const json::Thrower& thrower);

/// Checks what a schema cannot say: that the parts of a profile agree with each other. Throws ProfileError.
void check_profile(const GpuProfile& profile, const std::string& source);

}  // namespace gpushare
