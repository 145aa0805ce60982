#include "models/model_kind.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "models/kinds.hpp"

namespace gpushare {
namespace {

// Calls `ask` with the kind of the model and its cost.
template <class Ask>
auto ask_kind(const Model& model, Ask&& ask) {
  return std::visit([&]<class Cost>(const Cost& cost) { return ask(ModelKind<Cost>{}, cost); }, model.cost);
}

}  // namespace

std::string_view kind_of(const Model& model) {
  return ask_kind(model, [](auto kind, const auto&) { return kind.kName; });
}

Role role_of(const Model& model) {
  return ask_kind(model, [](auto kind, const auto& cost) { return kind.role(cost); });
}

std::vector<Precision> precisions_of(const Model& model) {
  return ask_kind(model, [](auto kind, const auto& cost) { return kind.precisions(cost); });
}

bool splits_over_gpus(const Model& model) {
  return ask_kind(model, [](auto kind, const auto&) { return kind.kSplits; });
}

bool keeps_cache(const Model& model) {
  return ask_kind(model, [](auto kind, const auto&) { return kind.kKeepsCache; });
}

std::span<const StageMetric> metrics_of(const Model& model) {
  return ask_kind(model,
                  []<class Kind>(Kind, const auto&) { return std::span<const StageMetric>(Kind::kMetrics); });
}

std::optional<Precision> computes_in(const Model& model, Precision precision, const GpuProfile& gpu) {
  return ask_kind(model, [&](auto kind, const auto& cost) { return kind.computes_in(cost, precision, gpu); });
}

std::vector<Peaks> peaks_of(const Model& model, Precision precision, const GpuProfile& gpu) {
  return ask_kind(model, [&](auto kind, const auto& cost) { return kind.peaks(cost, precision, gpu); });
}

MemoryNeed memory_of(const Model& model, const Process& process) {
  return ask_kind(model, [&](auto kind, const auto& cost) { return kind.memory(cost, process); });
}

std::optional<LargerNeed> larger_memory(const Model& model, const Process& process, int slots) {
  return ask_kind(model, [&](auto kind, const auto& cost) { return kind.larger(cost, process, slots); });
}

double cache_bytes_per_token(const Model& model, const Process& process) {
  return ask_kind(model,
                  [&](auto kind, const auto& cost) { return kind.cache_bytes_per_token(cost, process); });
}

std::vector<Network> networks_of(const Model& model, Precision precision, const Engine& engine) {
  std::vector<Network> networks{{&model, precision}};
  if (const Speculation* speculation = speculation_of(engine); speculation != nullptr && speculation->draft)
    networks.push_back({speculation->draft.get(), speculation->precision});
  return networks;
}

Need need_of(Role role) {
  switch (role) {
    case Role::generates:
      return {"output_tokens", "generates tokens"};
    case Role::recognises:
      return {"speech_s", "recognises speech"};
    case Role::speaks:
      return {"output_tokens", "speaks the reply's tokens"};
    case Role::counts:
      return {"units", "works on units"};
    case Role::draws:
    case Role::waits:
      break;
  }
  return {};
}

std::string model_figures(const Model& model) {
  return ask_kind(model, []<class Kind, class Cost>(Kind kind, const Cost& cost) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    fields::for_each<Cost>(kind.fields(), cost, [&](const Field<Cost>& field, const auto& value) {
      object[std::string(field.name)] = value;
    });
    kind.write_by_hand(cost, object);
    return object.dump();
  });
}

std::vector<KindInfo> model_kinds() {
  std::vector<KindInfo> kinds;
  for_each_alternative<decltype(Model::cost)>([&]<class Cost>(std::type_identity<Cost>) {
    KindInfo kind{ModelKind<Cost>::kName, {}, {}, ModelKind<Cost>::kSourced};
    append_infos<Cost>(kind.fields, ModelKind<Cost>::fields());
    kinds.push_back(std::move(kind));
  });
  return kinds;
}

}  // namespace gpushare
