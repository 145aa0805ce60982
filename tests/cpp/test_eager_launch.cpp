// Steps whose kernels are launched one by one, for longer than the GPU takes for them, beside others.
#include <doctest/doctest.h>

#include <string>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"

namespace test_eager_launch {

namespace {

using namespace gpushare;
using doctest::Approx;

/// A network of 1 ms on the GPU in 100 kernels, whose launches take 5 ms, asked again at once, and a neighbour with so
/// many steps of 20 ms a second. Slices of 3 ms and hand-overs of nothing.
struct Eager {
  double mean_s, busy;
};
Eager eager(const std::string& sharing, double neighbours_per_s, const std::string& launch_s = "5e-3") {
  test::Json json = test::parse(R"({"name": "eager", "duration_s": 20, "warmup_s": 1, "gpu": "a100",
    "services": {
      "net": {"engine": {"kind": "fifo"},
              "model": {"kind": "batch", "unit": "image", "precision": "fp16", "floor_s": 1e-3, "kernels": 100,
                        "flop_per_unit": 0, "flop_efficiency": 1, "bytes_per_unit": 0, "bandwidth_efficiency": 1,
                        "memory_bytes": 1e9, "launch_s": )" +
                                launch_s + R"(}},
      "other": {"engine": {"kind": "fifo"},
                "model": {"kind": "batch", "unit": "image", "precision": "fp16", "floor_s": 2e-2, "kernels": 100,
                          "flop_per_unit": 0, "flop_efficiency": 1, "bytes_per_unit": 0, "bandwidth_efficiency": 1,
                          "memory_bytes": 1e9}}},
    "pipelines": {"see": {"stages": [{"name": "net", "service": "net"}]},
                  "wait": {"stages": [{"name": "other", "service": "other"}]}},
    "traffic": [
      {"name": "see", "pipeline": "see", "kind": "closed", "users": 1, "think_s": 0},
      {"name": "wait", "pipeline": "wait", "kind": "open",
       "arrivals": {"kind": "constant", "rate_per_s": 1}}],
    "placement": {"gpus": [{"partitions": [{"processes": ["net", "other"]}]}]}})");
  test::Json& partition = json["placement"]["gpus"][0]["partitions"][0];
  partition["sharing"]["mode"] = sharing;
  if (sharing == "time-slicing")
    partition["sharing"].update(
        test::parse(R"({"slice_s": 3e-3, "switch_preempted_s": 0, "switch_idle_s": 0})"));
  json["traffic"][1]["arrivals"]["rate_per_s"] = neighbours_per_s;
  const Run run = simulate(test::read(json));
  return {run.summary.latency("see.net.latency")->mean, run.summary.partitions[0].busy};
}

}  // namespace

TEST_CASE("beside an idle neighbour a step lasts as long as its launches, or as the GPU takes") {
  CHECK(eager("time-slicing", 1e-3).mean_s == Approx(5e-3).epsilon(1e-6));
  CHECK(eager("mps", 1e-3).mean_s == Approx(5e-3).epsilon(1e-6));
  CHECK(eager("time-slicing", 1e-3, "0").mean_s == Approx(1e-3).epsilon(1e-6));
}

TEST_CASE("beside a busy neighbour the last kernel waits for a turn of its own") {
  // The neighbour has the GPU for 3 ms, the step for 1, the neighbour from 4 to 7: until then the kernel of 5 ms waits.
  CHECK(eager("time-slicing", 1000).mean_s == Approx(7.01e-3).epsilon(2e-3));
  // What the host launched long before the GPU had come to it waits for no further turn.
  CHECK(eager("time-slicing", 1000, "0.5e-3").mean_s ==
        Approx(eager("time-slicing", 1000, "0").mean_s).epsilon(0.01));
}

TEST_CASE("an engine says what the launch of each kernel takes") {
  const auto latency = [](double kernel_s, const char* engine) {
    test::Json json = test::parse(R"({"name": "kernels", "duration_s": 50, "gpu": "h200",
      "services": {"texts": {"model": "bge-m3"}},
      "pipelines": {"texts": {"stages": [{"name": "texts", "service": "texts"}]}},
      "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 1}}]})");
    json["services"]["texts"]["engine"] = {{"kind", engine}, {"eager_kernel_s", kernel_s}};
    return simulate(test::read(json)).summary.latency("e2e_latency")->mean;
  };
  const double kernels = std::get<BatchModel>(load_model("bge-m3").cost).kernels;
  for (const char* engine : {"fifo", "dynamic-batching"}) {
    CAPTURE(engine);
    const double hidden = latency(0, engine);
    CHECK(latency(1e-7, engine) == Approx(hidden));
    // 1 ms longer than the launches of 3e-5 s each, at most: what the host does before and after.
    CHECK(latency(3e-5, engine) > kernels * 3e-5);
    CHECK(latency(3e-5, engine) < kernels * 3e-5 + 1e-3);
    CHECK(latency(6e-5, engine) - latency(3e-5, engine) == Approx(kernels * 3e-5));
  }
}

TEST_CASE("the last kernel is part of the step's work: a GPU is busy with it once more at most") {
  const double once = 1e-3 / 5e-3;
  CHECK(eager("time-slicing", 1e-3).busy == Approx(once * 1.01).epsilon(1e-3));
}

}  // namespace test_eager_launch
