#include "models/autoregressive_tts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

namespace {

OperatorGroup group_of(const AutoregressiveTtsModel& model, double floor_s, double flop, double bytes) {
  OperatorGroup group;
  group.floor_s = floor_s;
  group.flop = flop;
  group.bytes = bytes;
  group.flop_efficiency = model.flop_efficiency;
  group.bandwidth_efficiency = model.bandwidth_efficiency;
  return group;
}

std::vector<AutoregressiveTtsModel::BatchProfile> read_batch_profiles(json::Figures figures) {
  std::vector<AutoregressiveTtsModel::BatchProfile> profiles;
  const json::Reader& list = figures.reader();
  if (!list.is_array() || list.size() == 0) list.fail("expected an array of at least one batch profile");
  for (std::size_t i = 0; i < list.size(); ++i) {
    json::Figures row = figures.section(i);
    const json::Reader batch = row.reader().at("batch");
    profiles.push_back(
        {static_cast<int>(batch.integer(1, 65536)), row.number("memory_bytes", json::kPositive)});
    row.reader().finish();
    if (i > 0 && profiles[i].batch <= profiles[i - 1].batch)
      batch.fail(text::format("batch profiles must ascend: {} follows {}", profiles[i].batch,
                              profiles[i - 1].batch));
  }
  return profiles;
}

using BatchProfile = AutoregressiveTtsModel::BatchProfile;

MemoryNeed loaded(const AutoregressiveTtsModel& model, const BatchProfile& profile, const Process& process) {
  MemoryNeed need = whole_process(model.weight_bytes,
                                  process.memory_bytes > 0 ? process.memory_bytes : profile.memory_bytes);
  need.slots = profile.batch;
  return need;
}

int stated_slots(const Process& process) { return std::get<SlotOptions>(process.engine.options).slots; }

}  // namespace

Demand AutoregressiveTtsModel::prefill(double streams) const {
  Demand demand;
  if (streams <= 0) return demand;
  demand.host_before_s = host_per_step_s + streams * host_per_stream_s;
  demand.kernels = kernels_per_frame;
  demand.add(group_of(*this, prefill_floor_s + streams * prefill_per_stream_s, 0, weight_bytes));
  return demand;
}

Demand AutoregressiveTtsModel::frame(double streams) const {
  Demand demand;
  if (streams <= 0) return demand;
  demand.host_before_s = host_per_step_s + streams * host_per_stream_s;
  demand.kernels = kernels_per_frame;
  demand.launch_s = frame_launch_s;
  demand.eager_launch_s = frame_launch_s;
  demand.add(
      group_of(*this, frame_floor_s, streams * frame_flop, frame_weight_bytes + streams * frame_bytes));
  return demand;
}

Demand AutoregressiveTtsModel::vocode(double streams, double frames) const {
  Demand demand;
  if (streams <= 0) return demand;
  demand.kernels = streams * kernels_per_vocode;
  demand.add(group_of(*this, streams * vocoder_floor_s, frames * vocoder_flop_per_frame,
                      frames * vocoder_bytes_per_frame));
  return demand;
}

MemoryNeed ModelKind<AutoregressiveTtsModel>::memory(const Tts& model, const Process& process) {
  const auto& profiles = model.batch_profiles;
  const auto chosen = std::find_if(profiles.begin(), profiles.end(), [&](const BatchProfile& profile) {
    return profile.batch >= stated_slots(process);
  });
  if (chosen == profiles.end()) throw ModelError(process.service, "the model has no batch profile so large");
  return loaded(model, *chosen, process);
}

std::optional<LargerNeed> ModelKind<AutoregressiveTtsModel>::larger(const Tts& model, const Process& process,
                                                                    int slots) {
  if (stated_slots(process) > 0) return std::nullopt;
  const auto& profiles = model.batch_profiles;
  const auto next = std::find_if(profiles.begin(), profiles.end(),
                                 [&](const BatchProfile& profile) { return profile.batch > slots; });
  if (next == profiles.end()) return std::nullopt;
  return LargerNeed{loaded(model, *next, process), next->memory_bytes};
}

std::span<const Field<AutoregressiveTtsModel>> ModelKind<AutoregressiveTtsModel>::fields() {
  using gpushare::fields::kMay, gpushare::fields::kMust;
  static constexpr auto kTable = std::to_array<Field<Tts>>({
      {"frames_per_s", &Tts::frames_per_s, json::kPositive, kMust, "Codec frames in a second of audio."},
      {"prefill_floor_s", &Tts::prefill_floor_s, json::kSpan, kMust, "Text encoding."},
      {"prefill_per_stream_s", &Tts::prefill_per_stream_s, json::kSpan, kMust},
      {"frame_floor_s", &Tts::frame_floor_s, json::kSpan, kMust},
      {"frame_flop", &Tts::frame_flop, json::kPositive, kMust, "Of one stream's frame."},
      {"frame_bytes", &Tts::frame_bytes, json::kNonNegative, kMust, "Of one stream's frame."},
      {"weight_bytes", &Tts::weight_bytes, json::kPositive, kMust,
       "Of the whole network, read by a text encoding."},
      {"frame_weight_bytes", &Tts::frame_weight_bytes, json::kPositive, kMust,
       "Read by a frame step, whatever its batch."},
      {"frame_launch_s", &Tts::frame_launch_s, json::kSpan, kMay,
       "Host time of a frame's launches, beside the GPU's work: a frame takes at least so long. 0 if left "
       "out."},
      {"vocoder_floor_s", &Tts::vocoder_floor_s, json::kSpan, kMust},
      {"vocoder_flop_per_frame", &Tts::vocoder_flop_per_frame, json::kPositive, kMust},
      {"vocoder_bytes_per_frame", &Tts::vocoder_bytes_per_frame, json::kNonNegative, kMust},
      {"flop_efficiency", &Tts::flop_efficiency, json::kEfficiency, kMust},
      {"bandwidth_efficiency", &Tts::bandwidth_efficiency, json::kEfficiency, kMust},
      {"host_per_step_s", &Tts::host_per_step_s, json::kSpan, kMust, "Of text encodings and frame steps."},
      {"host_per_stream_s", &Tts::host_per_stream_s, json::kSpan, kMust},
      {"kernels_per_frame", &Tts::kernels_per_frame, json::kPositive, kMust},
      {"kernels_per_vocode", &Tts::kernels_per_vocode, json::kPositive, kMust},
      {"batch_profiles",
       ReadByHand{},
       {},
       kMust,
       "Compiled engines by slots, ascending, with the memory of the whole process."},
  });
  return kTable;
}

void ModelKind<AutoregressiveTtsModel>::read(json::Figures& figures, Tts& model) {
  read_figures(figures, fields(), model, [&](std::string_view profiles) {
    model.batch_profiles = read_batch_profiles(figures.section(profiles));
  });
}

void ModelKind<AutoregressiveTtsModel>::write_by_hand(const Tts& model, nlohmann::ordered_json& object) {
  auto& profiles = object["batch_profiles"] = nlohmann::ordered_json::array();
  for (const BatchProfile& profile : model.batch_profiles)
    profiles.push_back({{"batch", profile.batch}, {"memory_bytes", profile.memory_bytes}});
}

}  // namespace gpushare
