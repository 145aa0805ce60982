#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/arrivals.hpp"
#include "gpushare/random.hpp"

namespace gpushare {

/// A turn of a voice call: silence, the user's utterance, the agent's reply and how much of it is heard.
struct CallTurn {
  double start_s = 0;    ///< the user begins to speak, on the nominal schedule
  double silence_s = 0;  ///< before it
  double speech_s = 0;   ///< the utterance
  double audio_s = 0;    ///< speech of the whole reply
  double heard_s = 0;    ///< of it, before the user breaks in; audio_s where they do not
  std::uint32_t user_tokens = 0;
  std::uint32_t prompt_tokens = 0;  ///< system prompt, all that was said and heard, and the utterance
  std::uint32_t first_sentence_tokens = 1;
  std::uint32_t reply_tokens = 1;
};

struct VoiceCall {
  std::int64_t number = 0;  ///< its name in the file
  double begin_s = 0;       ///< the line is open from here; the first silence follows
  std::vector<CallTurn> turns;
};

/// Reads calls as JSON lines, one object for each turn (docs/traffic.md), in order of their begin.
/// Throws TraceError with file and line: members that are missing, unknown or out of range, a heard_s above its
/// audio_s, turns that do not follow each other.
[[nodiscard]] std::vector<VoiceCall> load_calls(const std::string& path);
[[nodiscard]] std::vector<VoiceCall> parse_calls(std::string_view text, const std::string& source);

/// What calls are drawn from; counts are rounded. The defaults are assumptions (docs/traffic.md).
struct CallRecipe {
  ArrivalProcess arrivals;                   ///< of calls
  Distribution turns = uniform(10, 15);      ///< at least one
  Distribution silence_s = uniform(0.5, 1);  ///< before the user speaks
  Distribution speech_s = lognormal_with_mean(3, 0.7);
  double user_tokens_per_s = 4;  ///< of what is recognised
  Distribution first_sentence_tokens = uniform(20, 40);
  Distribution reply_tokens = uniform(60, 120);
  double audio_s_per_token = 0.3;  ///< 150 words a minute at 1.33 tokens a word
  double barge_in = 0.075;     ///< probability that the user breaks in, at a uniform point of the playback
  double system_tokens = 300;  ///< before the first turn
  double response_s = 0.8;     ///< from the end of speech to the first audio, on the nominal schedule
};

/// Reads a recipe from JSON: {"arrivals": {...}, "turns": ..., ...}; what is left out keeps its default.
/// Throws ScenarioError with the JSON pointer.
[[nodiscard]] CallRecipe parse_call_recipe(std::string_view json, const std::string& source = "calls");

/// The call with this luck, which begins at begin_s.
[[nodiscard]] VoiceCall draw_call(const CallRecipe& recipe, std::int64_t number, double begin_s, Stream luck);

}  // namespace gpushare
