#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "gpushare/summary.hpp"
#include "results/bottleneck.hpp"

namespace test_bottleneck {

// What requests wait for most, of summaries made by hand: two services, "asr" on gpu0/whole, "tts" on gpu1/whole.

namespace {

using namespace gpushare;
using Cause = Bottleneck::Cause;

const std::vector<std::vector<int>> kHomes{{0}, {1}};

/// Most requests are at "tts"; its partition is full for 0.95 of the time.
Summary saturated() {
  Summary summary;
  summary.services.resize(2);
  summary.services[0].name = "asr";
  summary.services[0].mean_in_system = 1;
  summary.services[0].busy = 0.3;
  summary.services[1].name = "tts";
  summary.services[1].mean_in_system = 4;
  summary.services[1].busy = 0.99;
  summary.partitions.resize(2);
  summary.partitions[0].name = "gpu0/whole";
  summary.partitions[0].busy = 0.99;
  summary.partitions[1].name = "gpu1/whole";
  summary.partitions[1].busy = 0.95;
  return summary;
}

Bottleneck find(const Summary& summary) { return find_bottleneck(summary, kHomes, {}); }

std::string words(const Summary& summary) { return to_string(find(summary), summary); }
std::string few_words(const Summary& summary) {
  const Bottleneck found = find(summary);
  return brief(found, found.service < 0
                          ? ""
                          : std::string_view(summary.services[static_cast<std::size_t>(found.service)].name));
}

}  // namespace

TEST_CASE("a bottleneck is the full partition of the service where most requests are") {
  const Bottleneck found = find(saturated());
  CHECK(found.cause == Cause::gpu_time);
  CHECK(found.service == 1);
  CHECK(found.partition == 1);
  CHECK(found.busy == 0.95);
  CHECK(found.switching == 0);
  CHECK(found.service_busy == 0.99);
  CHECK(words(saturated()) == "tts: GPU time of gpu1/whole (95 % busy)");
  CHECK(few_words(saturated()) == "tts: GPU time");
}

TEST_CASE("hand-overs fill a partition too, and are told from a fiftieth of the time on") {
  Summary summary = saturated();
  summary.partitions[1].busy = 0.7;
  summary.partitions[1].switching = 0.2;
  summary.partitions[1].bandwidth_utilisation = 0.6;  // what it would lack without hand-overs
  CHECK(find(summary).cause == Cause::gpu_time);
  CHECK(words(summary) == "tts: GPU time of gpu1/whole (70 % busy, 20 % switching)");
  summary.partitions[1].busy = 0.9;
  summary.partitions[1].switching = 0.02;
  CHECK(words(summary) == "tts: memory bandwidth of gpu1/whole (90 % busy)");
}

TEST_CASE("a full partition lacks bandwidth or compute when more than half of the peak is used") {
  Summary summary = saturated();
  summary.partitions[1].compute_utilisation = 0.51;
  CHECK(find(summary).cause == Cause::compute);
  CHECK(words(summary) == "tts: compute of gpu1/whole (95 % busy)");
  summary.partitions[1].bandwidth_utilisation = 0.51;  // asked first
  CHECK(find(summary).cause == Cause::memory_bandwidth);
  CHECK(words(summary) == "tts: memory bandwidth of gpu1/whole (95 % busy)");
  CHECK(few_words(summary) == "tts: memory bandwidth");
  summary.partitions[1].bandwidth_utilisation = summary.partitions[1].compute_utilisation = 0.5;
  CHECK(find(summary).cause == Cause::gpu_time);
}

TEST_CASE("a service that never rests on a GPU that does waits for its host") {
  Summary summary = saturated();
  summary.partitions[1].busy = 0.5;
  summary.services[1].busy = 1;
  const Bottleneck found = find(summary);
  CHECK(found.cause == Cause::host);
  CHECK(found.service == 1);
  CHECK(found.partition == -1);
  CHECK(words(summary) == "tts: serial steps (50 % GPU, else host/link)");
  CHECK(few_words(summary) == "tts: serial steps");
}

TEST_CASE("without a saturated resource requests wait for the service's own latency") {
  Summary summary = saturated();
  summary.partitions[1].busy = 0.8;
  summary.services[1].busy = 0.84;
  CHECK(find(summary).cause == Cause::own_latency);
  CHECK(words(summary) == "tts: its own latency; no resource is saturated");
  CHECK(few_words(summary) == "tts: its own latency");
  summary.services[1].busy = 0.85;
  CHECK(find(summary).cause == Cause::host);
  summary.partitions[1].busy = 0.85;
  CHECK(find(summary).cause == Cause::gpu_time);
}

TEST_CASE("without requests in service all were refused, or there were none") {
  Summary summary = saturated();
  for (ServiceSummary& service : summary.services) service.mean_in_system = 0;
  CHECK(find(summary) == Bottleneck{});
  CHECK(words(summary) == "nothing: no requests were served");
  summary.rejected = 3;
  CHECK(find(summary).cause == Cause::admission);
  CHECK(words(summary) == "admission: every request was refused");
  CHECK(few_words(summary) == words(summary));
  CHECK(to_string(find_bottleneck({}, {}, {}), Summary{}) == "nothing: no requests were served");
}

TEST_CASE("of a service's partitions the fullest counts, of equally full ones the first") {
  Summary summary = saturated();
  summary.partitions.push_back(summary.partitions[1]);
  summary.partitions[2].name = "gpu2/whole";
  const std::vector<std::vector<int>> homes{{0}, {2, 1}};
  CHECK(find_bottleneck(summary, homes, {}).partition == 2);
  summary.partitions[1].switching = 0.01;
  CHECK(find_bottleneck(summary, homes, {}).partition == 1);
  CHECK(find_bottleneck(summary, std::vector<std::vector<int>>{{0}, {2}}, {}).partition == 2);
}

TEST_CASE(
    "an overloaded pipeline is limited by the last service with a queue, however long the first one's is") {
  Pipeline pipeline;
  pipeline.name = "voice";
  pipeline.stages.resize(2);
  pipeline.stages[0].name = "hear";
  pipeline.stages[0].service = 1;
  pipeline.stages[1].name = "speak";
  pipeline.stages[1].service = 0;
  pipeline.stages[1].after = 0;
  Summary summary = saturated();
  summary.only_pipeline = "voice";
  summary.duration_s = 100;
  summary.services[0].mean_in_system = 100;
  summary.services[1].mean_in_system = 1000;
  summary.traffic.resize(1);
  LatencySummary queue;
  queue.name = "speak.queue";
  queue.count = 1000;
  const auto service = [&](double mean_wait_s, bool keeps_up) {
    queue.mean = mean_wait_s;
    summary.latencies = {queue};
    summary.traffic[0].keeps_up = keeps_up;
    return find_bottleneck(summary, kHomes, std::span(&pipeline, 1)).service;
  };
  CHECK(service(9.0, false) == 0);  // 90 wait: it falls behind what comes through
  CHECK(service(1.0, false) == 1);  // 10 wait of 1000: it keeps up with that
  CHECK(service(9.0, true) == 1);   // no overload: where most requests are
  pipeline.stages[0].service = 0;   // the queue is before the service, not after it
  pipeline.stages[1].service = 1;
  CHECK(service(9.0, false) == 1);
}

}  // namespace test_bottleneck
