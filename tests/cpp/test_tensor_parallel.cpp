#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"

namespace test_tensor_parallel {

// Replicas over several GPUs: what each rank does, that the slowest ends a step, and where ranks may be.

namespace {

using namespace gpushare;
using doctest::Approx;
using test::Json;

LlmModel llama_70b() { return std::get<LlmModel>(load_model("llama-3.1-70b").cost); }

const WeightFormat& fp16_of(const LlmModel& model) {
  return *std::find_if(model.formats.begin(), model.formats.end(),
                       [](const WeightFormat& format) { return format.name == Precision::fp16; });
}

TensorParallel over(int ranks) { return {ranks, 10e-6, 100e9}; }

/// A 70B model over `ranks` A100s, one request of 200 tokens a second that replies with 50.
Json document(int ranks, const std::string& placement = R"({"mode": "dedicated"})",
              const std::string& arrivals = R"({"kind": "constant", "rate_per_s": 0.2})") {
  return test::parse(R"({"name": "wide", "duration_s": 40, "gpu": "a100",
    "services": {
      "llm": {"model": "llama-3.1-70b", "tensor_parallel": )" +
                     std::to_string(ranks) + R"(},
      "other": {"model": {"kind": "synthetic", "gpu_s": 0.004}}},
    "placement": )" + placement +
                     R"(,
    "pipelines": {
      "chat": {"stages": [{"name": "llm", "service": "llm"}]},
      "work": {"stages": [{"name": "other", "service": "other"}]}},
    "traffic": [
      {"kind": "open", "pipeline": "chat", "arrivals": )" +
                     arrivals + R"(,
       "sizes": {"input_tokens": 200, "output_tokens": 50}},
      {"kind": "open", "pipeline": "work", "name": "work", "arrivals": {"kind": "constant", "rate_per_s": 1}}]})");
}

std::string gpus(const std::vector<std::string>& partitions) {
  std::string text;
  for (const std::string& partition : partitions)
    text += (text.empty() ? "" : ", ") + std::string(R"({"partitions": [)") + partition + "]}";
  return R"({"gpus": [)" + text + "]}";
}

std::string shared(const std::string& processes, const std::string& sharing = "exclusive") {
  return R"({"sharing": ")" + sharing + R"(", "processes": [)" + processes + "]}";
}

}  // namespace

TEST_CASE("a rank holds its share of weights, cache and products, and pays two all-reduces a layer") {
  const LlmModel model = llama_70b();
  const Demand whole = model.iteration(fp16_of(model), 0, 0, 0, 16, 16 * 500, 16);
  const Demand rank = model.share_of_rank(whole, 16, over(4));
  CHECK(rank.groups[0].flop == Approx(whole.groups[0].flop / 4));
  CHECK(rank.groups[0].bytes == Approx(whole.groups[0].bytes / 4));
  CHECK(rank.groups[2].bytes == Approx(whole.groups[2].bytes / 4));
  CHECK(rank.groups[2].floor_s == whole.groups[2].floor_s);
  CHECK(rank.groups[1].bytes < whole.groups[1].bytes);
  CHECK(rank.groups[1].bytes > whole.groups[1].bytes / 4);
  // 160 all-reduces of 16 x 8,192 numbers of 2 bytes: 10 us + 1.5 x 262,144 bytes at 100 GB/s
  CHECK(rank.fixed_gpu_s == Approx(160 * (10e-6 + 1.5 * 262144 / 100e9)));
  CHECK(rank.kernels == whole.kernels + 160);
  CHECK(model.share_of_rank(whole, 16, over(1)).fixed_gpu_s == 0);
  CHECK(over(1).all_reduce_s(1e9) == 0);
  CHECK(over(2).all_reduce_s(1e9) == Approx(10e-6 + 0.01));
}

TEST_CASE("an all-reduce takes the faster of one shot and of parts") {
  const TensorParallel parallel{4, 10e-6, 100e9, 4e-6};
  CHECK(parallel.all_reduce_s(100e3) == Approx(4e-6 + 3 * 1e-6));    // in parts 10 + 1.5 us
  CHECK(parallel.all_reduce_s(1e6) == Approx(10e-6 + 1.5 * 10e-6));  // in one shot 4 + 30 us
}

TEST_CASE("a step over four GPUs lasts what its arithmetic says") {
  const LlmModel model = llama_70b();
  const GpuProfile gpu = load_profile("a100");
  const TensorParallel parallel{4, gpu.interconnect.latency_s, gpu.interconnect.bandwidth_bytes_per_s,
                                gpu.interconnect.one_shot_latency_s};
  RunOptions options;
  options.record_steps = true;
  const Run run = simulate(test::read(document(4)), options);
  const Table& steps = run.steps;
  const auto column = [&](const char* name) { return steps.find(name)->numbers; };
  std::size_t first = 0;  // of the LLM
  while (steps.find("service")->codes[first] != 0) ++first;
  const double measured = column("gpu_end_s")[first] - column("gpu_start_s")[first];
  const Demand prompt = model.iteration(fp16_of(model), 200, 200 * 201 / 2.0, 0, 0, 0, 1);
  const StepTime expected =
      step_time(model.share_of_rank(prompt, 200, parallel), gpu, resources_of(gpu, partitions(gpu, {})[0]));
  CHECK(measured == Approx(expected.gpu_s).epsilon(1e-6));
}

