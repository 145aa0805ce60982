#include "gpushare/what_if.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "gpushare/simulation.hpp"
#include "planning/bulk_queue.hpp"
#include "queueing.hpp"
#include "scenario_documents.hpp"

namespace test_what_if {

using namespace gpushare;
using namespace gpushare::test;

namespace {

// ---- The stated test set: three services drawn at random, in six ways on one or three A100 ----

class DrawnWorkload {
 public:
  /// With `sigma` the sizes of requests are lognormal.
  DrawnWorkload(std::uint64_t seed, std::uint64_t number, double sigma)
      : luck_(seed, 0, "workloads", number), sigma_(sigma) {
    document_ = parse(R"({"name": "drawn", "gpu": "a100", "services": {}, "pipelines": {}, "traffic": [],
                          "duration_s": 600, "warmup_s": 20})");
    const bool has_llm = luck_.uniform() < 0.75;
    if (has_llm) add_llm();
    std::vector<int> others{0, 1, 2, 3};
    while (others.size() > (has_llm ? 2u : 3u)) {
      const auto gone = static_cast<std::ptrdiff_t>(luck_.uniform() * static_cast<double>(others.size()));
      others.erase(others.begin() + gone);
    }
    for (const int other : others) add_other(other);
    draw_rates();
  }
  [[nodiscard]] const Json& document() const { return document_; }

 private:
  Json between(double low, double high) {
    const double mean = std::round(low * std::pow(high / low, luck_.uniform()));
    if (sigma_ <= 0) return mean;
    return {{"kind", "lognormal"}, {"mean", mean}, {"sigma", sigma_}, {"min", 1}, {"max", 6 * mean}};
  }
  void add(const std::string& name, const Json& service, const Json& sizes, Json stage = Json::object()) {
    stage["name"] = stage["service"] = name;
    document_["services"][name] = service;
    document_["pipelines"][name] = {{"stages", Json::array({stage})}};
    document_["traffic"].push_back({{"name", name},
                                    {"pipeline", name},
                                    {"kind", "open"},
                                    {"arrivals", {{"kind", "poisson"}, {"rate_per_s", 1.0}}},
                                    {"sizes", sizes}});
  }
  void add_llm() {
    Json engine = parse(R"({"kind": "continuous-batching", "gpu_memory_utilization": 0.35})");
    if (luck_.uniform() < 0.5)
      engine["preset"] = "vllm-0.20";
    else
      engine.update(parse(R"({"host_per_step_s": 0.001, "host_per_sequence_s": 5e-06})"));
    const bool large = luck_.uniform() < 0.7;
    const char* precision = large && luck_.uniform() < 0.3 ? "int8" : "fp16";
    const Json input = between(100, 3000);
    add("llm",
        {{"model", large ? "llama-3.1-8b" : "llama-3.2-1b"}, {"precision", precision}, {"engine", engine}},
        {{"input_tokens", input}, {"output_tokens", between(40, 300)}});
  }
  void add_other(int which) {
    if (which == 0)
      add("asr",
          parse(R"({"model": "parakeet-1.1b", "engine": {"kind": "stream-batching", "max_batch": 64}})"),
          {{"speech_s", between(2, 10)}});
    if (which == 1) {
      const double delay_s = luck_.uniform() < 0.5 ? 0 : 0.003;
      Json service =
          parse(R"({"model": "embedding-0.3b", "engine": {"kind": "dynamic-batching", "max_batch": 16}})");
      service["engine"]["max_queue_delay_s"] = delay_s;
      add("emb", service, {{"units", 1}});
    }
    if (which == 2)
      add("tts", parse(R"({"model": "magpie-tts", "engine": {"kind": "autoregressive-slots", "slots": 32}})"),
          {{"output_tokens", between(10, 40)}}, parse(R"({"audio_s_per_token": 0.2})"));
    if (which == 3)
      add("img", parse(R"({"model": "yolos-small", "engine": {"kind": "dynamic-batching", "max_batch": 4}})"),
          {{"units", 1}});
  }
  // Together 15 to 75 % of a card, of an eighth of it for speech, which is not to wait.
  void draw_rates() {
    const double total = 0.15 + 0.6 * luck_.uniform();
    const Scenario alone = read(document_, "dedicated");
    const auto traffic = service_traffic(alone.workload);
    std::vector<double> parts;
    double sum = 0;
    for (std::size_t i = 0; i < traffic.size(); ++i) sum += parts.emplace_back(0.15 + luck_.uniform());
    for (std::size_t i = 0; i < traffic.size(); ++i) {
      const GpuPlacement& gpu = alone.placement.gpus[i];
      const Service& service = alone.workload.services[i];
      const double capacity = capacity_bound(service, traffic[i].mean, {gpu.profile(), gpu.parts()[0]});
      const bool speech = service.name == "tts" || service.name == "asr";
      document_["traffic"][i]["arrivals"]["rate_per_s"] =
          capacity / (speech ? 8 : 1) * total * parts[i] / sum;
    }
  }

