#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "gpushare/random.hpp"

namespace test_merged_steps {

// Runs of iterations against the same scenario token by token: every row and every figure, bit for bit.

namespace {

using namespace gpushare;

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

void check_same(const Table& a, const Table& b) {
  REQUIRE(a.columns.size() == b.columns.size());
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    CAPTURE(a.columns[i].name);
    CHECK(same_bits(a.columns[i].numbers, b.columns[i].numbers));
    CHECK(same_bits(a.columns[i].integers, b.columns[i].integers));
    CHECK(same_bits(a.columns[i].codes, b.columns[i].codes));
  }
}

std::vector<double> figures(const Summary& s) {
  std::vector<double> all{static_cast<double>(s.arrived),
                          static_cast<double>(s.completed),
                          static_cast<double>(s.rejected),
                          static_cast<double>(s.failed),
                          s.request_throughput,
                          s.output_token_throughput,
                          s.littles_law_error,
                          s.work_conservation_error,
                          s.audio_gap_s_per_request,
                          s.conservation_error};
  for (const LatencySummary& l : s.latencies)
    all.insert(all.end(), {static_cast<double>(l.count), l.mean, l.p50, l.p90, l.p95, l.p99, l.max,
                           l.standard_deviation});
  for (const PartitionSummary& p : s.partitions)
    all.insert(all.end(), {p.busy, p.switching, p.compute_utilisation, p.bandwidth_utilisation, p.energy_j});
  for (const ServiceSummary& v : s.services)
    all.insert(all.end(), {v.mean_in_system, v.mean_batch, static_cast<double>(v.steps), v.busy,
                           static_cast<double>(v.count("preemptions")), static_cast<double>(v.rejected),
                           static_cast<double>(v.count("prefix_prompt_tokens")),
                           static_cast<double>(v.count("prefix_hit_tokens")),
                           static_cast<double>(v.count("prefix_evicted_blocks"))});
  return all;
}

/// Events handled, merged and token by token.
struct Effort {
  std::uint64_t merged = 0, single = 0;
};

Effort check_same(const Scenario& scenario, std::uint64_t seed = 0) {
  RunOptions options;
  options.seed = seed;
  const Run merged = simulate(scenario, options);
  options.merge_steps = false;
  const Run single = simulate(scenario, options);
  check_same(merged.requests, single.requests);
  check_same(merged.partitions, single.partitions);
  CHECK(merged.summary.bottleneck == single.summary.bottleneck);
  CHECK(same_bits(figures(merged.summary), figures(single.summary)));
  return {merged.summary.events, single.summary.events};
}

std::string llm_document(const std::string& engine, const std::string& traffic,
                         const std::string& placement = R"({"mode": "dedicated"})",
                         const std::string& service = R"("replicas": 1)") {
  return R"({"name": "llm", "duration_s": 40, "warmup_s": 7, "gpu": "a100",
    "services": {"llm": {"model": "llama-3.1-8b", )" +
         service + R"(, "engine": {"kind": "continuous-batching")" + engine + R"(}}},
    "placement": )" +
         placement + R"(,
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [)" +
         traffic + "]}";
}

std::string poisson(double rate, const std::string& input, const std::string& output,
                    const std::string& more = "") {
  return R"({"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": )" + std::to_string(rate) +
         R"(}, "sizes": {"input_tokens": )" + input + R"(, "output_tokens": )" + output + more + "}}";
}

/// Seconds that are read as exactly the nanosecond that was written as `seconds`.
double exactly(double seconds) {
  const auto ns = static_cast<std::int64_t>(std::llround(seconds * 1e9));
  double at = static_cast<double>(ns) * 1e-9;
  while (duration_from_seconds(at).ns > ns) at = std::nextafter(at, 0);
  return at;
}

/// Beside the scenario's requests another that goes to the LLM when a synthetic process of another GPU, the first or
/// the second in order, has worked until `end_s`.
Scenario after_synthetic(Scenario scenario, double end_s, bool first) {
  Model model;
  model.name = "synthetic";
  model.cost = SyntheticModel{constant(exactly(end_s)), 0, 0};
  Service service;
  service.name = "before";
  service.model = std::make_shared<const Model>(std::move(model));
  scenario.workload.services.push_back(std::move(service));
  Pipeline pipeline{"chain",
                    {scenario.workload.pipelines[0].stages[0], scenario.workload.pipelines[0].stages[0]}};
  pipeline.stages[0].name = "before";
  pipeline.stages[0].service = 1;
  pipeline.stages[1].after = 0;
  scenario.workload.pipelines.push_back(std::move(pipeline));
  GpuPlacement gpu = scenario.placement.gpus[0];
  gpu.partitions[0].processes[0].service = 1;
  scenario.placement.gpus.insert(first ? scenario.placement.gpus.begin() : scenario.placement.gpus.end(),
                                 std::move(gpu));
  Traffic chained = scenario.workload.traffic[0];
  chained.name = "chained";
  chained.pipeline = 1;
  chained.trace = std::make_shared<const Trace>(Trace{{0}, {60}, {30}, "one"});
  scenario.workload.traffic.push_back(std::move(chained));
  return scenario;
}

}  // namespace

