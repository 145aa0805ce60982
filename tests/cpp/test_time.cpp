#include "gpushare/time.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace test_time {

using namespace gpushare;

TEST_CASE("durations round up to a whole nanosecond, so that nothing ends early") {
  CHECK(duration_from_seconds(1).ns == 1'000'000'000);
  CHECK(duration_from_seconds(1e-9).ns == 1);
  CHECK(duration_from_seconds(1.2e-9).ns == 2);
  CHECK(duration_from_seconds(1e-30).ns == 1);
  CHECK(to_seconds(duration_from_seconds(0.25)) == 0.25);
}

TEST_CASE("durations out of range saturate instead of wrapping") {
  CHECK(duration_from_seconds(0).ns == 0);
  CHECK(duration_from_seconds(-3).ns == 0);
  CHECK(duration_from_seconds(1e300) == kForever);
  CHECK(duration_from_seconds(std::numeric_limits<double>::infinity()) == kForever);
  CHECK(duration_from_seconds(std::nan("")).ns == 0);
  CHECK(Time{0} + kForever < kNever);
}

TEST_CASE("instants and spans of time add up") {
  CHECK(Time{5} + Duration{3} == Time{8});
  CHECK(Time{5} - Duration{3} == Time{2});
  CHECK(Time{5} - Time{8} == Duration{-3});
  CHECK(Duration{5} * 3 == Duration{15});
  CHECK(to_seconds(Time{1'500'000'000}) == doctest::Approx(1.5));
}

TEST_CASE("what is beyond the clock's range stays at its end, sums of what is within it too") {
  CHECK(kNever + Duration{1} == kNever);
  CHECK(Time{} + kForever + kForever + kForever == kNever);
  CHECK(kForever + kForever + kForever == Duration{kNever.ns});
  CHECK(kForever * 1000 == Duration{kNever.ns});
  CHECK(kForever * -1000 == Duration{-kNever.ns});
  CHECK(Time{-5} - kNever == Duration{-kNever.ns});
  CHECK(Time{-kNever.ns} - kForever == Time{-kNever.ns});
  CHECK(Time{0} - Time{5} - kForever - kForever - kForever == Duration{-kNever.ns});
  Duration sum = kForever;
  sum += kForever;
  sum += kForever;
  CHECK(sum == Duration{kNever.ns});
}

}  // namespace test_time
