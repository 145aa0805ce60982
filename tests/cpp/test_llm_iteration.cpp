#include <doctest/doctest.h>

#include "gpushare/model.hpp"

namespace test_llm_iteration {

using namespace gpushare;
using doctest::Approx;

TEST_CASE("decodes beside prompts read keys and values less efficiently, and only they") {
  LlmModel model;
  model.kv_efficiency_base = 0.3;
  model.kv_efficiency_slope = 0.1;
  model.kv_efficiency_max = 0.8;
  model.kv_efficiency_mixed = 0.45;
  const WeightFormat format;
  const auto efficiency = [&](double prompt_tokens, double decodes) {
    return model
        .iteration(format, prompt_tokens, prompt_tokens * prompt_tokens / 2, 0, decodes, 1000 * decodes,
                   decodes)
        .groups[2]
        .bandwidth_efficiency;
  };
  CHECK(efficiency(0, 32) == Approx(0.8));
  CHECK(efficiency(100, 32) == Approx(0.45));
  CHECK(efficiency(100, 2) == Approx(0.4));  // fewer than the limit would matter to
  CHECK(efficiency(100, 0) == Approx(0.3));
  model.kv_efficiency_mixed = 0;
  CHECK(efficiency(100, 32) == Approx(0.8));
}

TEST_CASE("an efficiency curve is linear in the logarithm of the tokens, and flat beyond its ends") {
  LlmModel model;
  model.kv_efficiency_base = model.kv_efficiency_max = 0.5;
  WeightFormat format;
  format.gemm_flop_curve = {{100, 0.4}, {400, 0.6}, {1600, 0.7}};
  const auto efficiency = [&](double tokens) {
    return model.iteration(format, 0, 0, 0, tokens, 0, 0).groups[0].flop_efficiency;
  };
  CHECK(efficiency(1) == 0.4);
  CHECK(efficiency(100) == 0.4);
  CHECK(efficiency(200) == Approx(0.5));
  CHECK(efficiency(800) == Approx(0.65));
  CHECK(efficiency(1600) == Approx(0.7));
  CHECK(efficiency(9999) == 0.7);
}

TEST_CASE("host time of an iteration: before prompts, and beside the GPU for each token that is sampled") {
  LlmModel model;
  model.prompt_host_s = 8e-3;
  model.launch_s = 1e-3;
  model.launch_per_sequence_s = 5e-5;
  const WeightFormat format;
  const Demand decodes = model.iteration(format, 0, 0, 0, 20, 100, 20);
  CHECK(decodes.host_before_s == 0);
  CHECK(decodes.launch_s == Approx(2e-3));
  const Demand mixed = model.iteration(format, 10, 55, 0, 20, 100, 21);
  CHECK(mixed.host_before_s == 8e-3);
  CHECK(mixed.launch_s == Approx(2.05e-3));
}

}  // namespace test_llm_iteration
