#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/scenario.hpp"
#include "placement/placement_mode.hpp"

namespace gpushare {
namespace scenario {

/// A scenario document with a mode applied to it: what is read, and what is kept.
struct AppliedDocument {
  nlohmann::ordered_json json;     ///< paths absolute, the mode's patch merged, /placement says how to place
  std::string mode;                ///< as shown in tables
  std::vector<std::string> modes;  ///< the document's own, in its order
  /// What it places by; nullopt: it lists its GPUs, or a label stands for the mode, which is still to be read.
  std::optional<WrittenMode> written{};
};

/// Throws ScenarioError.
[[noreturn]] void fail(std::string where, const std::string& what);

/// Applies `mode`, or the document's own placement when it is empty. A mode is one of the document's own (RFC 7396
/// merge patches) or one of the grammar. What a patch changed is kept in /placement/undo, so that another mode can be
/// applied to the result. Throws ScenarioError; `source` precedes the JSON pointers.
[[nodiscard]] AppliedDocument apply_mode(nlohmann::ordered_json document, const std::string& mode,
                                         const std::string& source);

/// The document with a placement that is listed instead, under a label. `given` is what it was before any mode.
[[nodiscard]] AppliedDocument apply_placement(const nlohmann::ordered_json& given,
                                              const AppliedDocument& before,
                                              const nlohmann::ordered_json& placement,
                                              const std::string& label);

/// A scenario that was read, and the document that it was read from.
struct Relative {
  const Scenario* scenario = nullptr;
  const nlohmann::ordered_json* json = nullptr;
};
/// Reads the document, but for what it has in common with that of `like`.
[[nodiscard]] Scenario read(const AppliedDocument& applied, const std::string& source, const Inputs& inputs,
                            const Relative& like);

/// The merge patch that turns `from` into `to` (RFC 7396, so neither may hold nulls that matter).
[[nodiscard]] nlohmann::ordered_json merge_difference(const nlohmann::ordered_json& from,
                                                      const nlohmann::ordered_json& to);

/// Makes the relative paths of a document, or of a patch of one, start at `folder`.
void make_paths_absolute(nlohmann::ordered_json& document, const std::string& folder);

/// The keys of an object in their order; none of what is no object.
[[nodiscard]] std::vector<std::string> keys_of(const nlohmann::ordered_json& object);
/// The keys of an object member, in the document's order; none when there is no such member.
[[nodiscard]] std::vector<std::string> keys_of(const nlohmann::ordered_json& document, const char* member);

}  // namespace scenario

struct ScenarioDocument::Content {
  std::shared_ptr<const nlohmann::ordered_json> given;  ///< paths absolute
  std::string source;
  scenario::AppliedDocument applied;
};

}  // namespace gpushare
