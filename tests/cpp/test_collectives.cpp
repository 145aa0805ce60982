// The law of contention where steps hold all-reduces: beside others they press and wait only outside of them.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"
#include "sharing/collectives.hpp"

namespace test_collectives {

namespace {

using namespace gpushare;
using doctest::Approx;

/// A step of 10 ms, of which `collective_s` in all-reduces, that slows others `pressure` times their susceptibility of 1.
ActiveWork step(int process, double collective_s, double pressure) {
  ActiveWork active;
  active.work.process = process;
  active.work.gpu_s = 0.01;
  active.work.collective_s = collective_s;
  active.work.interference = {1, pressure, 0, 0};
  return active;
}

std::vector<double> rates(std::vector<ActiveWork> running) {
  const std::vector<double> sms(running.size(), 100);
  const std::vector<int> steps_of(running.size(), 1);
  set_rates_beside_collectives(running, {1e12, 0, sms, steps_of, {}});
  std::vector<double> found;
  for (const ActiveWork& active : running) found.push_back(active.rate);
  return found;
}

}  // namespace

TEST_CASE("without all-reduces steps slow each other as ever") {
  std::vector<ActiveWork> running{step(0, 0, 0.5), step(1, 0, 2), step(2, 0, 1)};
  const std::vector<double> sms(3, 100);
  const std::vector<int> steps_of(3, 1);
  set_contended_rates(running, {1e12, 0, sms, steps_of, {}});
  const auto found = rates({step(0, 0, 0.5), step(1, 0, 2), step(2, 0, 1)});
  for (std::size_t i = 0; i < running.size(); ++i) CHECK(found[i] == Approx(running[i].rate));
}

TEST_CASE("alone a step runs at full rate, in all-reduces and out of them") {
  CHECK(rates({step(0, 0.004, 3)})[0] == 1);
}

TEST_CASE("a neighbour goes ahead as if alone while a step is in its all-reduces") {
  // The neighbour presses on nobody, so that the step is in all-reduces for 4 of its 10 ms, and slows fivefold otherwise.
  const auto found = rates({step(0, 0.004, 4), step(1, 0, 0)});
  CHECK(found[0] == Approx(1));
  CHECK(found[1] == Approx(0.4 + 0.6 / 5));
}

TEST_CASE("all-reduces last as long beside others, and what they wait is settled with the rates") {
  // Slowed twice outside of them: 4 ms and 12.
  CHECK(rates({step(0, 0.004, 0), step(1, 0, 1)})[0] == Approx(0.01 / 0.016));
  // The first is there for 12 of 16 ms then, and in its all-reduces for 4.
  CHECK(rates({step(0, 0.004, 3), step(1, 0, 1)})[1] == Approx(0.25 + 0.75 / 4));
  // Each of 40 all-reduces waits as a kernel of 50 us does, which takes twice as long: 2 ms more.
  std::vector<ActiveWork> waits{step(0, 0.004, 0), step(1, 0, 1)};
  waits[0].work.collective_wait_s = 40 * 50e-6;
  CHECK(rates(waits)[0] == Approx(0.01 / 0.018));
}

TEST_CASE("two such steps meet outside of both their all-reduces") {
  const auto found = rates({step(0, 0.005, 1), step(1, 0.005, 1)});
  // 5 ms of all-reduces, and 5 ms at r = a + (1 - a) / 2, as the other is in its own for a = 5 / (5 + 5 / r) of the time.
  const double r = std::sqrt(0.5);
  CHECK(found[0] == Approx(0.01 / (0.005 + 0.005 / r)).epsilon(1e-3));
  CHECK(found[1] == found[0]);
}

TEST_CASE("of many such steps some press all the time, and nothing runs at more than the whole machine") {
  std::vector<ActiveWork> many;
  for (int i = 0; i < 7; ++i) {
    many.push_back(step(i, 0.001 * i, 1));
    many.back().work.interference = {1, 1, 1, 0.16};  // saturating steps of equal kernels
  }
  double sum = 0;
  const auto found = rates(many);
  for (std::size_t i = 0; i < many.size(); ++i) {
    const double own_s = 0.01 - many[i].work.collective_s;
    sum += found[i] * own_s / 0.01;  // of the machine, outside of all-reduces
  }
  CHECK(sum <= 1 + 1e-9);
  CHECK(sum > 0.8);
}

TEST_CASE(
    "under MPS a reply hurries on while its neighbour's ranks add up, the more the slower their links") {
  const auto gap = [](const char* kind_of_link) {
    test::Json json = test::parse(R"({"name": "beside", "duration_s": 20, "warmup_s": 4, "gpu": "h200",
      "services": {"wide": {"model": "llama-3.1-8b", "tensor_parallel": 2, "engine": {"kind": "continuous-batching",
                                                                                     "max_num_batched_tokens": 8192}},
                   "chat": {"model": "llama-3.1-8b", "engine": {"kind": "continuous-batching"}}},
      "pipelines": {"wide": {"stages": [{"name": "wide", "service": "wide"}]},
                    "chat": {"stages": [{"name": "reply", "service": "chat"}]}},
      "traffic": [
        {"name": "wide", "pipeline": "wide", "kind": "closed", "users": 1, "think_s": 0,
         "sizes": {"input_tokens": 4096, "output_tokens": 1}},
        {"name": "chat", "pipeline": "chat", "kind": "closed", "users": 1, "think_s": 0,
         "sizes": {"input_tokens": 64, "output_tokens": 200}}],
      "placement": {"nodes": [{"gpus": [{"partitions": [{"sharing": "mps", "processes": ["wide", "chat"]}]},
                                        {"partitions": [{"processes": ["wide"]}]}]}]}})");
    if (*kind_of_link != '\0') json["placement"]["nodes"][0]["interconnect"] = test::parse(kind_of_link);
    return simulate(test::read(json)).summary.latency("chat.reply.tpot")->mean;
  };
  const double by_nvlink = gap("");
  const double by_pcie = gap(R"({"latency_s": 20e-6, "bandwidth_bytes_per_s": 20e9})");
  CHECK(by_pcie < 0.7 * by_nvlink);
}

}  // namespace test_collectives