TEST_CASE("iterations advanced together give the bits of those taken one by one") {
  const std::string lengths = R"({"kind": "exponential", "mean": 300, "min": 1, "max": 3000})";
  const std::string replies = R"({"kind": "exponential", "mean": 120, "min": 0, "max": 900})";
  SUBCASE("a single request at a time") {
    const Effort effort = check_same(parse_scenario(llm_document("", poisson(0.2, "200", "400"))));
    CHECK(effort.merged * 20 < effort.single);
  }
  SUBCASE("arrivals in the middle of decodes") {
    const Effort effort = check_same(parse_scenario(llm_document(
        R"(, "host_per_step_s": 0.001, "host_per_sequence_s": 1e-5, "request_overhead_s": 0.015)",
        poisson(4, lengths, replies))));
    CHECK(effort.merged * 2 < effort.single);
  }
  SUBCASE("a cache so small that sequences are preempted and the queue is blocked") {
    const Scenario scenario = parse_scenario(
        llm_document(R"(, "kv_blocks": 400, "max_num_seqs": 24)", poisson(6, lengths, replies)));
    CHECK(simulate(scenario).summary.services[0].count("preemptions") > 2);
    check_same(scenario);
  }
  SUBCASE("a limit of sequences, a small budget and priorities") {
    check_same(parse_scenario(llm_document(
        R"(, "max_num_seqs": 5, "max_num_batched_tokens": 64, "queue_limit": 20)",
        poisson(5, lengths, replies, R"(, "priority": 1)") + "," +
            R"({"name": "urgent", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1},
                "sizes": {"input_tokens": 50, "output_tokens": 60, "priority": 0}})")));
  }
  SUBCASE("a process alone under MPS and under time-slicing") {
    for (const char* sharing : {"mps", "time-slicing"})
      check_same(
          parse_scenario(llm_document("", poisson(3, lengths, replies),
                                      std::string(R"({"gpus": [{"partitions": [{"sharing": {"mode": ")") +
                                          sharing + R"("}, "processes": [{"service": "llm"}]}]}]})")));
  }
}

TEST_CASE("ranks that have their GPUs to themselves are advanced together too") {
  const std::string traffic = poisson(3, R"({"kind": "exponential", "mean": 300, "min": 1, "max": 3000})",
                                      R"({"kind": "exponential", "mean": 120, "min": 0, "max": 900})");
  const std::string two = R"("replicas": 2, "tensor_parallel": 2)";
  const Effort alone = check_same(parse_scenario(llm_document("", traffic, R"({"mode": "dedicated"})", two)));
  CHECK(alone.merged * 2 < alone.single);
  const std::string pair = R"({"sharing": "time-slicing", "processes": ["llm", "llm"]})";
  const Effort shared = check_same(parse_scenario(llm_document(
      "", traffic, R"({"gpus": [{"partitions": [)" + pair + R"(]}, {"partitions": [)" + pair + "]}]}", two)));
  CHECK(shared.merged * 2 < shared.single);  // of their turns, not of their iterations
  Scenario failing = parse_scenario(llm_document("", traffic, R"({"mode": "dedicated"})", two));
  Fault fault;
  fault.number = 1;
  fault.at_s = 12.5;
  fault.restart_s = constant(6);
  failing.faults.push_back(fault);
  check_same(failing);
}