  Stream luck_;
  double sigma_;
  Json document_;
};

const std::vector<std::string> kModes{"dedicated",
                                      "time-slicing",
                                      "mps",
                                      "mps:40/30/30",
                                      "mig:4g.40gb+3g.40gb/mps",
                                      "mig:4g.40gb+3g.40gb/time-slicing"};
constexpr double kOverloaded = 3;  // seconds: a p95 beyond grows with the run

// Of p95 within 15 %; of the few workloads that are left of a thinned test less.
constexpr double kMostWithin = queueing::kThinning > 1 ? 0.75 : 0.88;

using Errors = std::map<std::string, std::vector<double>>;

/// Of all requests, or of those at the service of the same name.
const LatencySummary* latency_of(const Summary& summary, const std::string& name,
                                 const std::string& latency) {
  const LatencySummary* found = summary.latency(name + "." + latency);
  return found != nullptr ? found : summary.latency(name + "." + name + "." + latency);
}

void compare(const Scenario& scenario, const std::string& mode, Errors& errors) {
  RunOptions options;
  options.record_requests = false;
  const Summary simulated = simulate(scenario, options).summary;
  const WhatIf predicted = what_if(scenario.workload, scenario.placement);
  REQUIRE(predicted.services.size() == scenario.workload.services.size());
  for (std::size_t s = 0; s < predicted.services.size(); ++s) {
    const std::string& name = scenario.workload.services[s].name;
    const LatencySummary* found = latency_of(simulated, name, std::string(predicted.services[s].latency));
    REQUIRE(found != nullptr);
    const bool overloaded = found->p95 > kOverloaded;
    if (found->count < 300 || (overloaded && predicted.services[s].p95_s > kOverloaded)) continue;
    const double error =
        overloaded ? 1 : std::min(1.0, std::abs(predicted.services[s].p95_s / found->p95 - 1));
    for (const std::string& split : {std::string("all"), mode.substr(0, mode.find(':')), name})
      errors[split].push_back(error);
  }
}

Errors errors_of(std::uint64_t seed, std::uint64_t workloads, double sigma = 0) {
  Errors errors;
  for (std::uint64_t number = 0; number < workloads; ++number) {
    const DrawnWorkload drawn(seed, number, sigma);
    for (const std::string& mode : kModes) {
      Scenario scenario;
      try {
        scenario = read(drawn.document(), mode);
      } catch (const MemoryError&) {
        continue;  // an LLM that does not fit half a card
      }
      compare(scenario, mode, errors);
    }
  }
  for (auto& [split, list] : errors) std::sort(list.begin(), list.end());
  return errors;
}

double within(const std::vector<double>& errors, double most) {
  return static_cast<double>(
             std::count_if(errors.begin(), errors.end(), [&](double e) { return e <= most; })) /
         static_cast<double>(errors.size());
}

std::string table(const Errors& errors) {
  std::string text;
  for (const auto& [split, list] : errors)
    text += split + ": " + std::to_string(list.size()) +
            ", within 15 %: " + std::to_string(within(list, 0.15)) + ", median " +
            std::to_string(list[list.size() / 2]) + "\n";
  return text;
}

}  // namespace

