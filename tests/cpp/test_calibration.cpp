#include "gpushare/calibration.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "calibration/least_squares.hpp"
#include "gpushare/errors.hpp"

namespace test_calibration {

// Parameters that are known are recovered from times computed with them.

namespace {

using namespace gpushare;
using Vector = Eigen::VectorXd;

constexpr double kMs = 1e-3;
constexpr double kUs = 1e-6;

/// Within a share of the value, however small it is.
doctest::Approx near(double value, double share = 1e-5) {
  return doctest::Approx(value).epsilon(share).scale(0);
}

LeastSquaresProblem problem(const Vector& start, double lower, double upper) {
  const Vector ones = Vector::Ones(start.size());
  return {{}, start, lower * ones, upper * ones, ones};
}

GpuProfile h200() {
  static const GpuProfile profile = load_profile("h200");
  return profile;
}

/// Four kinds from launch-bound to saturating: kernels of 5, 12, 20 and 50 us, the last two compute- and memory-bound.
struct Cast {
  std::vector<StepKind> kinds;
  std::vector<double> alone_s;
};
Cast cast_of(const GpuProfile& card) {
  Cast cast;
  const double peak = card.flops(Precision::bf16), bandwidth = card.bandwidth_bytes_per_s;
  cast.alone_s = {1 * kMs, 2.4 * kMs, 6 * kMs, 10 * kMs};
  cast.kinds.push_back({200, 0.05, 0.02 * peak * cast.alone_s[0], 0.05 * bandwidth * cast.alone_s[0]});
  cast.kinds.push_back({200, 0.30, 0.05 * peak * cast.alone_s[1], 0.25 * bandwidth * cast.alone_s[1]});
  cast.kinds.push_back({300, 0.90, 0.50 * peak * cast.alone_s[2], 0.15 * bandwidth * cast.alone_s[2]});
  cast.kinds.push_back({200, 0.80, 0.08 * peak * cast.alone_s[3], 0.75 * bandwidth * cast.alone_s[3]});
  return cast;
}

/// Clients of the given kinds and SM shares as the event simulation runs them; `part` gives interference from kind and
/// character.
template <class Part>
SaturatedGroup measure(const GpuProfile& card, const Cast& cast, const std::vector<int>& kinds,
                       const std::vector<double>& sm_share, const Part& part) {
  SaturatedGroup group{kinds, {}, {}, sm_share};
  std::vector<CoRunStep> steps;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const StepKind& kind = cast.kinds[static_cast<std::size_t>(kinds[i])];
    const double alone = cast.alone_s[static_cast<std::size_t>(kinds[i])] * (sm_share[i] < 1 ? 1.3 : 1);
    const StepCharacter character = step_character(kind, card, alone, sm_share[i]);
    CoRunStep step;
    step.gpu_s = alone;
    step.compute_s = alone * std::min(1.0, character.compute_share / 0.6);  // reachable share of the peak
    step.power_w = step_draw_w(kind, card, alone);
    step.interference = part(kinds[i], character);
    steps.push_back(step);
    group.alone_s.push_back(alone);
  }
  CoRunSharing sharing;
  sharing.mode = SharingMode::mps;
  sharing.power = card.power;
  group.shared_s = simulate_saturated(steps, sharing, 60);
  return group;
}

template <class Part>
std::vector<SaturatedGroup> measure_all(const GpuProfile& card, const Cast& cast, const Part& part,
                                        const std::vector<std::vector<double>>& sm_shares) {
  std::vector<SaturatedGroup> groups;
  for (const std::vector<double>& shares : sm_shares)
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < 4; ++b) groups.push_back(measure(card, cast, {a, b}, shares, part));
  return groups;
}

double largest(const std::vector<double>& errors) {
  double most = 0;
  for (const double error : errors) most = std::max(most, std::abs(error));
  return most;
}

/// What a fit complains of.
template <class Fit>
std::string complaint(const Fit& fit) {
  try {
    (void)fit();
  } catch (const CalibrationError& error) {
    return error.what();
  }
  return "accepted";
}

