#include "models/synthetic.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gpushare/sharing.hpp"

namespace gpushare {
Demand SyntheticModel::step(double drawn_s) const {
  Demand demand;
  demand.host_before_s = host_before_s;
  demand.fixed_gpu_s = drawn_s;
  demand.fixed_sm_share = sm_share;
  demand.fixed_bandwidth_share = bandwidth_share;
  if (kernels > 0) {
    demand.kernels = kernels;
  } else {
    // Of which only the time is known is no better and no worse a neighbour than what the laws refer to.
    demand.kernels = std::max(1.0, drawn_s / kReferenceKernelS);
    demand.one_launch = true;
  }
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
      {"host_before_s", &M::host_before_s, json::kSpan, kMay},
      {"memory_bytes", &M::memory_bytes, json::kNonNegative, kMay},
      {"sm_share", &M::sm_share, json::kFraction, kMay,
       "Of the card's SMs that it keeps busy: with fewer it takes longer in proportion, and neighbours under "
       "MPS get what it leaves. 1 when absent: all of the card. 0 with a bandwidth_share of 0: the same time "
       "on any part of a card, beside whatever runs there."},
      {"bandwidth_share", &M::bandwidth_share, json::kFraction, kMay,
       "Of the card's peak bandwidth that it draws, likewise; 0 when absent."},
      {"kernels", &M::kernels, json::kNonNegative, kMay,
       "Launches of a step; 0 or absent: not known, as many as kernels of 10 us make."},
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
