#include "gpushare/plan.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gpushare/fits.hpp"
#include "gpushare/simulation.hpp"
#include "planning/plan_asked.hpp"
#include "queueing.hpp"
#include "scenario_documents.hpp"

namespace test_plan {

using namespace gpushare;
using namespace gpushare::test;

namespace {

std::vector<GpuOffer> offers(int a100, double price = 1) {
  return {{std::make_shared<const GpuProfile>(load_profile("a100")), a100, price}};
}

Scenario two_services(const std::string& patch = "{}") {
  Json document = parse(R"({
    "name": "two", "gpu": "a100", "duration_s": 60, "warmup_s": 5,
    "services": {"embed": {"model": "embedding-0.3b"}, "see": {"model": "yolos-small"}},
    "pipelines": {"e": {"stages": [{"name": "embed", "service": "embed"}]},
                  "s": {"stages": [{"name": "see", "service": "see"}]}},
    "traffic": [
      {"pipeline": "e", "name": "texts", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 20}},
      {"pipeline": "s", "name": "images", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 3}}],
    "objectives": {"e.embed.latency_p95_s": 0.1, "s.see.latency_p95_s": 0.4}
  })");
  return read(patched(std::move(document), patch));
}

Plan plan_of(const Scenario& scenario, const std::vector<GpuOffer>& gpus, PlanOptions options = {}) {
  return find_plan(scenario, scenario.workload.objectives, gpus, options);
}

std::string placed(const Plan& plan) {
  REQUIRE(plan.scenario);
  return placement_of(*plan.scenario);
}

std::string complaint_of(const Scenario& scenario, const Objectives& objectives,
                         const std::vector<GpuOffer>& gpus, const PlanOptions& options = {}) {
  try {
    static_cast<void>(find_plan(scenario, objectives, gpus, options));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

PlanOptions whole_gpus() {
  PlanOptions options;
  options.mps = options.time_slicing = options.mig = false;
  return options;
}

// Of what sanitizers watch, MIG brings more runs and no other code: the optimised library does without this.
PlanOptions few_runs() {
  PlanOptions options;
  options.mig = GPUSHARE_SANITIZED == 0;
  return options;
}

}  // namespace

TEST_CASE("two small services share one GPU, where GPUs of their own are two") {
  const Scenario scenario = two_services();
  PlanOptions options;
  options.mig = options.time_slicing = false;
  const Plan shared = plan_of(scenario, offers(4, 2.5), options);
  CHECK(placed(shared) == "whole=embed,see+mps");
  CHECK(shared.met == Met::yes);
  CHECK(shared.cost == 2.5);
  CHECK(shared.lower_bound == 2.5);
  CHECK(shared.gap() == 0);
  CHECK(shared.gpus == std::vector<int>{1});
  CHECK(shared.complete);
  CHECK(shared.why.empty());
  CHECK(shared.runs > 0);
  REQUIRE(shared.objectives.size() == 4);
  CHECK(shared.objectives[0].bound.name == "e.embed.latency_p95_s");
  CHECK(shared.objectives[0].low <= shared.objectives[0].value);
  CHECK(shared.objectives[0].value <= shared.objectives[0].high);
  CHECK(shared.objectives[2].bound.name == "success_rate");
  CHECK(shared.objectives[3].bound.name == "request_throughput");

  const Plan apart = plan_of(scenario, offers(4), whole_gpus());
  CHECK(placed(apart) == "whole=embed | whole=see");
  CHECK(apart.cost == 2);
  CHECK(apart.lower_bound == 2);
}

TEST_CASE("a plan is what its own simulation says, and is the same twice and on any number of threads") {
  const Scenario scenario = two_services();
  PlanOptions options = few_runs();
  options.threads = 1;
  const Plan plan = plan_of(scenario, offers(4), options);
  REQUIRE(plan.scenario);
  const Summary summary = simulate(*plan.scenario).summary;
  CHECK(figure(summary, "e.embed.latency_p95_s") == doctest::Approx(plan.objectives[0].value).epsilon(0.2));
  options.threads = 2;
  const Plan again = plan_of(scenario, offers(4), options);
  CHECK(placed(again) == placed(plan));
  CHECK(again.objectives[1].value == plan.objectives[1].value);
  CHECK(again.runs == plan.runs);
}

TEST_CASE(
    "services that are to be kept apart share a GPU by MIG alone, or by turns where only faults count") {
  const auto with = [](const std::string& level) {
    return two_services(R"({"objectives": {"isolation": [{"between": ["embed", "see"], "level": ")" + level +
                        "\"}]}}");
  };
  const Scenario hardware = with("hardware");
  const Plan cut = plan_of(hardware, offers(4));
  CHECK(cut.cost == 1);
  CHECK(placed(cut).find("gb") != std::string::npos);
  PlanOptions options;
  options.mig = false;
  CHECK(plan_of(hardware, offers(4), options).cost == 2);
  const Scenario process = with("process");
  CHECK(placed(plan_of(process, offers(4), options)) == "whole=embed,see+time-slicing");
}