TEST_CASE("processes that share a partition are gone through together, as are those alone") {
  const std::string lengths = R"({"kind": "exponential", "mean": 200, "min": 1, "max": 3000})";
  const auto scenario = [&](const char* mode) {
    return parse_scenario(llm_document("", poisson(3, lengths, "80"), R"({"mode": "dedicated"})",
                                       R"("precision": "int4", "replicas": 2)"),
                          mode);
  };
  for (const char* mode : {"time-slicing:2", "mps", "mig:3g.40gb+3g.40gb", "mig:7x1g.10gb"}) {
    CAPTURE(mode);
    const Effort effort = check_same(scenario(mode));
    CHECK(effort.merged * 2 < effort.single);
  }
}

TEST_CASE("instances that can reach the power limit together are coupled, and taken step by step") {
  Scenario scenario = parse_scenario(llm_document("", poisson(8, "900", "80"), R"({"mode": "dedicated"})",
                                                  R"("precision": "int4", "replicas": 2)"),
                                     "mig:3g.40gb+3g.40gb");
  const double uncoupled = simulate(scenario).summary.latency("llm.latency")->mean;
  auto profile = std::make_shared<GpuProfile>(scenario.placement.gpus[0].profile());
  profile->power.limit_w = profile->power.idle_w + 100;
  GpuPlacement& gpu = scenario.placement.gpus[0];
  gpu.cut = cut_gpu(profile, gpu.layout());
  const Effort effort = check_same(scenario);
  CHECK(effort.merged == effort.single);
  CHECK(simulate(scenario).summary.latency("llm.latency")->mean > 1.02 * uncoupled);
}

TEST_CASE("where the clock follows the mean draw, iterations within the limit are merged") {
  // Replies of 300 tokens between prompts that lower the clock, alone and beside another server.
  const auto on_h200 = [](const char* mode, double rate, int replicas) {
    Scenario scenario =
        parse_scenario(llm_document("", poisson(rate, "2500", "300"), R"({"mode": "dedicated"})",
                                    R"("replicas": )" + std::to_string(replicas)),
                       mode);
    GpuPlacement& gpu = scenario.placement.gpus[0];
    gpu.cut = cut_gpu(std::make_shared<const GpuProfile>(load_profile("h200")), gpu.layout());
    return scenario;
  };
  const Effort effort = check_same(on_h200("dedicated", 1.5, 1));
  CHECK(effort.merged * 2 < effort.single);
  for (const char* mode : {"time-slicing", "mps"}) {
    CAPTURE(mode);
    const Effort shared = check_same(on_h200(mode, 4, 2));
    CHECK(shared.merged * 3 < shared.single * 2);
  }
}

TEST_CASE("replicas in lockstep keep their order, down to events of the same nanosecond") {
  // Users in step with each other, replicas with equal steps: every event has a twin at its own time.
  const std::string users = R"({"kind": "closed", "users": 12, "hold_s": 30, "think_s": 0.5,
      "sizes": {"input_tokens": 128, "output_tokens": 100}})";
  for (const char* routing : {"round-robin", "least-outstanding", "user-affinity", "random"}) {
    CAPTURE(routing);
    check_same(parse_scenario(llm_document("", users, R"({"mode": "dedicated"})",
                                           R"("replicas": 3, "routing": ")" + std::string(routing) + "\"")));
  }
}

TEST_CASE("sentences, failing processes and host cores split runs where they have to") {
  const auto check = [](const char* name, const char* mode) {
    CAPTURE(name);
    CAPTURE(mode);
    Scenario scenario = load_scenario(name, mode);
    scenario.workload.warmup_s = 0;
    scenario.workload.duration_s = 135;
    check_same(scenario);
    for (std::size_t s = 0; s < scenario.workload.services.size(); ++s) {
      Fault fault;
      fault.service = static_cast<int>(s);
      fault.at_s = 20.123 + static_cast<double>(s);
      fault.restart_s = constant(2);
      scenario.faults.push_back(fault);
    }
    check_same(scenario);
    scenario.placement.nodes.front().host_cores = 1;
    check_same(scenario);
  };
  for (const char* mode : {"dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"})
    check("voice-light", mode);
  check("voice-calls", "dedicated");
}

