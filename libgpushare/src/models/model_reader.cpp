#include "models/model_reader.hpp"

#include <nlohmann/json.hpp>

#include "core/catalogue.hpp"
#include "gpushare/errors.hpp"
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
  Cost cost = alternative<Cost>(figures.reader().at("kind").choice(kNames));
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

Model read_model(const json::Reader& reader, const std::string& otherwise) {
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
  const auto document = kModels.load(name_or_path, fail_model);
  return read_model(json::Reader(document, kModels.source(name_or_path), fail_model));
}

Model parse_model(std::string_view text, const std::string& source) {
  const auto document = json::parse(text, source, fail_model);
  return read_model(json::Reader(document, source, fail_model));
}

std::vector<std::string> model_names() { return kModels.names(); }

}  // namespace gpushare