TEST_CASE("more GPUs make a reply faster, but less than in proportion") {
  std::vector<double> tpot;
  for (const int ranks : {2, 4, 8})
    tpot.push_back(simulate(test::read(document(ranks))).summary.latency("chat.llm.tpot")->mean);
  CHECK(tpot[0] > 1.5 * tpot[1]);
  CHECK(tpot[1] > 1.3 * tpot[2]);
  CHECK(tpot[0] < 2 * tpot[1]);
  CHECK(tpot[1] < 2 * tpot[2]);
}

TEST_CASE("every rank is accounted for on its own GPU") {
  const Run run = simulate(test::read(document(4)));
  REQUIRE(run.summary.partitions.size() == 5);
  for (int rank = 0; rank < 4; ++rank) {
    const PartitionSummary& part = run.summary.partitions[static_cast<std::size_t>(rank)];
    CHECK(part.processes == std::vector<std::string>{"llm.0 (rank " + std::to_string(rank) + " of 4)"});
    CHECK(part.busy > 0.1);
    CHECK(part.busy == run.summary.partitions[0].busy);
    CHECK(part.compute_utilisation == run.summary.partitions[0].compute_utilisation);
    CHECK(part.memory_used_bytes == Approx(0.9 * load_profile("a100").memory_bytes).epsilon(0.001));
  }
  CHECK(run.summary.gpus_used == 5);
  CHECK(run.summary.gpus_freed == 0);
  CHECK(run.summary.services[0].replicas == 1);
}

TEST_CASE("a neighbour on one of the GPUs slows all ranks") {
  const std::string llm = R"("llm")", both = R"("llm", "other")";
  const std::string busy = R"([{"kind": "open", "pipeline": "chat",
    "arrivals": {"kind": "constant", "rate_per_s": 0.2}, "sizes": {"input_tokens": 200, "output_tokens": 50}},
    {"kind": "open", "pipeline": "work", "name": "work", "arrivals": {"kind": "constant", "rate_per_s": 100}}])";
  const auto tpot = [&](const std::vector<std::string>& partitions) {
    Json json = document(2, gpus(partitions));
    json["traffic"] = test::parse(busy);
    return simulate(test::read(json)).summary.latency("chat.llm.tpot")->mean;
  };
  const double alone = tpot({shared(llm), shared(llm), shared(R"("other")")});
  const double first = tpot({shared(both, "time-slicing"), shared(llm)});
  const double second = tpot({shared(llm), shared(both, "time-slicing")});
  CHECK(first > 1.2 * alone);
  CHECK(second == Approx(first).epsilon(0.02));
}

TEST_CASE("ranks that take turns with different processes are told to be out of step") {
  const auto told = [](const std::vector<std::string>& partitions) {
    const auto all = warnings_of(test::read(document(2, gpus(partitions))));
    return std::count_if(all.begin(), all.end(), [](const Warning& one) {
      return one.text.starts_with("ranks of llm take turns with different processes on 2 GPUs");
    });
  };
  const std::string llm = R"("llm")", both = R"("llm", "other")", two = R"("llm", "llm")";
  const std::string slices = "time-slicing";
  CHECK(told({shared(both, slices), shared(both, slices)}) == 1);
  CHECK(told({shared(both, slices), shared(llm)}) == 0);  // one rank has its GPU to itself
  CHECK(told({shared(both, "mps"), shared(both, "mps")}) == 0);
  CHECK(told({shared(two, slices), shared(two, slices), shared(R"("other")")}) == 0);  // the same neighbours
  CHECK(told({shared(R"("llm", "llm", "other")", slices), shared(R"("other", "llm", "llm")", slices)}) == 1);
}

TEST_CASE("several replicas share GPUs rank by rank") {
  const std::string pair = R"("llm", "llm")";
  Json json =
      document(2, gpus({shared(pair, "time-slicing"), shared(pair, "time-slicing"), shared(R"("other")")}));
  json["services"]["llm"]["engine"] = test::parse(R"({"kind": "continuous-batching", "kv_blocks": 100})");
  json["services"]["llm"]["model"] = "llama-3.1-8b";
  const Run run = simulate(test::read(json));
  CHECK(run.summary.services[0].replicas == 2);
  CHECK(run.summary.partitions[1].processes ==
        std::vector<std::string>{"llm.0 (rank 1 of 2)", "llm.1 (rank 1 of 2)"});
  CHECK(run.summary.unfinished == 0);
}