TEST_CASE("a job that arrives in the nanosecond in which an iteration ends meets what it would have met") {
  Scenario scenario =
      parse_scenario(llm_document("", R"({"kind": "trace", "generate": {"like": "azure-conversation"}})"));
  Trace trace{{0}, {100}, {400}, "ties"};
  RunOptions steps;
  steps.record_steps = true;
  SUBCASE("from outside, after it") {
    for (std::size_t next = 10; next < 100; next += 30) {
      scenario.workload.traffic[0].trace = std::make_shared<const Trace>(trace);
      const Run run = simulate(scenario, steps);
      trace.arrival_s.push_back(exactly(run.steps.find("done_s")->numbers[next]));
      trace.input_tokens.push_back(50);
      trace.output_tokens.push_back(20);
      scenario.workload.traffic[0].trace = std::make_shared<const Trace>(trace);
      check_same(scenario);
    }
  }
  SUBCASE("from a process of another GPU, before or after it") {
    scenario.workload.traffic[0].trace = std::make_shared<const Trace>(trace);
    const Run alone = simulate(scenario, steps);
    for (const bool first : {true, false}) {
      const Scenario chained = after_synthetic(scenario, alone.steps.find("done_s")->numbers[50], first);
      const Run run = simulate(chained, steps);
      const auto& ends = run.steps.find("done_s")->numbers;
      CHECK(std::count(ends.begin(), ends.end(), alone.steps.find("done_s")->numbers[50]) == 2);
      check_same(chained);
    }
  }
}

TEST_CASE("caches of prefixes and the routers that look into them see the same, merged or not") {
  const std::string users = R"({"kind": "closed", "users": 12, "hold_s": 40, "ramp_up_s": 5,
      "think_s": {"kind": "exponential", "mean": 2},
      "history": true, "turns_per_session": 4, "system_prompt_tokens": 100, "system_prompts": 4,
      "sizes": {"input_tokens": {"kind": "exponential", "mean": 150, "min": 110, "max": 300},
                "output_tokens": {"kind": "exponential", "mean": 200, "min": 1, "max": 400}}})";
  for (const char* routing : {"round-robin", "power-of-two", "prefix-affine"}) {
    CAPTURE(routing);
    const Scenario scenario = parse_scenario(
        llm_document(R"(, "prefix_caching": true, "kv_blocks": 180)", users, R"({"mode": "dedicated"})",
                     R"("replicas": 3, "routing": ")" + std::string(routing) + "\""));
    const ServiceSummary service = simulate(scenario).summary.services[0];
    CHECK(service.count("prefix_hit_tokens") > 0);
    CHECK(service.count("prefix_evicted_blocks") > 0);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) check_same(scenario, seed);
  }
}

TEST_CASE("a router sees what decodes have evicted by now") {
  // Thirty beginnings of ten blocks and replies of up to 56 in caches of 200: each is in several caches, often in part.
  const std::string traffic =
      R"({"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 6},
          "system_prompt_tokens": 160, "system_prompts": 30,
          "sizes": {"input_tokens": 170, "output_tokens": {"kind": "uniform", "low": 100, "high": 900}}})";
  const Scenario scenario = parse_scenario(llm_document(R"(, "prefix_caching": true, "kv_blocks": 100)",
                                                        traffic, R"({"mode": "dedicated"})",
                                                        R"("replicas": 3, "routing": "prefix-affine")"));
  for (std::uint64_t seed = 1; seed <= 10; ++seed) check_same(scenario, seed);
}

