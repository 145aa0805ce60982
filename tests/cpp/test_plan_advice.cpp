#include "planning/plan_advice.hpp"

#include <doctest/doctest.h>

#include <string>

namespace test_plan_advice {

using namespace gpushare;
using namespace gpushare::planning;

TEST_CASE("the peak of arrivals is held against their mean") {
  ArrivalProcess arrivals;
  CHECK(peak_to_mean(arrivals) == 1);
  arrivals.kind = ArrivalProcess::Kind::on_off;
  arrivals.rates = {9, 1};
  arrivals.hold_s = {1, 3};
  CHECK(peak_to_mean(arrivals) == doctest::Approx(9 / 3.0));
  ArrivalProcess pieces;
  pieces.kind = ArrivalProcess::Kind::piecewise;
  pieces.rates = {2, 6};
  pieces.starts_s = {0, 10};
  pieces.period_s = 40;
  CHECK(peak_to_mean(pieces) == doctest::Approx(6 / 5.0));
  pieces.period_s = 0;  // the last piece counts as long as the other
  CHECK(peak_to_mean(pieces) == doctest::Approx(6 / 4.0));
  ArrivalProcess both;
  both.kind = ArrivalProcess::Kind::mixture;
  both.clients = {arrivals, pieces};
  CHECK(peak_to_mean(both) == doctest::Approx(3));
}

TEST_CASE("rules of thumb say what they want, and whether the plan does") {
  const ServiceHabits quiet{"quiet", 0.2, 0.2, false}, bursty{"bursty", 0.2, 0.5, true},
      full{"full", 0.5, 0.9, false};
  CHECK(advise({quiet}, {true, "mig", false}) ==
        "rule of thumb: the traffic is steady, so MIG; the simulation agrees, by mig");
  CHECK(advise({quiet}, {true, "mps", false}) ==
        "rule of thumb: the traffic is steady, so MIG; the simulation says otherwise: mps costs as little or "
        "less within the "
        "objectives");
  CHECK(advise({bursty, quiet}, {true, "mps", false}) ==
        "rule of thumb: bursty traffic (bursty) of services that trust each other, so time-slicing; the "
        "simulation agrees, by "
        "mps");
  CHECK(advise({bursty}, {true, "mig", true}) ==
        "rule of thumb: isolation is asked for, so MIG; the simulation agrees, by mig");
  CHECK(advise({quiet}, {false, "", false}) ==
        "rule of thumb: the traffic is steady, so MIG; the simulation says otherwise: sharing frees nothing "
        "within the "
        "objectives");
  CHECK(advise({full}, {false, "", false}) ==
        "rule of thumb: services above 60 % of a GPU at peak (full 90 %) get single pods, a GPU each, and "
        "autoscaling; the "
        "simulation agrees: nothing is freed");
  CHECK(advise({full, quiet}, {true, "mps", false})
            .ends_with(". By the same rule a service above 60 % of a GPU at peak (full 90 %) would keep it "
                       "to itself"));
}

}  // namespace test_plan_advice