/// Two clients that take turns of one step, `cycle_s` together.
SaturatedGroup turns(double a_s, double b_s, double cycle_s) {
  return {{0, 1}, {a_s, b_s}, {cycle_s, cycle_s}, {1, 1}};
}

}  // namespace

TEST_CASE("least squares recovers a line exactly, with no error left") {
  LeastSquaresProblem line = problem(Vector{{0, 0}}, -100, 100);
  line.residuals = [](const Vector& x) {
    Vector errors(5);
    for (int i = 0; i < 5; ++i) errors[i] = x[0] + x[1] * i - (3 - 0.5 * i);
    return errors;
  };
  const auto found = least_squares(line);
  CHECK(found[0] == near(3, 1e-9));
  CHECK(found[1] == near(-0.5, 1e-9));
  for (const Fitted& one : found.parameters) {
    CHECK(one.determined);
    CHECK(one.standard_error < 1e-6);
  }
}

TEST_CASE("least squares gives the standard errors of a straight line") {
  // y = 1, 2, 2, 3 at x = 0..3: slope 0.6, intercept 1.1; residuals -0.1, 0.3, -0.3, 0.1, so sigma^2 = 0.2 / 2 = 0.1;
  // variances 0.1 / 5 of the slope, and 0.1 (1/4 + 1.5^2 / 5) = 0.07 of the intercept.
  LeastSquaresProblem line = problem(Vector{{0, 0}}, -100, 100);
  line.residuals = [](const Vector& x) {
    return Vector{{x[0] - 1, x[0] + x[1] - 2, x[0] + 2 * x[1] - 2, x[0] + 3 * x[1] - 3}};
  };
  const auto found = least_squares(line);
  CHECK(found[0] == near(1.1, 1e-6));
  CHECK(found[1] == near(0.6, 1e-6));
  CHECK(found.parameters[0].standard_error == near(std::sqrt(0.07), 1e-4));
  CHECK(found.parameters[1].standard_error == near(std::sqrt(0.02), 1e-4));
}

TEST_CASE("least squares follows a curved valley to its end") {
  LeastSquaresProblem valley = problem(Vector{{-1.2, 1}}, -10, 10);
  valley.residuals = [](const Vector& x) { return Vector{{10 * (x[1] - x[0] * x[0]), 1 - x[0]}}; };
  const auto found = least_squares(valley);
  CHECK(found[0] == near(1, 1e-5));
  CHECK(found[1] == near(1, 1e-5));
}

TEST_CASE("least squares says what the data do not determine") {
  SUBCASE("two parameters that only appear as their sum") {
    LeastSquaresProblem sum = problem(Vector{{0.5, 0.5}}, -10, 10);
    sum.residuals = [](const Vector& x) { return Vector{{x[0] + x[1] - 1.5, x[0] + x[1] - 2.5}}; };
    const auto found = least_squares(sum);
    CHECK(found[0] + found[1] == near(2));
    for (const Fitted& one : found.parameters) {
      CHECK_FALSE(one.determined);
      CHECK(one.standard_error == std::numeric_limits<double>::infinity());
    }
  }
  SUBCASE("fewer residuals than parameters") {
    LeastSquaresProblem one = problem(Vector{{0.5, 0.5}}, -10, 10);
    one.residuals = [](const Vector& x) { return Vector{{x[0] + x[1] - 2}}; };
    for (const Fitted& parameter : least_squares(one).parameters) CHECK_FALSE(parameter.determined);
  }
  SUBCASE("a parameter on its bound") {
    LeastSquaresProblem bound = problem(Vector{{0.5, 0.5}}, 0, 10);
    bound.residuals = [](const Vector& x) { return Vector{{x[0] - 1, x[1] + 1}}; };
    const auto found = least_squares(bound);
    CHECK(found.parameters[0].determined);
    CHECK(found[1] == 0);
    CHECK_FALSE(found.parameters[1].determined);
  }
}

