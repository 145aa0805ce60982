#include "planning/plan_advice.hpp"

#include <doctest/doctest.h>

#include <string>

namespace test_plan_advice {

using namespace gpushare;
using namespace gpushare::planning;

TEST_CASE("rules of thumb say what they want, and whether the plan does") {
  const ServiceHabits quiet{"quiet", 0.2, 0.2, 1}, bursty{"bursty", 0.2, 0.5, 2.5},
      full{"full", 0.5, 0.9, 1.8};
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
  CHECK(advise({quiet, {"daily", 0.2, 0.3, 1.84}}, {true, "mig", false}) ==
        "rule of thumb: the traffic peaks at 1.8 times its mean, less than the 2 times of bursty traffic, so "
        "MIG; "
        "the simulation agrees, by mig");
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
