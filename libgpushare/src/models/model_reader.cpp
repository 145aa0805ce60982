#include "models/model_reader.hpp"

#include <nlohmann/json.hpp>

#include "core/catalogue.hpp"
#include "gpushare/errors.hpp"
#include "models/config_file.hpp"
#include "models/kinds.hpp"

namespace gpushare {

namespace {

using Cost = decltype(Model::cost);

constexpr Catalogue kModels{"models", "model"};

[[noreturn]] void fail_model(std::string where, const std::string& what) {
  throw ModelError(std::move(where), what);
}

Cost read_cost(json::Figures& figures) {
  static constexpr auto kNames =
      of_each_alternative<Cost>([]<class Kind>(std::type_identity<Kind>) { return ModelKind<Kind>::kName; });
  Cost cost = alternative<Cost>(figures.reader().choice("kind", kNames));
  std::visit([&]<class Kind>(Kind& model) { ModelKind<Kind>::read(figures, model); }, cost);
  return cost;
}

}  // namespace

namespace models {

Precision read_precision(const json::Reader& name) {
  return static_cast<Precision>(name.choice({"fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8", "int4"}));
}

std::string read_text(const json::Reader& value) {
  auto text = value.string();
  if (text.empty()) value.fail("expected a text that is not empty");
  return text;
}

}  // namespace models

std::shared_ptr<const Model> named_model(const json::Reader& reader, const std::string& otherwise) {
  if (reader.is_object()) return std::make_shared<const Model>(read_model(reader, otherwise));
  if (!reader.is_string())
    reader.fail("expected a model's name, the path of its file, or the model itself (an object)");
  return std::make_shared<const Model>(load_model(kModels.named_by(reader)));
}

namespace {

// The figures that a configuration makes, read as a file of them is; what is wrong with them is wrong with it.
Model model_of_config(const json::Reader& reader, const std::string& path, const std::string& otherwise) {
  const nlohmann::ordered_json figures = config_file::model_of(reader);
  if (!path.empty()) config_file::check_index(reader, figures, path);
  const auto plain = nlohmann::json::parse(figures.dump());
  const json::Thrower thrower = [&](const std::string& where, const std::string& what) {
    reader.fail(where + ": " + what);
  };
  return read_model(json::Reader(plain, {}, thrower), otherwise);
}

Model read_document(const nlohmann::json& document, const std::string& path) {
  const json::Reader reader(document, path, fail_model);
  if (!config_file::is_one(reader)) return read_model(reader);
  return model_of_config(reader, path, reader.has("architecture") ? "" : config_file::name_of(path));
}

}  // namespace

Model read_model(const json::Reader& reader, const std::string& otherwise) {
  if (config_file::is_one(reader)) return model_of_config(reader, {}, otherwise);
  Model model;
  json::Figures figures(reader, {}, model.provenance);
  reader.ignore("$schema");
  reader.ignore("description");
  const bool named = otherwise.empty() || reader.has("name");
  model.name = named ? models::read_text(reader.at("name")) : otherwise;
  model.title = reader.string("title", otherwise.empty() ? model.name : otherwise);
  model.cost = read_cost(figures);
  reader.finish();
  return model;
}

Model load_model(const std::string& name_or_path) {
  const std::string file = config_file::file_of(name_or_path);
  return read_document(kModels.load(file, fail_model), kModels.source(file));
}

Model parse_model(std::string_view text, const std::string& source) {
  return read_document(json::parse(text, source, fail_model), source);
}

std::string model_document(const std::string& name_or_path) {
  const std::string file = config_file::file_of(name_or_path);
  const auto document = kModels.load(file, fail_model);
  const json::Reader reader(document, kModels.source(file), fail_model);
  if (!config_file::is_one(reader)) return nlohmann::ordered_json(document).dump(2);
  nlohmann::ordered_json model = config_file::model_of(reader);
  config_file::check_index(reader, model, kModels.source(file));
  if (model.contains("name")) return model.dump(2);
  nlohmann::ordered_json named{{"$schema", "schema.json"}, {"name", config_file::name_of(file)}};
  named.update(model);
  return named.dump(2);
}

std::vector<std::string> model_names() { return kModels.names(); }

}  // namespace gpushare
