#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/fields.hpp"
#include "gpushare/provenance.hpp"

namespace gpushare {

/// The defaults of an LLM server and version, read from engines/*.json; a scenario's engine names it as "preset".
struct EnginePreset {
  std::string name;  ///< "vllm-0.20"
  std::string title;
  std::string description;
  Engine engine;                            ///< continuous batching
  std::vector<ProvenanceEntry> provenance;  ///< of every figure
};

/// One of engine_preset_names(). Throws ScenarioError for another name.
[[nodiscard]] EnginePreset load_engine_preset(const std::string& name);
/// Throws ScenarioError with JSON pointer; `source` stands for the file name in errors.
[[nodiscard]] EnginePreset parse_engine_preset(std::string_view json, const std::string& source = {});
[[nodiscard]] std::vector<std::string> engine_preset_names();
/// Of the server that language models have where nothing says which.
[[nodiscard]] std::string usual_llm_preset();

/// What a preset states, as members of a scenario's engine.
[[nodiscard]] FieldValues preset_values(const EnginePreset& preset);

/// The kinds of engine that can serve each kind of model, by the model's kind as documents have it; the first is the one
/// that does where a scenario names none.
[[nodiscard]] std::vector<std::pair<std::string_view, std::vector<EngineKind>>> engines_by_model();

/// Every kind of engine, in the order of EngineKind, with the members that a scenario may state of it.
[[nodiscard]] std::vector<KindInfo> engine_kinds();

}  // namespace gpushare
