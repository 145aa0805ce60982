// How far the peak of a traffic is above its mean.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "gpushare/bounds.hpp"

namespace test_peaks {

namespace {

using namespace gpushare;

Workload asked_by(Traffic traffic) {
  Workload workload;
  workload.services.resize(2);
  workload.pipelines.resize(1);
  workload.pipelines[0].stages.resize(1);
  workload.pipelines[0].stages[0].service = 1;
  workload.traffic = {std::move(traffic)};
  return workload;
}

/// `quiet` requests a minute for nine minutes of ten, and `busy` in the tenth.
Traffic of_trace(int minutes, int quiet, int busy) {
  Trace trace;
  for (int minute = 0; minute < minutes; ++minute) {
    const int number = minute % 10 == 9 ? busy : quiet;
    for (int i = 0; i < number; ++i) trace.arrival_s.push_back(60.0 * minute + 60.0 * i / number);
  }
  trace.input_tokens.assign(trace.arrival_s.size(), 1);
  trace.output_tokens.assign(trace.arrival_s.size(), 1);
  Traffic traffic;
  traffic.kind = Traffic::Kind::trace;
  traffic.trace = std::make_shared<const Trace>(std::move(trace));
  return traffic;
}

}  // namespace

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

TEST_CASE("states of a modulated process count as long as they last") {
  ArrivalProcess arrivals;
  arrivals.kind = ArrivalProcess::Kind::mmpp;
  arrivals.rates = {1, 9};
  arrivals.transitions = {{0, 0.1}, {0.3, 0}};  // three quarters of the time in the first
  CHECK(peak_to_mean(arrivals) == doctest::Approx(9 / 3.0));
}

TEST_CASE("of blocks with gamma rates one in twenty is above the peak") {
  ArrivalProcess arrivals;
  arrivals.kind = ArrivalProcess::Kind::gamma_poisson;
  arrivals.shape = 1;  // exponential: -log(0.05)
  CHECK(peak_to_mean(arrivals) == doctest::Approx(2.996).epsilon(0.02));
  arrivals.shape = 100;
  CHECK(peak_to_mean(arrivals) == doctest::Approx(1.171).epsilon(0.01));
}

TEST_CASE("requests of a trace are counted in windows, at whatever speed they are replayed") {
  CHECK(peaks_to_mean(asked_by(of_trace(60, 600, 600)))[1] == doctest::Approx(1).epsilon(0.02));
  CHECK(peaks_to_mean(asked_by(of_trace(60, 600, 3000)))[1] == doctest::Approx(3000 / 840.0).epsilon(0.03));
  CHECK(peaks_to_mean(asked_by(of_trace(60, 600, 3000)))[0] == 1);  // which nobody asks
  Traffic fast = of_trace(600, 60, 300);
  fast.speed = 10;  // windows of a minute are ten minutes of the trace, each with a busy one
  CHECK(peaks_to_mean(asked_by(fast))[1] == doctest::Approx(1).epsilon(0.06));
  CHECK(peaks_to_mean(asked_by(of_trace(3, 30, 30)))[1] == 1);  // too few to tell
  Workload first = asked_by(of_trace(60, 600, 3000));
  first.duration_s = 500;  // before the first busy minute
  CHECK(peaks_to_mean(first)[1] == doctest::Approx(1).epsilon(0.15));
}

TEST_CASE("users who wait for their answers have no peaks") {
  Traffic traffic;
  traffic.kind = Traffic::Kind::closed;
  CHECK(peaks_to_mean(asked_by(traffic)) == std::vector<double>{1, 1});
}

}  // namespace test_peaks
