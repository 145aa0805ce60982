#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "gpushare/gpushare.hpp"

namespace test_systems {

// The published systems of scenarios/: structure, accounting and the signs of their results.

namespace {

using namespace gpushare;

Summary run(const char* name, const char* mode) { return simulate(load_scenario(name, mode)).summary; }

double mean_of(const Summary& summary, const char* latency) {
  const LatencySummary* found = summary.latency(latency);
  REQUIRE(found != nullptr);
  return found->mean;
}

double rounded(double value, double to) { return std::round(value / to) * to; }

}  // namespace

TEST_CASE("heavy voice: MIG serves more requests than time-slicing, and its first audio comes later") {
  const Summary dedicated = run("voice-heavy", "dedicated");
  const Summary sliced = run("voice-heavy", "time-slicing");
  const Summary mig = run("voice-heavy", "mig:3g.40gb+3g.40gb");
  CHECK(mig.request_throughput > 1.15 * sliced.request_throughput);
  CHECK(mean_of(mig, "tts.first_chunk") > mean_of(sliced, "tts.first_chunk"));
  CHECK(dedicated.request_throughput > mig.request_throughput);
  CHECK(dedicated.gpus_used == 3);
  for (const Summary* shared : {&sliced, &mig}) {
    CHECK(shared->gpus_used == 2);
    CHECK(shared->gpus_freed == 1);
    CHECK(shared->success_rate == 1);
    // Consolidation adds 200 ms at most.
    CHECK(mean_of(*shared, "tts.first_chunk") < mean_of(dedicated, "tts.first_chunk") + 0.2);
  }
  // The resource that limits: synthesis, by the GPU it shares or by the instance it has.
  CHECK(to_string(sliced.bottleneck, sliced).starts_with("tts: GPU time of gpu1/whole"));
  CHECK(to_string(mig.bottleneck, mig).starts_with("tts: GPU time of gpu1/3g.40gb@4"));
  // The mechanism: dependent decoder steps of recognition each wait for a slice of synthesis; in an instance of their own they do not.
  CHECK(mean_of(sliced, "asr.chunk_latency") > 2 * mean_of(mig, "asr.chunk_latency"));
}

TEST_CASE("light voice: sharing frees a GPU, and time-slicing costs most") {
  const Summary dedicated = run("voice-light", "dedicated");
  const auto kept = [&](const char* mode) {
    const Summary shared = run("voice-light", mode);
    CHECK(shared.gpus_freed == 1);
    CHECK(shared.success_rate == 1);
    return shared.request_throughput / dedicated.request_throughput;
  };
  const double sliced = kept("time-slicing"), mps = kept("mps"), mig = kept("mig:3g.40gb+3g.40gb");
  CHECK(sliced > 0.7);
  CHECK(mps > sliced);
  CHECK(mig > sliced);
  CHECK(mps < 1.01);
}

TEST_CASE("Hollow GPU: memory, GPUs and cost as printed") {
  // "The Hollow GPU": 96.2 of 240 GB is 40 %, of 160 GB 60 %; $4,320 and $2,880 a month at $2 an hour; about $17,000 a year.
  const Summary before = run("hollow-gpu", "dedicated");
  CHECK(rounded(before.vram_used_bytes / 1e9, 0.1) == doctest::Approx(96.2));
  CHECK(before.vram_allocated_bytes == doctest::Approx(240e9));
  CHECK(std::round(100 * before.vram_used_bytes / before.vram_allocated_bytes) == 40);
  CHECK(before.cost_per_month == doctest::Approx(4320));
  REQUIRE(before.partitions.size() == 3);

  const Summary after = run("hollow-gpu", "mig:3g.40gb+3g.40gb");
  CHECK(after.vram_allocated_bytes == doctest::Approx(160e9));
  CHECK(std::round(100 * after.vram_used_bytes / after.vram_allocated_bytes) == 60);
  CHECK(after.cost_per_month == doctest::Approx(2880));
  CHECK(after.gpus_freed == 1);
  CHECK(rounded(12 * (before.cost_per_month - after.cost_per_month), 1000) == 17000);

  // Used and allocated of each part, before and after: 91, 12, 17 % and 91, 24, 34 %.
  const auto efficiency = [](const Summary& summary, const std::string& process) {
    for (const PartitionSummary& part : summary.partitions)
      if (part.processes.front() == process + ".0")
        return std::round(100 * part.memory_used_bytes / part.memory_allocated_bytes);
    return -1.0;
  };
  CHECK(efficiency(before, "llm") == 92);  // 73.2 / 80 is 91.5 %: printed as 91
  CHECK(efficiency(before, "asr") == 12);
  CHECK(efficiency(before, "tts") == 17);
  CHECK(efficiency(after, "asr") == 24);
  CHECK(efficiency(after, "tts") == 34);  // 33.5 %
}

TEST_CASE("Hollow GPU: 3g.40gb has 42 SMs and half the bandwidth, not the 874 GB/s of the article") {
  const auto profile = load_profile("a100");
  const Partition part = partitions(profile, parse_layout(profile, "3g.40gb+3g.40gb")).front();
  CHECK(part.sms == 42);
  CHECK(part.bandwidth_bytes_per_s == doctest::Approx(1019.5e9));
  CHECK(part.bandwidth_bytes_per_s > 3.0 / 7 * profile.bandwidth_bytes_per_s * 1.1);
}

TEST_CASE("bursty LLM: fp16 does not fit 1g.10gb, and the refusal shows the sum") {
  Scenario scenario = load_scenario("bursty-llm", "mig:7x1g.10gb");
  scenario.workload.services[0].precision = Precision::fp16;
  try {
    (void)simulate(scenario);
    FAIL("16 GB of weights were admitted to 10 GB");
  } catch (const MemoryError& error) {
    const std::string what = error.what();
    CHECK(what.find("gpu0/1g.10gb@0: llm needs") == 0);
    CHECK(what.find("weights 16.1") != std::string::npos);
    CHECK(what.find("int4") != std::string::npos);
  }
}

TEST_CASE("bursty LLM: one pod beats time-slicing, and eight ways are behind four") {
  const Summary alone = run("bursty-llm", "dedicated");
  const Summary four = run("bursty-llm", "time-slicing:4-int4");
  const Summary eight = run("bursty-llm", "time-slicing:8");
  const Summary seven = run("bursty-llm", "mig:7x1g.10gb");
  CHECK(alone.request_throughput > four.request_throughput);
  CHECK(four.request_throughput > eight.request_throughput);
  CHECK(four.request_throughput > seven.request_throughput);
  CHECK(mean_of(eight, "llm.ttft") > mean_of(four, "llm.ttft"));
  CHECK(seven.rejected > 0);
}

TEST_CASE(
    "one pod's spike: it takes what others leave, instances give it nothing, and one pod for all is best") {
  const auto of = [](const Summary& summary, const std::string& pipeline) -> const LatencySummary& {
    return *summary.latency(pipeline + ".e2e_latency");
  };
  const auto before = [](const char* mode) {
    Scenario scenario = load_scenario("one-pod-spike", mode);
    scenario.workload.traffic[0].arrivals.rates.assign(3, 1.0);
    return simulate(scenario).summary;
  };
  const Summary sliced = run("one-pod-spike", "time-slicing-int4"),
                cut = run("one-pod-spike", "mig:7x1g.10gb"), together = run("one-pod-spike", "one-pod");
  CHECK(of(sliced, "spiking").count > 8 * of(before("time-slicing-int4"), "spiking").count);
  CHECK(cut.request_throughput < 0.6 * sliced.request_throughput);
  CHECK(together.request_throughput > sliced.request_throughput);
  const Summary calm = before("mig:7x1g.10gb");
  for (const char* steady : {"steady1", "steady2", "steady3"}) {
    CHECK(of(cut, steady).mean == of(calm, steady).mean);
    CHECK(of(together, steady).p95 < of(sliced, steady).p95);
  }
}

TEST_CASE(
    "voice calls: the recogniser listens to every open call all the time, in every mode, and a GPU comes "
    "free") {
  const auto chunks_per_s = [](const Summary& summary) {
    for (const ServiceSummary& service : summary.services)
      if (service.name == "asr")
        return service.mean_batch * static_cast<double>(service.steps) / summary.duration_s;
    return 0.0;
  };
  const Summary dedicated = run("voice-calls", "dedicated");
  // 0.05 calls a second of 12.5 turns, each 0.75 s of silence, 3 s of speech, some 0.3 s until the answer, and 27 s of
  // playback, of which barge-in cuts 3.75 %: 19 calls on average, each a chunk every 160 ms.
  const double open_calls = 0.05 * 12.5 * (0.75 + 3 + 0.3 + 90 * 0.3 * (1 - 0.075 / 2));
  CHECK(chunks_per_s(dedicated) == doctest::Approx(open_calls / 0.16).epsilon(0.1));
  CHECK(dedicated.success_rate == 1);
  for (const char* mode : {"time-slicing", "mps", "mig:3g.40gb+3g.40gb"}) {
    const Summary shared = run("voice-calls", mode);
    CHECK(shared.gpus_freed == 1);
    CHECK(shared.success_rate == 1);
    CHECK(shared.arrived == dedicated.arrived);
    CHECK(chunks_per_s(shared) == doctest::Approx(chunks_per_s(dedicated)).epsilon(0.02));
  }
  CHECK(mean_of(run("voice-calls", "time-slicing"), "asr.after_speech") >
        mean_of(dedicated, "asr.after_speech"));
}

}  // namespace test_systems
