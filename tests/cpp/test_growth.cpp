#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "core/text.hpp"
#include "gpushare/gpushare.hpp"
#include "thinned.hpp"

using namespace gpushare;

// Costs are compared within one run of the test, by processor time: what one more costs must hardly depend on how many
// there are. Ratios are far from both what is there and what a walk over all of them would give.

namespace {

/// Processor time of a run by what it served, the least of a few.
double cost_each(const Scenario& scenario) {
  double least = 1e9;
  for (int i = 0; i < test::thinned(3); ++i) {
    RunOptions options;
    options.record_requests = false;
    const std::clock_t began = std::clock();
    const Run run = simulate(scenario, options);
    const double took = static_cast<double>(std::clock() - began);
    REQUIRE(run.summary.completed > 100);
    least = std::min(least, took / static_cast<double>(run.summary.completed));
  }
  return least;
}

/// One recogniser with so many streams open at a time, each of 10 s of speech.
Scenario open_streams(int streams, double duration_s) {
  return parse_scenario(text::format(
      R"({{"name": "streams", "duration_s": {}, "gpu": "a100", "host": {{"cores": 1000}}, "placement": {{"mode": "dedicated"}},
           "services": {{"asr": {{"model": {{"name": "asr", "title": "x", "kind": "streaming-asr", "flop_per_audio_s": 1,
             "padding_s": 0, "weight_bytes": 1, "memory_bytes": 1, "flop_efficiency": 1, "bandwidth_efficiency": 1,
             "floor_s": 1e-5, "host_before_s": 0, "host_after_s": 0, "host_per_stream_s": 0, "segments": 1, "kernels": 1}},
             "engine": {{"kind": "stream-batching", "max_batch": 64, "chunk_s": 0.16}} }} }},
           "pipelines": {{"heard": {{"stages": [{{"name": "asr", "service": "asr"}}]}} }},
           "traffic": [{{"name": "speech", "pipeline": "heard", "kind": "open", "sizes": {{"speech_s": 10}},
             "arrivals": {{"kind": "poisson", "rate_per_s": {} }} }}] }})",
      duration_s, streams / 10.0));
}

/// So many replicas, half of them busy, of a service whose requests go to the one with the fewest.
Scenario least_outstanding(int replicas) {
  return parse_scenario(text::format(
      R"({{"name": "replicas", "duration_s": {}, "gpu": "a100", "host": {{"cores": 100000}}, "placement": {{"mode": "dedicated"}},
           "services": {{"s": {{"model": {{"kind": "synthetic", "gpu_s": 0.01}}, "replicas": {}, "routing": "least-outstanding"}} }},
           "pipelines": {{"p": {{"stages": [{{"name": "s", "service": "s"}}]}} }},
           "traffic": [{{"name": "t", "pipeline": "p", "kind": "open",
                         "arrivals": {{"kind": "poisson", "rate_per_s": {} }} }}] }})",
      400.0 / replicas, replicas, 50 * replicas));
}

}  // namespace

TEST_CASE("a stream costs as much among thousands as among a few") {
  const double few = cost_each(open_streams(200, 30));
  const double many = cost_each(open_streams(6400, 11));
  MESSAGE("times ", many / few);
  CHECK(many < 4 * few);
}

TEST_CASE("the replica with the fewest requests is found as fast among a thousand as among a few") {
  const double few = cost_each(least_outstanding(10));
  const double many = cost_each(least_outstanding(1000));
  MESSAGE("times ", many / few);
  CHECK(many < 4 * few);
}
