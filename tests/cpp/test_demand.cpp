#include "gpushare/demand.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"
#include "sharing/sharing_modes.hpp"

namespace test_demand {

using namespace gpushare;
using doctest::Approx;

namespace {

/// 100 SMs, 100 TFLOP/s fp16, 200 TFLOP/s int8, 1 TB/s, 40 MB of L2: numbers that are easy to work with by hand.
GpuProfile round_card() {
  GpuProfile profile;
  profile.sms = 100;
  profile.clock_hz = 1.41e9;
  profile.flop_per_s[static_cast<std::size_t>(Precision::fp16)] = 100e12;
  profile.flop_per_s[static_cast<std::size_t>(Precision::int8)] = 200e12;
  profile.bandwidth_bytes_per_s = 1e12;
  profile.bandwidth_by_sm_share = {{0.25, 0.5}, {0.5, 0.8}, {1, 1}};
  profile.l2_bytes = 40e6;
  return profile;
}

Resources whole_card() { return {100, 1e12, 40e6}; }

Demand one(const OperatorGroup& group) {
  Demand demand;
  demand.add(group);
  return demand;
}

/// 2 ms of latency, 3 ms of arithmetic (150 GFLOP at half of the peak), 6 ms of memory (4.8 GB at 80 %).
OperatorGroup two_three_six() {
  OperatorGroup group;
  group.floor_s = 2e-3;
  group.flop = 150e9;
  group.flop_efficiency = 0.5;
  group.bytes = 4.8e9;
  group.bandwidth_efficiency = 0.8;
  return group;
}

Partition partition_of(const GpuProfile& profile, const char* layout, std::size_t index = 0) {
  return partitions(profile, parse_layout(profile, layout)).at(index);
}

}  // namespace

TEST_CASE("an additive group takes the sum of its floor, arithmetic and memory time") {
  const StepTime time = step_time(one(two_three_six()), round_card(), whole_card());
  CHECK(time.gpu_s == Approx(11e-3));
  CHECK(time.memory_s == Approx(6e-3));
  CHECK(time.flop == 150e9);
  CHECK(time.bytes == 4.8e9);
}

TEST_CASE("a group of norm 2 takes the length of the vector, and memory its squared share") {
  OperatorGroup group = two_three_six();
  group.norm = 2;
  const StepTime time = step_time(one(group), round_card(), whole_card());
  CHECK(time.gpu_s == Approx(7e-3));           // sqrt(4 + 9 + 36)
  CHECK(time.memory_s == Approx(36.0 / 7e3));  // 7 ms x 36/49
}

TEST_CASE("a step takes the sum of its groups and of the time that scales with nothing") {
  OperatorGroup smooth = two_three_six();
  smooth.norm = 2;
  Demand demand = one(two_three_six());
  demand.add(smooth);
  demand.fixed_gpu_s = 5e-3;
  const StepTime time = step_time(demand, round_card(), whole_card());
  CHECK(time.gpu_s == Approx(5e-3 + 11e-3 + 7e-3));
  CHECK(time.memory_s == Approx(6e-3 + 36.0 / 7e3));
  CHECK(time.flop == 300e9);
  CHECK(time.bytes == 9.6e9);
}

TEST_CASE("a step without work takes no time, whatever its norms") {
  OperatorGroup nothing;
  nothing.norm = 2;
  Demand demand = one(nothing);
  demand.add(OperatorGroup{});
  const StepTime time = step_time(demand, round_card(), whole_card());
  CHECK(time.gpu_s == 0);
  CHECK(time.memory_s == 0);
  CHECK(step_time(Demand{}, round_card(), whole_card()).gpu_s == 0);
}

TEST_CASE("arithmetic scales with SMs, memory with bandwidth and the floor with nothing") {
  const Demand demand = one(two_three_six());
  const GpuProfile profile = round_card();
  CHECK(step_time(demand, profile, {25, 1e12, 40e6}).gpu_s == Approx(2e-3 + 12e-3 + 6e-3));
  CHECK(step_time(demand, profile, {100, 0.125e12, 40e6}).gpu_s == Approx(2e-3 + 3e-3 + 48e-3));
  CHECK(step_time(demand, profile, {25, 0.125e12, 40e6}).memory_s == Approx(48e-3));
}

TEST_CASE("a faster clock shortens what is bound by latency, and nothing else") {
  OperatorGroup group;
  group.floor_s = 2e-3;
  group.bytes = 6e9;
  GpuProfile profile = round_card();
  profile.clock_hz = 2 * 1.41e9;
  CHECK(step_time(one(group), profile, whole_card()).gpu_s == Approx(1e-3 + 6e-3));
}

TEST_CASE("a card may say what latency-bound time of language models takes, whatever its clock") {
  OperatorGroup group;
  group.floor_s = 2e-3;
  GpuProfile profile = round_card();
  profile.clock_hz = 2 * 1.41e9;
  profile.relative_llm_latency = 0.9;
  CHECK(step_time(one(group), profile, whole_card()).gpu_s == Approx(1e-3));
  group.of_llm = true;
  CHECK(step_time(one(group), profile, whole_card()).gpu_s == Approx(1.8e-3));
  profile.relative_llm_latency = 0;
  CHECK(step_time(one(group), profile, whole_card()).gpu_s == Approx(1e-3));
}

TEST_CASE("arithmetic runs at the rate of its precision") {
  OperatorGroup group;
  group.flop = 1e12;
  CHECK(step_time(one(group), round_card(), whole_card()).gpu_s == Approx(10e-3));
  group.precision = Precision::int8;
  CHECK(step_time(one(group), round_card(), whole_card()).gpu_s == Approx(5e-3));
}

TEST_CASE("what is found in L2 is not fetched from memory") {
  OperatorGroup group;
  group.bytes = 1e9;
  group.reuse = 0.6;
  group.working_set_bytes = 40e6;
  const GpuProfile profile = round_card();
  CHECK(step_time(one(group), profile, whole_card()).bytes == Approx(0.4e9));       // fits exactly
  CHECK(step_time(one(group), profile, {100, 1e12, 80e6}).bytes == Approx(0.4e9));  // more L2 saves no more
  const StepTime eighth = step_time(one(group), profile, {100, 1e12, 5e6});         // an eighth is found
  CHECK(eighth.bytes == Approx(1e9 * (1 - 0.6 / 8)));
  CHECK(eighth.gpu_s == Approx(0.925e-3));
  group.working_set_bytes = 0;  // nothing to hold: always found
  CHECK(step_time(one(group), profile, {100, 1e12, 0}).bytes == Approx(0.4e9));
}

TEST_CASE("more of any resource never makes a step longer") {
  Demand demand = one(two_three_six());
  OperatorGroup smooth = two_three_six();
  smooth.norm = 2;
  smooth.reuse = 0.5;
  smooth.working_set_bytes = 30e6;
  demand.add(smooth);
  const GpuProfile profile = round_card();
  double before[3] = {1e9, 1e9, 1e9};
  for (int twentieths = 1; twentieths <= 20; ++twentieths) {
    const double share = 0.05 * twentieths;
    const double times[3] = {step_time(demand, profile, {100 * share, 1e12, 40e6}).gpu_s,
                             step_time(demand, profile, {100, share * 1e12, 40e6}).gpu_s,
                             step_time(demand, profile, {100, 1e12, share * 40e6}).gpu_s};
    for (int i = 0; i < 3; ++i) {
      CHECK(times[i] <= before[i]);
      before[i] = times[i];
    }
  }
}

TEST_CASE("memory time is a part of GPU time") {
  for (const std::uint8_t norm : {std::uint8_t{1}, std::uint8_t{2}}) {
    OperatorGroup group = two_three_six();
    group.norm = norm;
    for (const double bytes : {1e6, 1e7, 1e8, 1e9, 1e10, 1e11}) {
      group.bytes = bytes;
      const StepTime time = step_time(one(group), round_card(), whole_card());
      CHECK(time.memory_s > 0);
      CHECK(time.memory_s < time.gpu_s);
    }
  }
}

TEST_CASE("a whole card offers its SMs, bandwidth and L2") {
  const GpuProfile profile = round_card();
  Partition whole;
  whole.sms = 100;
  whole.bandwidth_bytes_per_s = 1e12;
  whole.l2_bytes = 40e6;
  const Resources all = resources_of(profile, whole);
  CHECK(all.sms == 100);
  CHECK(all.bandwidth_bytes_per_s == 1e12);
  CHECK(all.l2_bytes == 40e6);

  const Resources half = resources_of(profile, whole, 50);  // the curve: half of the SMs draw 80 %
  CHECK(half.sms == 50);
  CHECK(half.bandwidth_bytes_per_s == Approx(0.8e12));
  CHECK(half.l2_bytes == 40e6);
  CHECK(resources_of(profile, whole, 10).bandwidth_bytes_per_s == Approx(0.2e12));  // line through (0, 0)
  CHECK(resources_of(profile, whole, 400).sms == 100);  // a cap gives nothing that is not there
}

TEST_CASE("few SMs draw less, and use what they draw as well as any kernel does") {
  const GpuProfile profile = round_card();  // half of the SMs draw 80 %, of which kernels reach 90 %
  OperatorGroup reads;
  reads.bytes = 1e9;
  const auto seconds = [&](double efficiency, int sms) {
    reads.bandwidth_efficiency = efficiency;
    Partition whole;
    whole.sms = 100;
    whole.bandwidth_bytes_per_s = 1e12;
    whole.l2_bytes = 40e6;
    return step_time(one(reads), profile, resources_of(profile, whole, sms)).gpu_s;
  };
  CHECK(seconds(0.6, 0) == Approx(1e-3 / 0.6));
  CHECK(seconds(0.6, 50) == Approx(1e-3 / 0.6));  // less than what they can draw
  CHECK(seconds(0.8, 50) == Approx(1e-3 / 0.72));
  CHECK(seconds(0.95, 50) == Approx(1e-3 / 0.76));
  CHECK(seconds(0.95, 0) == Approx(1e-3 / 0.95));
}

TEST_CASE("a step's kernels follow each other later or sooner, but no sooner than it computes and moves") {
  Demand step = one(two_three_six());
  step.kernels = 500;
  Resources there = whole_card();
  const StepTime alone = step_time(step, round_card(), there);
  const auto seconds = [&](double kernel_s) {
    there.kernel_s = kernel_s;
    return step_time(step, round_card(), there).gpu_s;
  };
  CHECK(seconds(4e-7) == Approx(11.2e-3));
  CHECK(seconds(-4e-7) == Approx(10.8e-3));
  CHECK(seconds(-1) == Approx(alone.saturating_s));
  Demand known;
  known.fixed_gpu_s = 3e-3;
  known.kernels = 300;
  CHECK(step_time(known, round_card(), there).gpu_s == Approx(3e-3));  // with its launches
}

TEST_CASE("what a kernel takes more or less hangs on the mode and on company") {
  GpuProfile card;
  card.time_slicing.kernel_saving_s = 3e-7;
  card.mps.kernel_s = 4e-7;
  CHECK(kernel_change_s(card, SharingMode::time_slicing, true) == -3e-7);
  CHECK(kernel_change_s(card, SharingMode::time_slicing, false) == 0);
  CHECK(kernel_change_s(card, SharingMode::mps, false) == 4e-7);
  CHECK(kernel_change_s(card, SharingMode::exclusive, true) == 0);
  CHECK(least_kernel_change_s(card) == -3e-7);
  CHECK(least_kernel_change_s(GpuProfile{}) == 0);
}

TEST_CASE("a card that cannot sustain all of its SMs is no faster on them") {
  GpuProfile profile = round_card();
  profile.sustained_flop_share = 0.8;
  OperatorGroup computes;
  computes.flop = 100e9;
  const auto seconds = [&](double sms) { return step_time(one(computes), profile, {sms, 1e12, 0}).gpu_s; };
  CHECK(seconds(50) == Approx(2e-3));
  CHECK(seconds(80) == Approx(1.25e-3));
  CHECK(seconds(100) == Approx(1.25e-3));
}

TEST_CASE(
    "what saturates a card is arithmetic at the rate it reaches, and traffic at the rate that kernels "
    "reach") {
  GpuProfile profile = round_card();
  profile.most_bandwidth_share = 0.96;
  OperatorGroup group = two_three_six();
  const auto saturating = [&](std::uint8_t norm) {
    group.norm = norm;
    return step_time(one(group), profile, whole_card()).saturating_s;
  };
  // 3 ms of arithmetic fill the SMs though it reaches half of the peak; 4.8 GB at 0.96 TB/s take 5 ms.
  CHECK(saturating(1) == Approx(8e-3));  // in turns
  CHECK(saturating(2) == Approx(5e-3));  // together
  group.flop_efficiency = 0.1;
  CHECK(saturating(1) == Approx(20e-3));
  CHECK(saturating(2) == Approx(15e-3));
  profile.most_bandwidth_share = 0.1;  // no more than what the step takes
  CHECK(saturating(1) == Approx(21e-3));
  CHECK(saturating(2) == Approx(261 / std::sqrt(265.0) * 1e-3));
}

TEST_CASE("kernels of a language model hold the SMs but for the short ones between products and attention") {
  OperatorGroup group = two_three_six();
  const auto time = [&](std::uint8_t norm, bool of_llm) {
    group.norm = norm;
    group.of_llm = of_llm;
    return step_time(one(group), round_card(), whole_card());
  };
  CHECK(time(1, true).held_s == Approx(11e-3));  // attention, with the ramps of all products
  CHECK(time(2, true).held_s ==
        Approx(7e-3 - 4e-3 / 7));  // elementwise kernels leave the SMs as long as they wait
  CHECK(time(1, false).held_s == time(1, false).saturating_s);
  CHECK(time(2, false).held_s == time(2, false).saturating_s);
}

TEST_CASE("a partition's bandwidth is its own or what its SMs reach, whichever is less") {
  const GpuProfile profile = round_card();
  Partition part;
  part.sms = 50;  // of the whole card's 100, so they reach 80 %
  part.bandwidth_bytes_per_s = 0.5e12;
  CHECK(resources_of(profile, part).bandwidth_bytes_per_s == 0.5e12);
  CHECK(resources_of(profile, part, 10).bandwidth_bytes_per_s == Approx(0.2e12));
  part.bandwidth_bytes_per_s = 0.9e12;
  CHECK(resources_of(profile, part).bandwidth_bytes_per_s == Approx(0.8e12));
}

TEST_CASE("an instance 3g.40gb has 42 of 108 SMs and half of the bandwidth") {
  // NVIDIA MIG User Guide: half of memory, bandwidth and L2, three sevenths of the SMs.
  const GpuProfile a100 = load_profile("a100");
  const Resources r = resources_of(a100, partition_of(a100, "3g.40gb@0+3g.40gb@4"));
  CHECK(r.sms == 42);
  CHECK(r.bandwidth_bytes_per_s == Approx(2.039e12 / 2));
  CHECK(r.l2_bytes == Approx(41943040 / 2.0));
}

TEST_CASE("the law of the instances is additive in 1/SMs and 1/bandwidth") {
  // T = o + a 108/SM + b 8/m on 1g.10gb (14 SMs, an eighth) with o = 2, a = 3, b = 6 ms on the whole card.
  const GpuProfile a100 = load_profile("a100");
  OperatorGroup group;
  group.floor_s = 2e-3;
  group.flop = 3e-3 * 312e12;
  group.bytes = 6e-3 * 2.039e12;
  CHECK(step_time(one(group), a100, resources_of(a100, partition_of(a100, "whole"))).gpu_s == Approx(11e-3));
  CHECK(step_time(one(group), a100, resources_of(a100, partition_of(a100, "7x1g.10gb"))).gpu_s ==
        Approx(2e-3 + 3e-3 * 108 / 14 + 6e-3 * 8));
}

}  // namespace test_demand
