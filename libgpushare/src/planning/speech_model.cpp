#include "planning/speech_model.hpp"

#include <algorithm>
#include <cmath>

#include "gpushare/bounds.hpp"
#include "planning/latencies.hpp"
#include "planning/places.hpp"

namespace gpushare::planning {
namespace {

class Rounds {
 public:
  Rounds(const AutoregressiveTtsModel& model, const WorkSite& site, double rate, const Neighbourhood& among)
      : model_(model),
        site_(site),
        engine_(std::get<SlotOptions>(site.service.engine.options)),
        among_(among),
        rate_(rate),
        slots_(std::max(1, engine_.slots > 0 ? engine_.slots : site.memory.slots)) {}

  [[nodiscard]] int slots() const { return slots_; }
  [[nodiscard]] double frames() const { return std::max(1.0, site_.sizes.audio_s * model_.frames_per_s); }
  [[nodiscard]] double seconds(const Demand& demand) const {
    const double gpu_s = among_.elapsed_s(demand, site_.time(demand), site_.resources);
    return demand.host_before_s + std::max(gpu_s, demand.launch_s);
  }
  [[nodiscard]] double chunk(double streams, double frames) const {
    return std::max(1.0, frames * (1 + engine_.chunk_growth * (streams - 1)));
  }
  // Streams are at different places of their chunks, so that each round vocodes for some of them.
  [[nodiscard]] double round_s(double streams) const {
    const double each = chunk(streams, engine_.chunk_frames);
    const double vocode_s = seconds(model_.vocode(1, each)) * streams / each;
    const double round = seconds(model_.frame(streams)) + vocode_s;
    const double encode = std::min(0.9, rate_ * seconds(model_.prefill(1)));
    return round / (1 - encode);
  }
  // Text, the frames of the first chunk, and its sound.
  [[nodiscard]] double first_audio_s(double streams) const {
    const double first = std::min(frames(), std::ceil(chunk(streams, engine_.first_chunk_frames)));
    return seconds(model_.prefill(1)) + first * round_s(streams) + seconds(model_.vocode(1, first));
  }

 private:
  const AutoregressiveTtsModel& model_;
  const WorkSite& site_;
  const SlotOptions& engine_;
  const Neighbourhood& among_;
  double rate_;
  int slots_;
};

// An arrival at any moment of a round, beside a Poisson number of streams.
double p95(const Rounds& rounds, double streams, const Waiting& waiting, const std::vector<Luck>& lucks) {
  Latencies latencies;
  double share = std::exp(-streams);
  for (int others = 0; others < rounds.slots(); ++others) {
    const double first_s = rounds.first_audio_s(others + 1);
    const double rest_s = others > 0 ? rounds.round_s(others) : 0;
    if (share > 1e-5) latencies.add(first_s, first_s + rest_s, share);
    share *= streams / (others + 1);
  }
  return latencies.after(waiting).quantile(kPredictedQuantile, lucks);
}

}  // namespace

SpeechRound speech_round(const AutoregressiveTtsModel& model, const WorkSite& site, double rate,
                         const Neighbourhood& among) {
  const Rounds rounds(model, site, rate, among);
  SpeechRound round;
  double streams = rate * rounds.frames() * rounds.round_s(1);
  for (int i = 0; i < 30; ++i)
    streams = std::min<double>(4.0 * rounds.slots(),
                               rate * rounds.frames() * rounds.round_s(std::max(1.0, streams)));
  round.streams = streams;
  const double there = std::clamp<double>(streams, 1, rounds.slots());
  round.frame = model.frame(there);
  round.alone = site.time(round.frame);
  round.round_s = rounds.round_s(there);
  round.spoken_s = rounds.frames() * round.round_s;
  round.gpu_share = 1 - round.frame.host_before_s / round.round_s;
  std::vector<Luck> lucks =
      among.lucks(round.frame, round.alone, site.resources, rounds.first_audio_s(there));
  for (Luck& luck : lucks) luck.factor = 1 + round.gpu_share * (luck.factor - 1);
  const double full_s = rounds.frames() * rounds.round_s(rounds.slots());
  const Places slots{static_cast<double>(rounds.slots()), rate, streams, round.spoken_s, full_s,
                     site.sizes.length_variation};
  round.latency_p95_s = slots.suffice() ? p95(rounds, streams, slots.waiting(), lucks) : kNoBound;
  return round;
}

}  // namespace gpushare::planning
