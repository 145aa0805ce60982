#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"
#include "sharing/power.hpp"

namespace test_clock {

// A clock that follows the mean draw of late, as on an H200.

namespace {

using namespace gpushare;

constexpr double kFlop = 1e13;

/// Of a step at full clock, and at what the limit leaves.
struct Card {
  GpuProfile profile = load_profile("h200");
  double first_s = kFlop / (profile.sustained_flop_share * profile.flops(Precision::fp16));
  double draw_w = profile.power.active_w + profile.sustained_flop_share * profile.power.compute_w;
  double settled_s = first_s / clock_share(profile.power, draw_w);
};

/// Requests of one step each of pure arithmetic, `pause_s` after each other.
std::vector<double> step_times(double pause_s, const std::string& mode = "dedicated", int users = 1) {
  const auto document =
      test::parse(R"({
    "name": "products", "duration_s": 4, "gpu": "h200",
    "services": {"a": {"model": {"kind": "batch", "unit": "product", "precision": "fp16", "floor_s": 0, "kernels": 1,
      "flop_per_unit": 1e13, "flop_efficiency": 1, "memory_bytes": 1e9}, "engine": {"kind": "fifo"}, "replicas": )" +
                  std::to_string(users) + R"(}},
    "placement": {"mode": ")" +
                  mode + R"("},
    "pipelines": {"a": {"stages": [{"name": "a", "service": "a"}]}},
    "traffic": [{"name": "a", "pipeline": "a", "kind": "closed", "ramp_up_s": 0, "users": )" +
                  std::to_string(users) + R"(, "think_s": )" + std::to_string(pause_s) + "}]}");
  RunOptions options;
  options.record_steps = true;
  const Run run = simulate(test::read(document), options);
  std::vector<double> times = run.steps.find("gpu_end_s")->numbers;
  const std::vector<double>& begin = run.steps.find("gpu_start_s")->numbers;
  for (std::size_t i = 0; i < times.size(); ++i) times[i] -= begin[i];
  return times;
}

double mean_of_last(const std::vector<double>& times, std::size_t count) {
  double sum = 0;
  for (std::size_t i = times.size() - count; i < times.size(); ++i) sum += times[i];
  return sum / static_cast<double>(count);
}

}  // namespace

TEST_CASE("the mean of a draw comes up to it with its time constant") {
  MeanDraw draw;
  const auto at = [](double seconds) { return Time{} + duration_from_seconds(seconds); };
  draw.set(at(1), 800, 0.05);
  CHECK(draw.mean_w(at(1), 0.05) == 0);
  CHECK(draw.mean_w(at(1.05), 0.05) == doctest::Approx(800 * (1 - std::exp(-1))));
  draw.set(at(1.1), 0, 0.05);
  CHECK(draw.mean_w(at(1.15), 0.05) == doctest::Approx(800 * (1 - std::exp(-2)) * std::exp(-1)));
}

TEST_CASE("a step after idling runs at full clock, steps without pause at the one that the limit leaves") {
  const Card card;
  CHECK(card.settled_s > 1.15 * card.first_s);
  const std::vector<double> times = step_times(0);
  CHECK(times[0] == doctest::Approx(card.first_s).epsilon(1e-6));
  CHECK(times[1] < 1.02 * card.first_s);
  for (std::size_t i = 1; i < 20; ++i) CHECK(times[i] >= times[i - 1] * 0.999);
  CHECK(mean_of_last(times, 50) == doctest::Approx(card.settled_s).epsilon(0.006));
}

TEST_CASE("steps whose mean draw stays within the limit run at full clock") {
  const Card card;
  const double busy = 0.9 * card.profile.power.left_w() / card.draw_w;
  for (const double seconds : step_times(card.first_s * (1 / busy - 1)))
    CHECK(seconds == doctest::Approx(card.first_s).epsilon(1e-6));
  CHECK(mean_of_last(step_times(0.1 * card.first_s), 50) > 1.05 * card.first_s);
}

TEST_CASE("processes by turns draw what one of them does, side by side on halves what all do") {
  const Card card;
  // The step table says when a step was on the GPU, the turns of others included.
  const double turns = mean_of_last(step_times(0, "time-slicing", 2), 50) / 2;
  CHECK(turns > 0.97 * card.settled_s);
  CHECK(turns < 1.12 * card.settled_s);
  CHECK(mean_of_last(step_times(0, "mps:50/50", 2), 50) / 2 > card.first_s);
}

}  // namespace test_clock
