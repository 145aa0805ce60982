#include <nlohmann/json.hpp>

#include "core/catalogue.hpp"
#include "core/figures.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"
#include "serving/engine_options.hpp"

namespace gpushare {

namespace {

constexpr Catalogue kPresets{"engines", "engine preset", true};

[[noreturn]] void fail_preset(std::string where, const std::string& what) {
  throw ScenarioError(std::move(where), what);
}

Engine read_defaults(json::Figures figures, const std::string& name) {
  ContinuousOptions options;
  options.preset = name;
  Engine engine;
  read_figures<ContinuousOptions>(figures, table_of(options), options);
  read_figures<Engine>(figures, kEngineFields, engine);
  figures.reader().finish();
  engine.options = std::move(options);
  return engine;
}

EnginePreset read_preset(const nlohmann::json& document, const std::string& source) {
  EnginePreset preset;
  json::Figures figures(json::Reader(document, source, fail_preset), {}, preset.provenance);
  figures.reader().ignore("$schema");
  preset.name = figures.reader().at("name").string();
  preset.title = figures.reader().at("title").string();
  preset.description = figures.reader().string("description", "");
  preset.engine = read_defaults(figures.section("engine"), preset.name);
  figures.reader().finish();
  return preset;
}

}  // namespace

EnginePreset load_engine_preset(const std::string& name) {
  return read_preset(kPresets.load(name, fail_preset), kPresets.source(name));
}

EnginePreset parse_engine_preset(std::string_view text, const std::string& source) {
  return read_preset(json::parse(text, source, fail_preset), source);
}

EnginePreset named_preset(const json::Reader& reader) {
  return load_engine_preset(kPresets.named_by(reader));
}

std::vector<std::string> engine_preset_names() { return kPresets.names(); }

FieldValues preset_values(const EnginePreset& preset) {
  FieldValues values;
  std::visit([&]<class Options>(
                 const Options& options) { append_values<Options>(values, table_of(options), options); },
             preset.engine.options);
  append_values<Engine>(values, kEngineFields, preset.engine);
  return values;
}

}  // namespace gpushare
