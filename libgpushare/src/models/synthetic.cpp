#include "models/synthetic.hpp"

#include <nlohmann/json.hpp>

namespace gpushare {

Demand SyntheticModel::step(double drawn_s) const {
  Demand demand;
  demand.host_before_s = host_before_s;
  demand.fixed_gpu_s = drawn_s;
  return demand;
}

std::span<const Field<SyntheticModel>> ModelKind<SyntheticModel>::fields() {
  using M = SyntheticModel;
  using gpushare::fields::kMay, gpushare::fields::kMust;
  static constexpr auto kTable = std::to_array<Field<M>>({
      {"gpu_s",
       ReadByHand{},
       {},
       kMust,
       "A number (constant), or a distribution: {\"kind\": \"exponential\", \"mean\": 0.1}."},
      {"host_before_s", &M::host_before_s, json::kNonNegative, kMay},
      {"memory_bytes", &M::memory_bytes, json::kNonNegative, kMay},
  });
  return kTable;
}

void ModelKind<SyntheticModel>::read(json::Figures& figures, SyntheticModel& model) {
  model.gpu_s = figures.reader().at("gpu_s").distribution();
  read_fields(figures.reader(), fields(), model);
}

void ModelKind<SyntheticModel>::write_by_hand(const SyntheticModel& model, nlohmann::ordered_json& object) {
  object["mean_gpu_s"] = model.gpu_s.mean();
}

}  // namespace gpushare