TEST_CASE("a step table gives back floor, efficiencies and host time") {
  const GpuProfile card = h200();
  const double peak = card.flops(Precision::fp16);
  std::vector<MeasuredStep> rows;
  for (const double sms : {132.0, 66.0, 26.0})
    for (const double flop : {0.0, 1e12, 4e12})
      for (const double bytes : {1e9, 8e9}) {
        // Few SMs draw less, and use what they draw.
        const double share = sms / 132, whole = card.bandwidth_bytes_per_s;
        const double drawn = reachable_bandwidth_share(card, share) * whole * card.most_bandwidth_share;
        const double gpu_s = 20 * kUs + flop / (0.5 * peak * std::min(share, card.sustained_flop_share)) +
                             bytes / std::min(0.8 * card.relative_bandwidth_efficiency * whole, drawn);
        rows.push_back({flop, bytes, sms, gpu_s, gpu_s + 30 * kUs});
      }
  const StepDemandFit fit = fit_step_demand(rows, card, Precision::fp16);
  CHECK(fit.floor_s.value == near(20 * kUs, 1e-4));
  CHECK(fit.flop_efficiency.value == near(0.5, 1e-5));
  CHECK(fit.bandwidth_efficiency.value == near(0.8, 1e-5));
  CHECK(fit.host_s.value == near(30 * kUs));
  CHECK(fit.floor_s.determined);
  CHECK(fit.flop_efficiency.determined);
  CHECK(fit.bandwidth_efficiency.determined);
  CHECK(largest(fit.relative_errors) < 1e-6);
}

TEST_CASE("a step table without FLOP says nothing of their efficiency") {
  const GpuProfile card = h200();
  std::vector<MeasuredStep> rows;
  for (const double bytes : {1e9, 2e9, 4e9, 8e9}) {
    const double gpu_s =
        20 * kUs + bytes / (0.8 * card.relative_bandwidth_efficiency * card.bandwidth_bytes_per_s);
    rows.push_back({0, bytes, 132, gpu_s, gpu_s});
  }
  const StepDemandFit fit = fit_step_demand(rows, card, Precision::fp16);
  CHECK_FALSE(fit.flop_efficiency.determined);
  CHECK(fit.bandwidth_efficiency.determined);
  CHECK(fit.bandwidth_efficiency.value == near(0.8, 1e-4));
  CHECK(fit.host_s.value == 0);
}

TEST_CASE("the uncapped law is recovered from pairs and from triples that the event simulation ran") {
  const GpuProfile card = h200();
  const Cast cast = cast_of(card);
  const UncappedLaw law{2 * kUs, 0.8, card.mps.uncapped.slip};
  const auto part = [&](int, const StepCharacter& step) { return predict_interference(law, step); };
  std::vector<SaturatedGroup> groups = measure_all(card, cast, part, {{1, 1}});
  SUBCASE("pairs") {}
  SUBCASE("triples only") {
    groups.clear();
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < 4; ++b) groups.push_back(measure(card, cast, {a, b, (a + 1) % 4}, {1, 1, 1}, part));
  }
  const UncappedLawFit fit = fit_uncapped_law(groups, cast.kinds, card);
  CHECK(fit.law.launch_s == near(2 * kUs, 1e-4));
  CHECK(fit.law.exponent == near(0.8, 1e-4));
  CHECK(fit.law.slip == near(law.slip, 1e-3));
  for (const Fitted& one : fit.parameters) CHECK(one.determined);
  CHECK(largest(fit.relative_errors) < 1e-5);
}