TEST_CASE("predicted p95 against simulated, on workloads that the approximation was not chosen by") {
  // The approximation was chosen by seeds 1 to 3; docs/claims.md has the errors of 40 workloads of seed 4.
  const Errors errors = errors_of(4, queueing::kThinning > 1 ? 2 : 10);
  INFO(table(errors));
  CHECK(within(errors.at("all"), 0.15) >= kMostWithin);
  CHECK(within(errors.at("dedicated"), 0.15) >= 0.95);
  CHECK(errors.at("all")[errors.at("all").size() / 2] <= 0.06);
}

TEST_CASE("predicted p95 against simulated where requests vary in size") {
  // What varies was accounted for with other workloads in view, and seed 4 was left alone until then.
  const Errors errors = errors_of(4, queueing::kThinning > 1 ? 2 : 10, 0.5);
  INFO(table(errors));
  CHECK(within(errors.at("all"), 0.15) >= kMostWithin);
  CHECK(within(errors.at("dedicated"), 0.15) >= 0.95);
  CHECK(errors.at("all")[errors.at("all").size() / 2] <= 0.06);
}

TEST_CASE("a queue of the steps of one job at a time is M/D/1") {
  planning::BulkQueue queue;
  queue.rate = 14;
  queue.step_s = {0, 0.05};
  const planning::BulkQueue::Answer answer = queue.answer();
  CHECK(answer.busy == doctest::Approx(0.7).epsilon(1e-3));
  CHECK(answer.mean_batch == 1);
  Scenario scenario = queueing::system(constant(0.05), queueing::fifo());
  queueing::add_poisson(scenario, 14);
  scenario.workload.duration_s = 20'000 / queueing::kThinning;
  RunOptions options;
  options.record_requests = false;
  const double simulated = simulate(scenario, options).summary.latency("e2e_latency")->p95;
  CHECK(answer.p95_s == doctest::Approx(simulated).epsilon(0.04 * std::sqrt(queueing::kThinning)));
}

TEST_CASE("a queue that cannot keep up has no quantile") {
  planning::BulkQueue queue;
  queue.rate = 21;
  queue.step_s = {0, 0.05};
  CHECK(std::isinf(queue.answer().p95_s));
}

TEST_CASE("what does not fit or cannot keep up is not ok") {
  const Json slow = patched(queue_document(), R"({"services": {"server": {"model": {"kind": "synthetic",
    "gpu_s": 0.5}}}})");
  const Scenario kept_up = read(slow);
  const WhatIf good = what_if(kept_up.workload, kept_up.placement);
  CHECK(good.ok());
  CHECK(good.load.factor == doctest::Approx(2));
  CHECK(good.services.at(0).busy == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(good.services.at(0).latency == "latency");

  Scenario overloaded = kept_up;
  overloaded.workload.traffic[0].arrivals.rate_per_s = 2.1;
  const WhatIf bad = what_if(overloaded.workload, overloaded.placement);
  CHECK_FALSE(bad.ok());
  CHECK(bad.load.factor < 1);
  CHECK(std::isinf(bad.services.at(0).p95_s));

  Scenario crowded = read(parse(R"({"name": "two", "duration_s": 10, "services": {
    "llm": {"model": "llama-3.1-8b", "replicas": 2, "engine": {"kind": "continuous-batching",
            "gpu_memory_utilization": 0.4}}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1},
                 "sizes": {"input_tokens": 100, "output_tokens": 20}}]})"),
                          "time-slicing");
  CHECK(what_if(crowded.workload, crowded.placement).ok());
  crowded.placement.gpus[0].partitions[0].processes.push_back({0});
  const WhatIf full = what_if(crowded.workload, crowded.placement);
  CHECK_FALSE(full.ok());
  CHECK_FALSE(full.fit.ok());
  CHECK(full.services.empty());
}

}  // namespace test_what_if
