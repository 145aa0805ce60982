#include <doctest/doctest.h>

#include <cstdint>

#include "gpushare/random.hpp"
#include "hardware/known_times.hpp"

namespace test_known_times {

using namespace gpushare;

TEST_CASE("a time that is known is the one that was computed, whichever forms have come between") {
  KnownTimes known;
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
  KnownTimes known;
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

}  // namespace test_known_times
