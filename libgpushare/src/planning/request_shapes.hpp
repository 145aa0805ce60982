#pragma once

#include <optional>

#include "gpushare/bounds.hpp"

namespace gpushare::planning {

/// The mean request of a traffic, before it goes through its pipeline. Tokens are at least these.
struct RequestShape {
  double per_s = 0;  ///< requests a second; users: nothing yet
  PromptWork prompt, new_prompt;
  double reply_tokens = 1, reply_by_reply = 0;
  double speech_s = 0, units = 0;
  double least_units = 0, most_units = 0, most_reply_tokens = 0;  ///< of any request
  double least_speech_s = 0, most_speech_s = kNoBound;            ///< of any request
  double prompt_variation = 0, reply_variation = 0;               ///< standard deviation over mean
  double sentences = 1;                                           ///< of a reply
  std::optional<double> audio_s_per_token{};                      ///< nothing: the stage says
};

/// The request with the units of a visit to the stage, where that says its own.
[[nodiscard]] RequestShape at_stage(RequestShape shape, const Stage& stage);

/// `sentence_tokens` are those of the pipeline, for replies that do not bring their own; 0: nobody speaks them.
[[nodiscard]] RequestShape shape_of(const Traffic& traffic, double duration_s, int sentence_tokens);

}  // namespace gpushare::planning
