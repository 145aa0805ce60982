#pragma once

#include <string_view>

#include "gpushare/model.hpp"

namespace gpushare {

/// "llm", "streaming-asr", "autoregressive-tts", "batch" or "synthetic", as model files write it.
[[nodiscard]] std::string_view kind_of(const Model& model);
/// Speaks what an LLM wrote: autoregressive synthesis, or a batch model that counts seconds of audio.
[[nodiscard]] bool is_speech_synthesis(const Model& model);

}  // namespace gpushare