TEST_CASE("the capped law is recovered from pairs at two splits of the SMs") {
  const GpuProfile card = h200();
  const Cast cast = cast_of(card);
  const CappedLaw law{0.12, 0.5, 0.25, -0.15, 0.6};
  const auto part = [&](int, const StepCharacter& step) { return predict_interference(law, step); };
  const auto groups = measure_all(card, cast, part, {{0.5, 0.5}, {0.3, 0.7}});
  const CappedLawFit fit = fit_capped_law(groups, cast.kinds, card);
  CHECK(fit.law.launch == near(0.12, 1e-3));
  CHECK(fit.law.bandwidth == near(0.5, 1e-3));
  CHECK(fit.law.compute == near(0.25, 1e-3));
  CHECK(fit.law.s_exponent == near(-0.15, 1e-3));
  CHECK(fit.law.s_bandwidth == near(0.6, 1e-3));
  for (const Fitted& one : fit.parameters) CHECK(one.determined);
  CHECK(largest(fit.relative_errors) < 1e-5);
}

TEST_CASE(
    "numbers of each kind are recovered from pairs, up to the scale of s against d that pairs cannot see") {
  GpuProfile card = h200();
  card.mps.uncapped.slip = 0;
  Cast cast = cast_of(card);
  const std::vector<double> s{1.4, 0.9, 0.2, 0.4}, d{0.2, 0.5, 6, 1.5};
  const auto at = [](const std::vector<double>& of, int kind) { return of[static_cast<std::size_t>(kind)]; };
  const auto part = [&](int kind, const StepCharacter&) { return Interference{at(s, kind), at(d, kind)}; };
  const auto groups = measure_all(card, cast, part, {{1, 1}});
  cast.kinds.push_back({100, 0.5, 1e9, 1e9, Precision::bf16});  // in no group
  const InterferenceFit fit = fit_interference(groups, cast.kinds, card, false);
  REQUIRE(fit.susceptibility.size() == 5);
  // These kinds are far from any law, which draws them to it by up to 0.9 %.
  const double scale = fit.susceptibility[0].value / s[0];
  for (std::size_t k = 0; k < 4; ++k) {
    CAPTURE(k);
    CHECK(fit.susceptibility[k].value == near(s[k] * scale, 1e-2));
    CHECK(fit.launch[k].value == near(d[k] / scale, 1e-2));
    CHECK(fit.susceptibility[k].determined);
    CHECK(fit.launch[k].determined);
    CHECK(fit.proportional[k].value == 0);
  }
  CHECK_FALSE(fit.susceptibility[4].determined);
  CHECK_FALSE(fit.launch[4].determined);
  CHECK(largest(fit.relative_errors) < 2e-3);
}

TEST_CASE("with caps each kind presses by a part for its launches and a part for its SMs") {
  const GpuProfile card = h200();
  const Cast cast = cast_of(card);
  const std::vector<double> s{1.2, 0.9, 0.7, 1.1}, launch{0.1, 0.2, 0.15, 0.05},
      proportional{0.05, 0.2, 0.4, 0.6};
  const auto part = [&](int kind, const StepCharacter& step) {
    const auto k = static_cast<std::size_t>(kind);
    return Interference{s[k], launch[k] + proportional[k] * step.sm_share / 0.5};
  };
  auto groups = measure_all(card, cast, part, {{0.5, 0.5}, {0.3, 0.7}});
  for (int a = 0; a < 4; ++a)
    groups.push_back(measure(card, cast, {a, (a + 1) % 4, (a + 2) % 4}, {0.3, 0.3, 0.4}, part));
  const InterferenceFit fit = fit_interference(groups, cast.kinds, card, true);
  const double scale = fit.susceptibility[0].value / s[0];
  for (std::size_t k = 0; k < 4; ++k) {
    CAPTURE(k);
    CHECK(fit.susceptibility[k].value == near(s[k] * scale, 2e-3));
    CHECK(fit.launch[k].value == near(launch[k] / scale, 5e-3));
    CHECK(fit.proportional[k].value == near(proportional[k] / scale, 5e-3));
  }
  CHECK(largest(fit.relative_errors) < 3e-4);
}

