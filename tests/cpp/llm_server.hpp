#pragma once

#include <cstdint>

#include "gpushare/scenario.hpp"
#include "serving/continuous_engine.hpp"

/// Continuous batching by hand: a model whose tokens are counted, and engines that keep no blocks free.
namespace gpushare::test {

/// One token costs one FLOP, so a step's FLOP are its tokens.
inline LlmServing token_counter() {
  static const LlmModel model = [] {
    LlmModel counter;
    counter.flop_per_token = 1;
    counter.formats.push_back({});
    return counter;
  }();
  return {&model, &model.formats[0]};
}

inline ContinuousOptions continuous(int max_num_seqs, int max_num_batched_tokens) {
  ContinuousOptions engine;
  engine.max_num_seqs = max_num_seqs;
  engine.max_num_batched_tokens = max_num_batched_tokens;
  engine.watermark = 0;
  return engine;
}

inline Job prompt(std::uint32_t request, std::uint32_t input_tokens, std::uint32_t output_tokens) {
  Job job;
  job.request = request;
  job.input_tokens = input_tokens;
  job.output_tokens = output_tokens;
  return job;
}

}  // namespace gpushare::test