TEST_CASE("nine requests a second of an LLM, twenty texts and ten speakers need two GPUs, each shared") {
  const Scenario nine = read(parse(R"({
    "name": "nine", "gpu": "a100", "duration_s": 120,
    "services": {
      "embed": {"model": "embedding-0.3b"},
      "asr": {"model": "parakeet-1.1b", "engine": {"kind": "stream-batching", "max_batch": 64}},
      "llm": {"model": "llama-3.1-8b", "engine": {"preset": "vllm-0.20", "gpu_memory_utilization": 0.8}}},
    "pipelines": {"e": {"stages": [{"name": "embed", "service": "embed"}]},
                  "a": {"stages": [{"name": "asr", "service": "asr"}]},
                  "l": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [
      {"pipeline": "e", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 20}},
      {"pipeline": "a", "kind": "closed", "users": 10, "sizes": {"speech_s": 8}},
      {"pipeline": "l", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 9},
       "sizes": {"input_tokens": 1000, "output_tokens": 200}}],
    "objectives": {"l.llm.ttft_p95_s": 0.4}
  })"));
  const Plan plan = plan_of(nine, offers(8));
  CHECK(plan.met == Met::yes);
  CHECK(plan.cost == 2);
  CHECK(plan.lower_bound == 2);
  CHECK(placed(plan) == "whole=embed,llm+mps | whole=asr,llm+mps");
  CHECK(plan.objectives[0].value == doctest::Approx(0.15).epsilon(0.1));
}

TEST_CASE("replicas are as many as the load needs, and cheaper kinds of GPU come first") {
  // 160 jobs a second of 10 ms each: two processes at least, on GPUs that run synthetic jobs alike.
  Scenario scenario = queueing::system(exponential(0.01), queueing::fifo());
  queueing::add_poisson(scenario, 160);
  scenario.workload.duration_s = 60;
  scenario.workload.warmup_s = 5;
  scenario.workload.objectives.figures.push_back({"e2e_latency_mean_s", 0.2, true});
  std::vector<GpuOffer> gpus = offers(4, 2);
  gpus.push_back({std::make_shared<const GpuProfile>(load_profile("h100")), 1, 1.5});
  const Plan plan = plan_of(scenario, gpus, whole_gpus());
  CHECK(plan.met == Met::yes);
  CHECK(plan.gpus == std::vector<int>{1, 1});
  CHECK(plan.cost == 3.5);
  CHECK(plan.lower_bound == 3.5);
  REQUIRE(!plan.rejected.empty());
  CHECK(plan.rejected[0].config == "a100/whole: server");
  CHECK(plan.rejected[0].why == "offered 1.6 times what it can serve");
}

TEST_CASE("a kind of GPU that has less of everything fails where the other one does") {
  const Scenario scenario = two_services();
  std::vector<GpuOffer> gpus = offers(4);
  for (const char* name : {"h100", "l4"})
    gpus.push_back({std::make_shared<const GpuProfile>(load_profile(name)), 4, 1});
  const PlanOptions options;
  const planning::PlanSpace space(scenario, scenario.workload.objectives, gpus, options);
  const auto problem = space.problem();
  const planning::Part a100{0, {}, 1}, h100{1, {}, 1}, l4{2, {}, 1};
  CHECK(problem.lesser(a100, h100));
  CHECK(!problem.lesser(h100, a100));
  CHECK(!problem.lesser(a100, a100));
  // An L4's clock is higher.
  CHECK(!problem.lesser(l4, h100));
  CHECK(problem.lesser({0, "3g.40gb", 1}, h100));
  CHECK(problem.lesser({0, "3g.40gb", 1}, a100));
  CHECK(problem.lesser({0, "1g.10gb", 1}, {0, "3g.40gb", 1}));
  CHECK(!problem.lesser(a100, {1, "3g.40gb", 1}));
  CHECK(!problem.lesser({0, {}, 2}, h100));
}