TEST_CASE("steps that do not slow each other are fitted with pressures near zero") {
  const GpuProfile card = h200();
  std::vector<StepKind> kinds(2);
  for (StepKind& kind : kinds) kind.kernels = 100;
  const std::vector<SaturatedGroup> groups{{{0, 1}, {1 * kMs, 2 * kMs}, {1 * kMs, 2 * kMs}, {1, 1}}};
  const InterferenceFit fit = fit_interference(groups, kinds, card, false);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(std::isfinite(fit.susceptibility[k].value));
    CHECK(std::isfinite(fit.launch[k].value));
  }
  CHECK(largest(fit.relative_errors) < 1e-3);
}

TEST_CASE("what the power limit takes is not counted as pressure") {
  // Two steps at 0.45 of the peak FLOP rate without interference: 0.45 x 1290 W each above idle, more together than the
  // 631.1 W that are left. The clock falls to (631.1 / 1161)^(1 / 2.5), and 0.45 / 0.6 of their time follows it.
  GpuProfile card = h200();
  card.power = {.limit_w = 700, .idle_w = 68.9, .compute_w = 1290, .bandwidth_w = 500, .clock_exponent = 2.5};
  StepKind kind;
  kind.kernels = 100;
  kind.flop = 0.45 * card.flops(Precision::bf16) * kMs;
  CHECK(step_draw_w(kind, card, kMs) == near(0.45 * 1290));
  const double slowdown = 1 + 0.75 * (std::pow(1161 / 631.1, 0.4) - 1);
  const std::vector<StepKind> kinds{kind};
  const std::vector<SaturatedGroup> groups{{{0, 0}, {kMs, kMs}, {slowdown * kMs, slowdown * kMs}, {1, 1}}};
  const InterferenceFit fit = fit_interference(groups, kinds, card, false);
  CHECK(fit.susceptibility[0].value * fit.launch[0].value < 1e-3);
  CHECK(largest(fit.relative_errors) < 1e-3);
}

TEST_CASE("short steps in turns determine the idle hand-over and nothing else") {
  // Steps of 0.8 and 1.0 ms, both shorter than a slice: a cycle is both and two hand-overs.
  const std::vector<StepKind> kinds(2);
  const std::vector<SaturatedGroup> groups{turns(0.8 * kMs, 1.0 * kMs, 2.1 * kMs),
                                           turns(1.0 * kMs, 0.5 * kMs, 1.8 * kMs)};
  const TimeSlicingFit fit = fit_time_slicing(groups, kinds, h200(), 2.08 * kMs);
  CHECK(fit.switch_idle_s.value == near(0.15 * kMs, 1e-4));
  CHECK(fit.switch_idle_s.determined);
  CHECK_FALSE(fit.switch_preempted_s.determined);
  CHECK_FALSE(fit.refill_s.determined);
  CHECK_FALSE(fit.throttle.determined);
  CHECK(largest(fit.relative_errors) < 1e-4);
}

TEST_CASE("hand-overs, refill and throttling are recovered from steps that are pre-empted") {
  // Beside a step of 1 ms, one of 10 ms runs in slices of 2.08, 2.08, 2.08, 2.08 and 1.68: its cycle holds 5 steps of the
  // neighbour, 4 hand-overs after pre-emption and 6 after going idle. Without its own throttling the step is shorter.
  const GpuProfile card = h200();
  const double idle = 0.12 * kMs, preempted = 0.25 * kMs, refill = 0.08 * kMs, throttle = 0.1;
  std::vector<StepKind> kinds(5);
  const double bandwidth = card.bandwidth_bytes_per_s * 10 * kMs;
  kinds[1].bytes = 0.9 * bandwidth;                              // memory-bound
  kinds[2].bytes = 0.2 * bandwidth;                              // hardly
  kinds[3].flop = 0.5 * card.flops(Precision::bf16) * 10 * kMs;  // above kPowerLimitedShare
  const auto beside = [&](int kind, double memory_bound, double faster) {
    const double long_s = 10 * kMs / faster;
    const double cycle = long_s + 5 * kMs + 4 * (preempted + memory_bound * refill) + 6 * idle;
    return SaturatedGroup{{kind, 0}, {10 * kMs, 1 * kMs}, {cycle, cycle / 5}, {1, 1}};
  };
  const std::vector<SaturatedGroup> groups{turns(0.8 * kMs, 1.0 * kMs, 1.8 * kMs + 2 * idle),
                                           beside(1, 0.9, 1), beside(2, 0.2, 1), beside(3, 0, 1 + throttle)};
  const TimeSlicingFit fit = fit_time_slicing(groups, kinds, card, 2.08 * kMs);
  CHECK(fit.switch_idle_s.value == near(idle, 0.01));
  CHECK(fit.switch_preempted_s.value == near(preempted, 0.03));
  CHECK(fit.refill_s.value == near(refill, 0.1));
  CHECK(fit.throttle.value == near(throttle, 0.03));
  for (const Fitted* one : {&fit.switch_idle_s, &fit.switch_preempted_s, &fit.refill_s, &fit.throttle})
    CHECK(one->determined);
  CHECK(largest(fit.relative_errors) < 0.003);
}

