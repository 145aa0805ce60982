#pragma once

#include "planning/neighbourhood.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {

/// Synthesis frame by frame: what a round takes in which every stream gets a frame.
struct SpeechRound {
  Demand frame;              ///< of the streams that there are
  StepTime alone;            ///< of that
  double round_s = 0;        ///< a frame step with its share of vocoding and of text encodings
  double gpu_share = 1;      ///< of the round
  double spoken_s = 0;       ///< that a stream is there
  double streams = 0;        ///< on average
  double latency_p95_s = 0;  ///< from the queue to the first audio
};
[[nodiscard]] SpeechRound speech_round(const AutoregressiveTtsModel& model, const WorkSite& site, double rate,
                                       const Neighbourhood& among);

}  // namespace gpushare::planning