TEST_CASE("what served too little of what dedicated GPUs do is no plan, however short its latency") {
  const Scenario scenario = two_services();
  const planning::PlanSpace space(scenario, scenario.workload.objectives, offers(4), PlanOptions{});
  const planning::PlanAsked asked(space, scenario.workload.objectives.figures);
  const auto bounds = asked.served({{"success_rate", 1.0}, {"request_throughput", 40.0}}, 2);
  REQUIRE(bounds.size() == 2);
  // One of two replicas that falls behind must not hide.
  CHECK(bounds[0] == FigureBound{"success_rate", 0.995, false});
  CHECK(bounds[1].name == "request_throughput");
  CHECK(bounds[1].value == doctest::Approx(39));
  CHECK(asked.served({}, 2) == std::vector<FigureBound>{{"success_rate", 0.99, false}});
  const Judged behind{bounds[1], 30, 29, 31, Met::no};
  CHECK(asked.excess(std::vector{behind}, {0, 1}) == std::map<int, double>{{0, 2}, {1, 2}});
  const Judged late{scenario.workload.objectives.figures[0], 0.15, 0.14, 0.16, Met::no};
  CHECK(asked.with(Met::no, std::vector{behind, late}) == std::vector<int>{0});
}

TEST_CASE("a latency is judged by the strictest bound for the p95 of a service that requests visit alone") {
  Scenario scenario = two_services();
  auto& figures = scenario.workload.objectives.figures;
  figures.push_back({"embed.latency_p95_s", 0.05, true});
  figures.push_back({"embed.latency_p50_s", 0.01, true});
  const planning::PlanSpace space(scenario, scenario.workload.objectives, offers(4), PlanOptions{});
  const planning::PlanAsked asked(space, figures);
  REQUIRE(asked.latency_of(0));
  CHECK(asked.latency_of(0)->name == "latency");
  CHECK(asked.latency_of(0)->bound_s == 0.05);
  REQUIRE(asked.latency_of(1));
  CHECK(asked.latency_of(1)->bound_s == 0.4);
}

TEST_CASE("of very many services no more replicas are looked at than surely suffice alone") {
  Json document = parse(
      R"({"name": "many", "gpu": "a100", "duration_s": 6, "warmup_s": 1, "services": {}, "pipelines": {},
    "traffic": [], "objectives": {}})");
  for (int s = 0; s < 17; ++s) {
    const std::string name = "embed" + std::to_string(s);
    document["services"][name] = {{"model", "embedding-0.3b"}};
    document["pipelines"][name] = {{"stages", {{{"name", name}, {"service", name}}}}};
    document["traffic"].push_back(
        {{"pipeline", name}, {"kind", "open"}, {"arrivals", {{"kind", "poisson"}, {"rate_per_s", 10}}}});
    document["objectives"][name + ".latency_p95_s"] = 0.5;
  }
  PlanOptions uncut;
  uncut.mig = false;
  const Plan plan = plan_of(read(document), offers(20), uncut);
  CHECK(plan.met == Met::yes);
  CHECK(plan.narrowed);
  CHECK(plan.most_tenants == 4);
  CHECK(plan.cost == 5);  // four at most on each GPU
  std::size_t processes = 0;
  for (const GpuPlacement& gpu : plan.scenario->placement.gpus)
    for (const auto& part : gpu.partitions) processes += part.processes.size();
  CHECK(processes == 17);
}

