#include <doctest/doctest.h>

#include <cstdint>

#include "gpushare/demand.hpp"
#include "gpushare/random.hpp"
#include "hardware/known_forms.hpp"
#include "simulation/known_step.hpp"

namespace test_known_forms {

using namespace gpushare;

TEST_CASE("a time that is known is the one that was computed, whichever forms have come between") {
  KnownForms<StepTime, Resources> known;
  Resources resources;
  resources.sms = 108;
  Stream luck(1, 0, "forms");
  int computed = 0;
  for (int step = 0; step < 20'000; ++step) {
    // Small ones come again, large ones push each other out.
    const std::uint64_t form = 1 + luck.bits64() % (step % 2 == 0 ? 8 : 1 << 20);
    const StepTime& time = known.of(form, resources, [&] {
      ++computed;
      return StepTime{.gpu_s = static_cast<double>(form)};
    });
    REQUIRE(time.gpu_s == static_cast<double>(form));
  }
  CHECK(computed > 10'000);
  CHECK(computed < 12'000);
}

TEST_CASE("a time that is known is forgotten with the resources that it was computed for") {
  KnownForms<StepTime, Resources> known;
  Resources half, whole;
  half.sms = 54;
  whole.sms = 108;
  const auto time_on = [&](const Resources& resources) {
    return known.of(7, resources, [&] { return StepTime{.gpu_s = 1 / resources.sms}; }).gpu_s;
  };
  CHECK(time_on(whole) == 1.0 / 108);
  CHECK(time_on(half) == 1.0 / 54);
  CHECK(time_on(whole) == 1.0 / 108);
}

TEST_CASE("what is known of a step is forgotten when a partition's caps are") {
  KnownSteps known;
  const auto filled_on = [&](bool capped) {
    const auto compute = [&] {
      KnownStep step;
      step.work.filled_s = capped ? 1 : 0;
      return step;
    };
    return known.of(7, {{}, capped}, compute).work.filled_s;
  };
  CHECK(filled_on(false) == 0);
  CHECK(filled_on(true) == 1);
  CHECK(filled_on(false) == 0);
}

TEST_CASE("a step that its host has not launched when the GPU is done ends when it has") {
  StepTime time;
  time.gpu_s = 0.002;
  Demand demand;
  demand.host_before_s = 0.001;
  demand.host_after_s = 0.0005;
  CHECK(lengths_of(time, demand).host_before == Duration{1'000'000});
  CHECK(lengths_of(time, demand).on_gpu == Duration{2'000'000});
  CHECK(lengths_of(time, demand).host_after == Duration{500'000});
  demand.launch_s = 0.003;
  CHECK(lengths_of(time, demand).host_after == Duration{1'500'000});
}

}  // namespace test_known_forms
