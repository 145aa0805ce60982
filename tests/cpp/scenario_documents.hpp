#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/scenario.hpp"

/// Documents for tests: small, and changed by merge patches.
namespace gpushare::test {

using Json = nlohmann::ordered_json;

inline Json parse(const std::string& text) { return Json::parse(text); }

/// A queue of synthetic jobs: the smallest scenario there is.
inline Json queue_document() {
  return parse(R"({
    "name": "queue",
    "duration_s": 100,
    "services": {"server": {"model": {"kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.5}}}},
    "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}}]
  })");
}

/// Recognition, an LLM and synthesis, with a closed loop of users.
inline Json voice_document() {
  return parse(R"({
    "name": "voice",
    "services": {
      "asr": {"model": "parakeet-1.1b"},
      "llm": {"model": "llama-3.1-8b"},
      "tts": {"model": "magpie-tts"}
    },
    "placement": {"mode": "dedicated", "consolidate": ["asr", "tts"]},
    "pipelines": {"turn": {"stages": [
      {"name": "asr", "service": "asr"},
      {"name": "llm", "service": "llm"},
      {"name": "tts", "service": "tts", "on": "sentence"}
    ]}},
    "traffic": [{"kind": "closed", "users": 2, "ramp_up_s": 1, "hold_s": 10, "ramp_down_s": 2,
                 "sizes": {"input_tokens": 100, "output_tokens": 40, "speech_s": 5}}]
  })");
}

inline Json patched(Json document, const std::string& patch) {
  document.merge_patch(parse(patch));
  return document;
}

inline Scenario read(const Json& document, const std::string& mode = {}) {
  return parse_scenario(document.dump(), mode, "s.json");
}

/// What reading the document complains of; "accepted" when it does not.
inline std::string complaint(const Json& document, const std::string& mode = {}) {
  try {
    static_cast<void>(read(document, mode));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

/// Replicas of the services that are placed, in their order.
inline std::vector<int> replicas_in(const Scenario& scenario) {
  return placed_replicas(scenario.workload, scenario.placement);
}

/// "gpu: partition=service,service+sharing" of every partition, to compare placements at a glance.
inline std::string placement_of(const Scenario& scenario) {
  std::string text;
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    const auto& parts = gpu.parts();
    text += text.empty() ? "" : " | ";
    for (std::size_t i = 0; i < parts.size(); ++i) {
      text += (i == 0 ? "" : " ") + parts[i].name + "=";
      const auto& placed = gpu.partitions.at(i);
      for (std::size_t p = 0; p < placed.processes.size(); ++p)
        text += (p == 0 ? "" : ",") +
                scenario.workload.services[static_cast<std::size_t>(placed.processes[p].service)].name;
      if (placed.sharing.mode != SharingMode::exclusive)
        text += "+" + std::string(to_string(placed.sharing.mode));
    }
  }
  return text;
}

}  // namespace gpushare::test