namespace {

/// An LLM's replicas, each on GPUs of its own or all on one that is shared in this way.
Scenario random_scenario(Stream& random, const std::string& sharing) {
  const auto pick = [&](std::initializer_list<double> values) {
    return values.begin()[static_cast<std::size_t>(random.uniform() * static_cast<double>(values.size()))];
  };
  const int replicas = static_cast<int>(sharing.empty() ? pick({1, 1, 2, 3}) : pick({2, 3, 4}));
  const std::string ranks = sharing.empty() ? std::to_string(static_cast<int>(pick({1, 1, 2, 4}))) : "1";
  const std::string mode = sharing.empty() ? "dedicated" : sharing + ":x" + std::to_string(replicas);
  Scenario scenario = parse_scenario(llm_document(
      "",
      poisson(pick({0.5, 2, 5, 9, 15}), R"({"kind": "exponential", "mean": 250, "min": 1, "max": 2500})",
              R"({"kind": "exponential", "mean": 90, "min": 0, "max": 700})"),
      R"({"mode": ")" + mode + R"("})",
      sharing.empty() ? R"("replicas": )" + std::to_string(replicas) + R"(, "tensor_parallel": )" + ranks
                      : R"("precision": "int4")"));
  Engine& server = scenario.workload.services[0].engine;
  auto& engine = std::get<ContinuousOptions>(server.options);
  engine.max_num_seqs = static_cast<int>(pick({3, 16, 256}));
  engine.max_num_batched_tokens = static_cast<int>(pick({256, 512, 2048, 8192}));
  engine.block_size = static_cast<int>(pick({1, 7, 16, 32}));
  engine.kv_blocks =
      static_cast<std::int64_t>(sharing.empty() ? pick({4000, 8000, 400000}) : pick({3000, 8000, 40000})) /
      engine.block_size;
  engine.watermark = pick({0, 0.01, 0.1});
  server.queue_limit = static_cast<std::int64_t>(pick({-1, 5, 50}));
  engine.host_per_step_s = pick({0, 0.0005, 0.003});
  engine.host_per_sequence_s = pick({0, 1e-5});
  server.request_overhead_s = pick({0, 0.01});
  engine.prefix_caching = pick({0, 1}) > 0;
  engine.prefix_cache_share = pick({0, 0, 0.5});
  engine.prefill_first = pick({0, 0, 1}) > 0;
  engine.async_scheduling = pick({0, 1}) > 0;
  engine.async_output = pick({0, 0, 1}) > 0;
  engine.chunked_prefill = pick({0, 1, 1}) > 0;
  engine.reserve_output = pick({0, 0, 1}) > 0;
  engine.priority_scheduling = pick({0, 1}) > 0;
  engine.cuda_graph_max_batch = static_cast<int>(pick({0, 64}));
  engine.long_prefill_token_threshold = static_cast<int>(pick({0, 0, 100}));
  engine.max_num_partial_prefills = static_cast<int>(pick({1, 3}));
  if (pick({0, 0, 1}) > 0) engine.speculation = {3, 0.6, nullptr, Precision::fp16};
  if (pick({0, 0, 1}) > 0) scenario.workload.traffic[0].client = Client{pick({1, 4}), 1, 0.5};
  scenario.workload.traffic[0].system_prompt_tokens = pick({0, 80});
  scenario.workload.traffic.push_back(scenario.workload.traffic[0]);
  scenario.workload.traffic[1].name = "urgent";
  scenario.workload.traffic[1].arrivals.rate_per_s = 0.5;
  scenario.workload.traffic[0].sizes.priority = 3;
  scenario.workload.services[0].routing = static_cast<Routing>(static_cast<int>(pick({0, 1, 3, 4, 5, 6})));
  scenario.workload.duration_s = 25;
  scenario.workload.warmup_s = pick({0, 3.3});
  scenario.placement.nodes.front().host_cores = static_cast<int>(pick({0, 1, 8}));
  return scenario;
}

/// Callers whose speech is recognised, answered and spoken, and who may give up.
Scenario random_voice(Stream& random, const char* mode) {
  const auto pick = [&](std::initializer_list<double> values) {
    return values.begin()[static_cast<std::size_t>(random.uniform() * static_cast<double>(values.size()))];
  };
  Scenario scenario = load_scenario("voice-heavy", mode);
  for (Service& service : scenario.workload.services) {
    service.engine.queue_limit = static_cast<std::int64_t>(pick({-1, -1, 4}));
    if (auto* speech = std::get_if<SlotOptions>(&service.engine.options)) {
      speech->slots = static_cast<int>(pick({8, 16, 32}));
      speech->first_chunk_frames = pick({0.5, 7.5, 8});
      speech->chunk_frames = pick({1, 2.6, 20});
      speech->chunk_growth = pick({0, 0.0096, 0.1});
    }
  }
  Traffic& callers = scenario.workload.traffic[0];
  callers.users = static_cast<int>(pick({1, 6, 20}));
  callers.ramp_up_s = callers.ramp_down_s = 2;
  callers.hold_s = 25;
  if (pick({0, 1}) > 0) callers.client = Client{pick({2, 6}), 1, 0.5};
  scenario.workload.duration_s = 29;
  scenario.workload.warmup_s = pick({0, 3.3});
  scenario.placement.nodes.front().host_cores = static_cast<int>(pick({0, 1, 32}));
  return scenario;
}

}  // namespace

TEST_CASE("random scenarios come out the same, merged or not") {
  Stream random(1, 0, "merged");
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    check_same(random_scenario(random, ""), static_cast<std::uint64_t>(round) + 1);
  }
}

