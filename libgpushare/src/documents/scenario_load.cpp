
#include <filesystem>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

constexpr Catalogue kScenarios{"scenarios", "scenario"};

// The text that read_columns of scenario_traffic.cpp makes of it; nothing where it is not written as it should be.
std::optional<std::string> columns_of(const nlohmann::ordered_json& columns) {
  std::string given;
  std::size_t known = 0;
  for (const char* role : {"arrival", "input", "output", "session"}) {
    const auto value = columns.is_object() ? columns.find(role) : columns.end();
    if (value == columns.end() || (!value->is_string() && !value->is_number_integer())) continue;
    given += (given.empty() ? "" : ",") + std::string(role) + "=";
    given += value->is_string() ? value->get<std::string>() : value->dump();
    ++known;
  }
  return known > 0 && known == columns.size() ? std::optional(given) : std::nullopt;
}

// The file that an entry of the traffic names, when it is written as it should be: reading it tells what is not.
std::optional<InputFile> file_of(const nlohmann::ordered_json& traffic) {
  const auto member = [&](const char* key) {
    const auto found = traffic.is_object() ? traffic.find(key) : traffic.end();
    return found != traffic.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string kind = member("kind"), path = member("path"), format = member("format");
  if (path.empty() || (kind != "trace" && kind != "calls")) return std::nullopt;
  InputFile file{kind == "calls" ? InputFile::Kind::calls : InputFile::Kind::trace, path};
  if (file.kind == InputFile::Kind::calls) return file;
  const auto whole = [&](const char* key) {
    const auto found = traffic.find(key);
    return found != traffic.end() && found->is_number_integer() ? found->get<std::int32_t>() : 0;
  };
  if (!format.empty()) file.format = format;
  if (const std::string unit = member("time_unit"); !unit.empty()) file.time_unit = unit;
  file.block_tokens = whole("block_tokens");
  file.output_tokens = whole("output_tokens");
  if (const auto columns = traffic.find("columns"); columns != traffic.end()) {
    const auto given = columns_of(*columns);
    if (!given) return std::nullopt;
    file.columns = *given;
  }
  return file;
}

}  // namespace

ScenarioDocument ScenarioDocument::load(const std::string& name_or_path, const std::string& mode) {
  if (is_path(name_or_path)) {
    const auto folder = std::filesystem::path(name_or_path).parent_path().string();
    return parse(json::text_of_file(name_or_path, scenario::fail), mode, name_or_path, folder);
  }
  if (!kScenarios.has(name_or_path)) scenario::fail({}, kScenarios.unknown(name_or_path));
  return parse(kScenarios.text(name_or_path), mode, name_or_path);
}

ScenarioDocument ScenarioDocument::parse(std::string_view json, const std::string& mode,
                                         const std::string& source, const std::string& folder) {
  static_cast<void>(json::parse(json, source, scenario::fail));  // refuses what the next parser lets pass
  auto given = nlohmann::ordered_json::parse(json);              // the same, in the document's order
  scenario::make_paths_absolute(given, folder);
  auto applied = scenario::apply_mode(given, mode, source);
  return ScenarioDocument(std::make_shared<const Content>(
      Content{std::make_shared<const nlohmann::ordered_json>(std::move(given)), source, std::move(applied)}));
}

ScenarioDocument ScenarioDocument::in_mode(const std::string& mode) const {
  return ScenarioDocument(std::make_shared<const Content>(Content{
      content_->given, content_->source, scenario::apply_mode(*content_->given, mode, content_->source)}));
}

std::string ScenarioDocument::given() const { return content_->given->dump(2); }

std::string ScenarioDocument::text() const { return content_->applied.json.dump(2); }

std::vector<InputFile> ScenarioDocument::files() const {
  std::vector<InputFile> files;
  const auto traffic = content_->applied.json.find("traffic");
  if (traffic == content_->applied.json.end() || !traffic->is_array()) return files;
  for (const auto& entry : *traffic)
    if (auto file = file_of(entry)) files.push_back(std::move(*file));
  return files;
}

Scenario ScenarioDocument::read(const Inputs& inputs, const Scenario* like) const {
  scenario::Relative relative;
  if (like != nullptr && like->original) relative = {like, &like->original->content_->applied.json};
  Scenario scenario = scenario::read(content_->applied, content_->source, inputs, relative);
  scenario.original = *this;
  return scenario;
}

Scenario parse_scenario(std::string_view json, const std::string& mode, const std::string& source,
                        const std::string& folder, const Inputs& inputs) {
  return ScenarioDocument::parse(json, mode, source, folder).read(inputs);
}

Scenario parse_scenario(std::string_view json, const Inputs& inputs) {
  return ScenarioDocument::parse(json).read(inputs);
}

Scenario load_scenario(const std::string& name_or_path, const std::string& mode, const Inputs& inputs) {
  return ScenarioDocument::load(name_or_path, mode).read(inputs);
}

std::vector<std::string> scenario_names() { return kScenarios.names(); }

Scenario with_mode(const Scenario& scenario, const std::string& mode) {
  if (!scenario.original)
    scenario::fail(scenario.name, "it was made by hand, so it has no document with modes");
  return scenario.original->in_mode(mode).read(scenario.inputs, &scenario);
}

}  // namespace gpushare
