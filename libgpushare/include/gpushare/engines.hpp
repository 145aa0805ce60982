#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/profile.hpp"

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

}  // namespace gpushare