TEST_CASE("so do random scenarios of servers that share a GPU, in far fewer events where they take turns") {
  for (const std::string sharing : {"time-slicing", "mps"}) {
    CAPTURE(sharing);
    Stream random(2, 0, sharing);
    Effort all;
    for (int round = 0; round < 25; ++round) {
      CAPTURE(round);
      const Effort effort =
          check_same(random_scenario(random, sharing), static_cast<std::uint64_t>(round) + 1);
      all.merged += effort.merged;
      all.single += effort.single;
    }
    CHECK(all.merged * (sharing == "mps" ? 1 : 3) <= all.single);
  }
}

namespace {

/// The same servers with longer replies, whose GPU draws more than it may, or whose SMs are divided, or who launch kernels one
/// by one, or fail.
Scenario random_trouble(Stream& random, const std::string& sharing) {
  const auto any_of = [&](std::initializer_list<double> values) {
    return values.begin()[static_cast<std::size_t>(random.uniform() * static_cast<double>(values.size()))];
  };
  Scenario scenario = random_scenario(random, sharing);
  scenario.placement.nodes.front().host_cores = 0;
  auto& engine = std::get<ContinuousOptions>(scenario.workload.services[0].engine.options);
  engine.eager_kernel_s = any_of({0, 1e-5, 1e-4});
  engine.enforce_eager = any_of({0, 0, 1}) > 0;
  scenario.workload.traffic[0].arrivals.rate_per_s = any_of({0.5, 2, 5});
  scenario.workload.traffic[0].sizes.output_tokens = constant(any_of({40, 150, 400}));
  GpuPlacement& gpu = scenario.placement.gpus[0];
  auto profile = std::make_shared<GpuProfile>(load_profile(any_of({0, 1}) > 0 ? "h200" : "a100"));
  profile->power.averaging_s = any_of({0, 0.02, 0.5});
  profile->power.limit_w = profile->power.standby_w() + any_of({60, 150, 400});
  gpu.cut = cut_gpu(profile, gpu.layout());
  if (sharing == "mps")
    for (ProcessPlacement& process : gpu.partitions[0].processes)
      process.active_thread_percentage = any_of({100, 50, 30});
  if (sharing == "time-slicing")
    gpu.partitions[0].sharing.policy = any_of({0, 0, 1}) > 0 ? SlicePolicy::fair : SlicePolicy::round_robin;
  for (int replica = 0; replica < 2; ++replica) {
    Fault fault;
    fault.number = replica;
    fault.at_s = any_of({4.2, 11.1, 500});
    fault.restart_s = constant(any_of({0.5, 5}));
    scenario.faults.push_back(fault);
  }
  return scenario;
}

}  // namespace

TEST_CASE("servers that share a GPU and its power, are capped or fail come out the same, in fewer events") {
  for (const std::string sharing : {"time-slicing", "mps"}) {
    CAPTURE(sharing);
    Stream random(4, 0, sharing);
    Effort all;
    for (int round = 0; round < 30; ++round) {
      CAPTURE(round);
      const Effort effort =
          check_same(random_trouble(random, sharing), static_cast<std::uint64_t>(round) + 1);
      all.merged += effort.merged;
      all.single += effort.single;
    }
    CHECK(all.merged * 4 < all.single * 3);
  }
}

TEST_CASE("so do pods that come to shared GPUs and go") {
  for (const SharingMode mode : {SharingMode::time_slicing, SharingMode::mps}) {
    CAPTURE(mode);
    Scenario scenario = load_scenario("bursty-day", "autoscaled-3-min");
    scenario.control->pools[0].shape.sharing.mode = mode;
    scenario.control->pools[0].shape.seats = 3;
    scenario.control->services[0].min = 4;
    scenario.control->services[0].autoscaling->target = 8;
    scenario.workload.duration_s = 700;
    const Effort effort = check_same(scenario);
    CHECK(effort.merged * 2 < effort.single);
  }
}

TEST_CASE("random voice pipelines come out the same, frames and turns advanced together or not") {
  for (const char* mode : {"dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"}) {
    CAPTURE(mode);
    Stream random(3, 0, mode);
    Effort all;
    for (int round = 0; round < 10; ++round) {
      CAPTURE(round);
      const Effort effort = check_same(random_voice(random, mode), static_cast<std::uint64_t>(round) + 1);
      all.merged += effort.merged;
      all.single += effort.single;
    }
    CHECK(all.merged * (mode == std::string("mps") ? 10 : 15) <= all.single * 10);
  }
}

}  // namespace test_merged_steps
