// What steps side by side get through together, whatever they are: never more than the partition has of anything.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gpushare/random.hpp"
#include "sharing/contention.hpp"

namespace test_contention {

namespace {

using namespace gpushare;

constexpr double kBandwidth = 2e12;
constexpr double kSms = 108;

/// A step of any character: kernels of 2 us to 20 ms, bound by whatever it is bound by.
ActiveWork any_step(Stream& luck, int process, double sms, bool capped) {
  const UncappedLaw uncapped{3e-6, 0.9, 0.16};
  const CappedLaw with_caps{0.14, 0.9, 0.3, -0.1, 0.4};
  const double kernel_s = 2e-6 * std::exp(luck.uniform() * std::log(1e4));
  const double saturating = luck.uniform() < 0.5 ? 1 : luck.uniform();
  const double memory = luck.uniform();
  ActiveWork active;
  Work& work = active.work;
  work.process = process;
  work.gpu_s = 0.01;
  work.memory_s = memory * work.gpu_s;
  // What its process reaches at most with its SMs, in the part that it waits for.
  work.bytes_per_s = memory * std::min(1.0, 2 * sms / kSms) * kBandwidth;
  if (capped) work.filled_s = (1 - memory) * work.gpu_s;
  const StepCharacter step{kernel_s,      saturating, work.bytes_per_s / kBandwidth,
                           1 - memory,    sms / kSms, luck.uniform(),
                           luck.uniform()};
  work.interference = capped ? predict_interference(with_caps, step) : predict_interference(uncapped, step);
  return active;
}

}  // namespace

TEST_CASE("steps side by side never draw more, fill more SMs or do more work than the partition can") {
  for (const bool capped : {false, true}) {
    CAPTURE(capped);
    Stream luck(11, 0, "contention", capped ? 1 : 0);
    for (int trial = 0; trial < 5000; ++trial) {
      CAPTURE(trial);
      const int clients = 2 + static_cast<int>(luck.uniform() * 3);
      std::vector<double> sms;
      std::vector<ActiveWork> running;
      for (int i = 0; i < clients; ++i) {
        sms.push_back(capped ? kSms * (0.1 + 0.9 * luck.uniform()) : kSms);
        running.push_back(any_step(luck, i, sms.back(), capped));
      }
      const std::vector<int> steps_of(sms.size(), 1);
      set_contended_rates(running, {kBandwidth, capped ? kSms : 0, sms, steps_of, {}});
      double drawn = 0, filled = 0, occupied = 0;
      for (const ActiveWork& active : running) {
        const Work& work = active.work;
        CHECK(active.rate <= 1);
        drawn += active.rate * work.bytes_per_s;
        filled += active.rate * work.filled_s / work.gpu_s * sms[static_cast<std::size_t>(work.process)];
        occupied += active.rate * work.interference.occupancy;
      }
      CHECK(drawn <= 1.001 * kBandwidth);
      CHECK(filled <= 1.001 * kSms);
      CHECK(occupied <= 1 + 1e-9);
    }
  }
}

TEST_CASE(
    "kernels that hold the SMs while they wait for memory press more on arithmetic, and on nothing else") {
  const UncappedLaw law{0, 1, 0};
  const auto interference = [&](double saturating, double held, double arithmetic) {
    return predict_interference(law, {10e-6, saturating, 0.5, 0.5, 1, held, arithmetic});
  };
  const auto beside = [&](const Interference& own, const Interference& other) {
    Neighbours others;
    others.add(other, 1);
    return interference_slowdown(own, others);
  };
  const Interference decodes = interference(0.7, 0.9, 0), draws = interference(0.7, 0.7, 0);
  const Interference computes = interference(1, 1, 1), half = interference(1, 1, 0.5),
                     waits = interference(1, 1, 0);
  // 10 us of each kernel, and of the decodes' so much: s = 1, d = 0.7 and 0.9.
  CHECK(beside(waits, decodes) == doctest::Approx(1.7));
  CHECK(beside(computes, decodes) == doctest::Approx(1.9));
  CHECK(beside(half, decodes) == doctest::Approx(1.8));
  CHECK(beside(computes, draws) == doctest::Approx(1.7));
  CHECK(beside(decodes, computes) == beside(draws, computes));
  CHECK(beside(decodes, decodes) == beside(draws, draws));
  Neighbours others;
  others.add(decodes, 1);
  others.add(computes, 1);
  others.add(decodes, -1);
  CHECK(interference_slowdown(computes, others) == doctest::Approx(beside(computes, computes)));
}

TEST_CASE("kernels that are launched one by one leave the SMs in between") {
  StepTime alone;
  alone.gpu_s = 1e-3;
  alone.held_s = 0.8e-3;
  alone.compute_s = 0.3e-3;
  alone.memory_s = 0.1e-3;
  Demand demand;
  CHECK(character_of(alone, demand, kBandwidth, 1).held_share == doctest::Approx(0.8));
  CHECK(character_of(alone, demand, kBandwidth, 1).arithmetic_share == doctest::Approx(0.75));
  demand.eager_launch_s = 1e-4;
  CHECK(character_of(alone, demand, kBandwidth, 1).held_share == 0);
}

}  // namespace test_contention
