
#include "core/builtin.hpp"

#include <nlohmann/json.hpp>
#include "core/figures.hpp"
#include "core/text.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

std::string_view to_string(EngineKind kind) {
  switch (kind) {
    case EngineKind::fifo:
      return "fifo";
    case EngineKind::dynamic_batching:
      return "dynamic-batching";
    case EngineKind::stream_batching:
      return "stream-batching";
    case EngineKind::autoregressive_slots:
      return "autoregressive-slots";
    case EngineKind::continuous_batching:
      return "continuous-batching";
  }
  return "";
}

namespace {

constexpr std::string_view kPresetFolder = "engines";

[[noreturn]] void fail_preset(std::string where, const std::string& what) {
  throw ScenarioError(std::move(where), what);
}

Engine read_defaults(json::Figures figures) {
  Engine engine;
  engine.kind = EngineKind::continuous_batching;
  engine.max_num_seqs = figures.integer("max_num_seqs", 1);
  engine.max_num_batched_tokens = figures.integer("max_num_batched_tokens", 1);
  engine.chunked_prefill = figures.boolean("chunked_prefill");
  engine.prefill_first = figures.boolean("prefill_first");
  if (figures.reader().has("reserve_output")) engine.reserve_output = figures.boolean("reserve_output");
  if (figures.reader().has("async_scheduling")) engine.async_scheduling = figures.boolean("async_scheduling");
  if (figures.reader().has("async_output")) engine.async_output = figures.boolean("async_output");
  engine.max_num_partial_prefills = figures.integer("max_num_partial_prefills", 1);
  engine.long_prefill_token_threshold = figures.integer("long_prefill_token_threshold", 0);
  engine.block_size = figures.integer("block_size", 1);
  engine.watermark = figures.number("watermark", json::kFraction);
  engine.prefix_caching = figures.boolean("prefix_caching");
  engine.cuda_graph_max_batch = figures.integer("cuda_graph_max_batch", 0);
  engine.host_per_step_s = figures.number("host_per_step_s");
  engine.host_per_sequence_s = figures.number("host_per_sequence_s");
  engine.request_overhead_s = figures.number("request_overhead_s");
  if (figures.reader().has("frontend_request_s"))
    engine.frontend_request_s = figures.number("frontend_request_s");
  if (figures.reader().has("frontend_token_s")) engine.frontend_token_s = figures.number("frontend_token_s");
  figures.reader().finish();
  return engine;
}

}  // namespace

EnginePreset load_engine_preset(const std::string& name) {
  const auto text = builtin(kPresetFolder, name);
  if (text) return parse_engine_preset(*text, text::format("{}/{}.json", kPresetFolder, name));
  const auto names = engine_preset_names();
  const auto near = json::nearest(name, names);
  fail_preset(
      {}, text::format("no engine preset is called \"{}\"{}; known: {}", name,
                       near ? text::format("; did you mean \"{}\"?", *near) : "", text::join(names, ", ")));
}

EnginePreset parse_engine_preset(std::string_view text, const std::string& source) {
  const auto document = json::parse(text, source, fail_preset);
  EnginePreset preset;
  json::Figures figures(json::Reader(document, source, fail_preset), {}, preset.provenance);
  figures.reader().ignore("$schema");
  preset.name = figures.reader().at("name").string();
  preset.title = figures.reader().at("title").string();
  preset.description = figures.reader().string("description", "");
  preset.engine = read_defaults(figures.section("engine"));
  preset.engine.preset = preset.name;
  figures.reader().finish();
  return preset;
}

std::vector<std::string> engine_preset_names() {
  auto names = builtin_names(kPresetFolder);
  std::erase(names, "schema");
  return names;
}

}  // namespace gpushare
