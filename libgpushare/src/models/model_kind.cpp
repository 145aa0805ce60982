#include "models/model_kind.hpp"

namespace gpushare {

std::string_view kind_of(const Model& model) {
  if (std::holds_alternative<LlmModel>(model.cost)) return "llm";
  if (std::holds_alternative<StreamingAsrModel>(model.cost)) return "streaming-asr";
  if (std::holds_alternative<AutoregressiveTtsModel>(model.cost)) return "autoregressive-tts";
  return std::holds_alternative<BatchModel>(model.cost) ? "batch" : "synthetic";
}

bool is_speech_synthesis(const Model& model) {
  if (std::holds_alternative<AutoregressiveTtsModel>(model.cost)) return true;
  const auto* batch = std::get_if<BatchModel>(&model.cost);
  return batch != nullptr && batch->unit == "audio_s";
}

}  // namespace gpushare