TEST_CASE("power-limited steps among themselves show no throttling") {
  const GpuProfile card = h200();
  std::vector<StepKind> kinds(2);
  kinds[0].flop = kinds[1].flop = 0.5 * card.flops(Precision::bf16) * kMs;
  const std::vector<SaturatedGroup> groups{turns(kMs, kMs, 2.3 * kMs)};
  const TimeSlicingFit fit = fit_time_slicing(groups, kinds, card, 2.08 * kMs);
  CHECK_FALSE(fit.throttle.determined);
  CHECK(fit.switch_idle_s.value == near(0.15 * kMs, 1e-4));
}

TEST_CASE("measurements that cannot be fitted are refused with the group") {
  const GpuProfile card = h200();
  const std::vector<StepKind> kinds(2);
  const SaturatedGroup good{{0, 1}, {1, 2}, {2, 3}, {1, 1}};
  const auto refused = [&](SaturatedGroup bad) {
    const std::vector<SaturatedGroup> groups{good, std::move(bad)};
    std::string first = complaint([&] { return fit_uncapped_law(groups, kinds, card); });
    CHECK(complaint([&] { return fit_capped_law(groups, kinds, card); }) == first);
    CHECK(complaint([&] { return fit_interference(groups, kinds, card, true); }) == first);
    CHECK(complaint([&] { return fit_time_slicing(groups, kinds, card, 2 * kMs); }) == first);
    return first;
  };
  const std::string shape = "group 1: expected the kind, both times and the SM share of two or more clients";
  CHECK(refused({{0}, {1}, {1}, {1}}) == shape);
  CHECK(refused({{0, 1}, {1}, {2, 3}, {1, 1}}) == shape);
  CHECK(refused({{0, 1}, {1, 2}, {2, 3}, {1}}) == shape);
  CHECK(refused({{0, 2}, {1, 2}, {2, 3}, {1, 1}}) == "group 1: kind 2 is not one of the kinds");
  CHECK(refused({{-1, 1}, {1, 2}, {2, 3}, {1, 1}}) == "group 1: kind -1 is not one of the kinds");
  CHECK(refused({{0, 1}, {1, 0}, {2, 3}, {1, 1}}) == "group 1: times and SM shares must be above zero");
  CHECK(refused({{0, 1}, {1, 2}, {2, std::nan("")}, {1, 1}}) ==
        "group 1: times and SM shares must be above zero");
  CHECK(complaint([&] { return fit_uncapped_law({}, kinds, card); }) ==
        "groups: expected at least one saturated group");
  CHECK(complaint([&] { return fit_step_demand({}, card, Precision::fp16); }) ==
        "step table: expected at least one row");
  const std::vector<MeasuredStep> rows{{1e9, 1e9, 132, 1e-3, 1e-3}, {1e9, 1e9, 132, 0, 1e-3}};
  CHECK(complaint([&] { return fit_step_demand(rows, card, Precision::fp16); }) ==
        "step table, row 1: gpu_s and sms must be above zero");
}

}  // namespace test_calibration