TEST_CASE("a failing replica is gone from all its GPUs, and serves again after its restart") {
  Json json = document(2, R"({"mode": "dedicated"})", R"({"kind": "constant", "rate_per_s": 1})");
  json["faults"] = test::parse(R"([{"service": "llm", "at_s": 10.3, "restart_s": 5}])");
  const Run run = simulate(test::read(json));
  CHECK(run.summary.failed >= 4);
  CHECK(run.summary.completed > 30);
  CHECK(run.summary.work_conservation_error < 1e-9);
}

TEST_CASE("what does not fit one GPU fits two, and a cache of the smallest rank serves all") {
  CHECK_THROWS_WITH_AS(check_memory(test::read(document(1))), doctest::Contains("a tensor_parallel of 2"),
                       MemoryError);
  const Scenario two = test::read(document(2)), four = test::read(document(4));
  check_memory(two);
  const MemoryNeed a = memory_needs(two.workload.services, two.placement.gpus[0])[0][0];
  const MemoryNeed b = memory_needs(four.workload.services, four.placement.gpus[0])[0][0];
  CHECK(a.weights == Approx(141.107e9 / 2).epsilon(1e-4));
  CHECK(b.weights == Approx(141.107e9 / 4).epsilon(1e-4));
  CHECK(b.cache / static_cast<double>(b.kv_blocks) == Approx(16 * 327680 / 4.0));
  CHECK(b.kv_blocks > 10 * a.kv_blocks);

  // The second GPU leaves its rank a cache that no such prompt fits, although the first would.
  Json json = document(2, gpus({shared(R"("llm")"), R"({"sharing": "mps", "processes":
    [{"service": "llm", "memory_limit_bytes": 82e9}, "other"]})"}));
  json["traffic"][0]["sizes"]["input_tokens"] = 5000;
  CHECK(simulate(test::read(json)).summary.services[0].rejected == 0);
  json["placement"]["gpus"][1]["partitions"][0]["processes"][0]["memory_limit_bytes"] = 81.2e9;
  CHECK(simulate(test::read(json)).summary.services[0].rejected > 5);
}

TEST_CASE("cards on a host's PCIe run over several, and others are told what has to be known of them") {
  int over_pcie = 0;
  for (const std::string& name : profile_names()) {
    const GpuProfile card = load_profile(name);
    if (card.interconnect.bandwidth_bytes_per_s <= 0) continue;
    CAPTURE(name);
    CHECK(card.interconnect.latency_s > 0);
    if (card.interconnect.bandwidth_bytes_per_s > 60e9) continue;  // NVLink
    CHECK(card.interconnect.bandwidth_bytes_per_s < card.pcie_bytes_per_s);
    ++over_pcie;
  }
  CHECK(over_pcie > 12);
  Json over_links = document(2);
  over_links["services"]["llm"]["model"] = "llama-3.1-8b";
  const auto told = [&](const char* card) {
    over_links["gpu"] = card;
    const auto all = assumptions_of(test::read(over_links));
    return std::any_of(all.begin(), all.end(), [](const Warning& one) {
      return one.text.starts_with("all-reduces at 17.7 GB/s: assumed: over PCIe");
    });
  };
  CHECK(told("l40s"));
  CHECK_FALSE(told("h200"));
  Json without = document(2);
  without["gpu"] = "a16";
  CHECK(test::complaint(without).find("how fast GPUs of kind a16 reach each other is not described") !=
        std::string::npos);
}

TEST_CASE("ranks that could not work together are refused") {
  const auto complaint = [](const std::string& placement, int ranks = 2) {
    return test::complaint(document(ranks, placement));
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const std::string llm = shared(R"("llm")"), other = shared(R"("other")");
  CHECK(complaint(gpus({llm, llm, other})) == "accepted");
  has(complaint(gpus({llm, other})), "s.json#/placement: service \"llm\" has tensor_parallel 2: 1 processes");
  has(complaint(gpus({shared(R"("llm", "llm")", "time-slicing"), other})), "each on 2 different GPUs");
  has(complaint(R"({"mode": "time-slicing"})"), "this mode shares one GPU; list the other services");
  CHECK(complaint(R"({"mode": "time-slicing", "consolidate": ["other"]})") == "accepted");
  has(complaint(R"({"gpus": [{"layout": "3g.40gb@0+3g.40gb@4", "partitions": [)" + llm + ", " + llm + "]}, " +
                R"({"partitions": [)" + other + "]}]}"),
      "gpu0 is cut into MIG instances, which do not reach other GPUs");
  has(complaint(R"({"gpus": [{"partitions": [)" + llm + R"(]}, {"profile": "h100", "partitions": [)" + llm +
                R"(]}, {"partitions": [)" + other + "]}]}"),
      "gpu1 is h100, others are a100");
  has(complaint(R"({"mode": "dedicated"})", 9), "s.json#/services/llm/tensor_parallel");
  has(complaint(R"({"mode": "dedicated"})", 6), "expected 1, 2, 4 or 8");
  Json speech = document(2);
  speech["services"]["other"]["tensor_parallel"] = 2;
  has(test::complaint(speech), "only LLMs run over several GPUs");
}

}  // namespace test_tensor_parallel
