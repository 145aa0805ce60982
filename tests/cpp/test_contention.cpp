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
  const StepCharacter step{kernel_s, saturating, work.bytes_per_s / kBandwidth, 1 - memory, sms / kSms};
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

}  // namespace test_contention