TEST_CASE("a plan that is impossible says which service lacks what, or that there are too few GPUs") {
  const Scenario scenario = two_services();
  const Scenario strict =
      with_objectives(scenario, R"({"e.embed.latency_p95_s": 0.0001, "s.see.latency_p95_s": 0.4})");
  const Plan impossible = plan_of(strict, offers(2));
  CHECK(!impossible.scenario);
  CHECK(impossible.met == Met::no);
  CHECK(std::isinf(impossible.lower_bound));
  CHECK(impossible.complete);
  INFO(impossible.why);
  CHECK(impossible.why.starts_with(
      "no number of replicas of embed suffices on 2 GPUs of its own; a100/whole: embed (1 of 2): "
      "e.embed.latency_p95_s 0.0"));
  CHECK(impossible.why.ends_with(", at most 0.0001 is asked for"));

  Scenario busy = scenario;
  busy.workload.traffic[1].arrivals.rate_per_s = 100;
  const Plan overloaded = plan_of(busy, offers(2));
  INFO(overloaded.why);
  CHECK(overloaded.why.starts_with(
      "no number of replicas of see suffices on 2 GPUs of its own; a100/whole: see (1 of 2): offered "));
  CHECK(overloaded.why.ends_with(" times what it can serve"));

  const Plan too_few = plan_of(scenario, offers(1), whole_gpus());
  CHECK(!too_few.scenario);
  CHECK(too_few.why ==
        "no placement on the GPUs that are offered meets the objectives; with more of them the cost is at "
        "least 2");
}

TEST_CASE("what does not fit the memory is no plan, and says so") {
  const Scenario scenario = two_services(R"({"objectives": {"memory_headroom": 0.999}})");
  const Plan plan = plan_of(scenario, offers(2));
  CHECK(!plan.scenario);
  INFO(plan.why);
  CHECK(plan.why.find("of the memory stay free, 99.9 % are asked for") != std::string::npos);
}

TEST_CASE("a plan that is cancelled has what was found so far") {
  const Scenario scenario = two_services();
  PlanOptions options = few_runs();
  options.threads = 1;
  const auto after = [&](int times) {
    int asked = 0;
    options.cancelled = [&asked, times] { return ++asked > times; };
    return plan_of(scenario, offers(4), options);
  };
  for (const int times : {0, 1, 2}) {
    const Plan plan = after(times);
    CHECK(!plan.complete);
    CHECK(!plan.scenario);
    CHECK(plan.lower_bound <= 1);
    CHECK(plan.why == "cancelled");
  }
  CHECK(after(1'000'000).complete);
}

TEST_CASE("bad offers, options and objectives are told by their place") {
  const Scenario scenario = two_services();
  const Objectives& asked = scenario.workload.objectives;
  CHECK(complaint_of(scenario, asked, {}) == "gpus: none are offered");
  CHECK(complaint_of(scenario, asked, {GpuOffer{}}) == "gpus/0: it has no profile");
  CHECK(complaint_of(scenario, asked, offers(0)) == "gpus/0/count: found 0; at least 1 is needed");
  CHECK(complaint_of(scenario, asked, offers(1, -1)) == "gpus/0/price: found -1; a number above 0 is needed");
  CHECK(complaint_of(scenario, {}, offers(1)).starts_with("objectives: no figure is bounded"));
  Objectives none = asked;
  none.figures[0].value = std::numeric_limits<double>::quiet_NaN();
  CHECK(complaint_of(scenario, none, offers(1)) ==
        "objectives/" + none.figures[0].name + ": found nan; a bound is a number");
  PlanOptions options;
  options.replications = 1;
  CHECK(complaint_of(scenario, asked, offers(1), options).starts_with("replications: found 1 to 16"));
  options = {};
  options.most_tenants = 0;
  CHECK(complaint_of(scenario, asked, offers(1), options) == "most_tenants: found 0; at least 1 is needed");
  options = {};
  options.variants["sea"] = {"{}"};
  CHECK(complaint_of(scenario, asked, offers(1), options)
            .starts_with("variants: unknown service \"sea\"; did you mean \"see\"?"));
  options.variants = {{"see", {R"({"precision": "fp3"})"}}};
  CHECK(complaint_of(scenario, asked, offers(1), options)
            .starts_with("services/see#/services/see/precision: "));
  options.variants = {{"see", {"[]"}}};
  CHECK(complaint_of(scenario, asked, offers(1), options) ==
        "services/see: expected an object such as {\"precision\": \"int8\"}");
  Objectives odd = asked;
  odd.figures.push_back({"gpu0/whole.busy", 0.5, true});
  CHECK(
      complaint_of(scenario, odd, offers(1)).starts_with("objectives/gpu0/whole.busy: it is of a partition"));
  odd.figures.back().name = "e.embed.latncy_p95_s";
  CHECK(complaint_of(scenario, odd, offers(1))
            .starts_with(
                "objectives/e.embed.latncy_p95_s: unknown figure \"e.embed.latncy_p95_s\"; nearest: "));
}

}  // namespace test_plan
