#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "queueing.hpp"

namespace test_simulation {

namespace {

using namespace queueing;

bool same_bytes(const Table& a, const Table& b) {
  if (a.columns.size() != b.columns.size()) return false;
  const auto equal = [](const auto& x, const auto& y) {
    return x.size() == y.size() &&
           (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof x[0]) == 0);
  };
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    const Column &x = a.columns[i], &y = b.columns[i];
    if (x.name != y.name || x.categories != y.categories) return false;
    if (!equal(x.numbers, y.numbers) || !equal(x.integers, y.integers) || !equal(x.codes, y.codes))
      return false;
  }
  return true;
}

std::vector<double> column(const Run& run, const char* name) {
  const Column* found = run.requests.find(name);
  REQUIRE(found != nullptr);
  if (found->type == Column::Type::int64) return {found->integers.begin(), found->integers.end()};
  return found->numbers;
}

/// Two services on one partition, each with its own constant stream of work.
Scenario neighbours(const Sharing& sharing) {
  Scenario scenario = queueing::system(constant(0.004), fifo(), {sharing, 1, 1}, Routing::round_robin);
  scenario.workload.services.push_back(scenario.workload.services.front());
  scenario.workload.services[1].name = "neighbour";
  scenario.workload.pipelines.push_back(scenario.workload.pipelines.front());
  scenario.workload.pipelines[1].name = "other";
  scenario.workload.pipelines[1].stages[0].service = 1;
  scenario.placement.gpus[0].partitions[0].processes.push_back({1, 100, 0});
  for (int i = 0; i < 2; ++i) {
    add_poisson(scenario, 60, i);
    scenario.workload.traffic[static_cast<std::size_t>(i)].pipeline = i;
  }
  scenario.workload.duration_s = 20;
  return scenario;
}

std::uint64_t failed_of(const Run& run, int traffic) {
  std::uint64_t failed = 0;
  for (std::size_t row = 0; row < run.requests.rows(); ++row)
    failed +=
        run.requests.find("traffic")->codes[row] == traffic && run.requests.find("status")->codes[row] == 2;
  return failed;
}

}  // namespace

TEST_CASE("visits wait for a worker of their pipeline, first come first served") {
  // Three users at once, 10 ms of work each on a server without a queue of its own: two workers, then the third.
  Scenario scenario = queueing::system(constant(0.01), fifo(3), {{}, 1, 1}, Routing::round_robin);
  Traffic users;
  users.kind = Traffic::Kind::closed;
  users.users = 3;
  users.hold_s = 0.005;
  scenario.workload.traffic.push_back(users);
  scenario.workload.duration_s = 1;
  const double free = simulate(scenario).summary.latency("e2e_latency")->max;
  scenario.workload.pipelines[0].workers = 1;
  scenario.workload.pipelines[0].stages[0].worker = true;
  const Run one = simulate(scenario);
  CHECK(free == doctest::Approx(0.03));  // three steps share the GPU
  // One after the other: 10, 20 and 30 ms.
  CHECK(one.summary.latency("e2e_latency")->mean == doctest::Approx(0.02));
  CHECK(one.summary.completed == 3);
}

TEST_CASE("the same seed gives the same bytes, another seed and another replication others") {
  Scenario scenario = load_scenario("voice-light", "time-slicing");
  RunOptions options;
  options.record_steps = true;
  const Run first = simulate(scenario, options), again = simulate(scenario, options);
  CHECK(first.requests.rows() > 50);
  CHECK(same_bytes(first.requests, again.requests));
  CHECK(same_bytes(first.steps, again.steps));
  CHECK(same_bytes(first.partitions, again.partitions));
  options.seed = 99;
  CHECK_FALSE(same_bytes(first.requests, simulate(scenario, options).requests));
  options.seed = 0;
  options.replication = 1;
  CHECK_FALSE(same_bytes(first.requests, simulate(scenario, options).requests));
}

TEST_CASE("replications are the same on one thread and on many") {
  const Scenario scenario = load_scenario("voice-light", "mps");
  const auto one = simulate_replications(scenario, 3, {}, 1),
             many = simulate_replications(scenario, 3, {}, 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(same_bytes(one[i].requests, many[i].requests));
}

TEST_CASE("a request meets the same luck under every placement") {
  const auto tokens_by_request = [](const Run& run) {
    std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> tokens;
    for (std::size_t row = 0; row < run.requests.rows(); ++row)
      tokens[run.requests.find("request")->integers[row]] = {
          run.requests.find("input_tokens")->integers[row],
          run.requests.find("output_tokens")->integers[row]};
    return tokens;
  };
  const auto alone = tokens_by_request(simulate(load_scenario("bursty-llm", "dedicated")));
  const auto sliced = tokens_by_request(simulate(load_scenario("bursty-llm", "time-slicing:4")));
  CHECK(alone.size() > 10'000);
  CHECK(alone == sliced);
}

TEST_CASE("stages follow each other, and sentences are spoken one after the other") {
  const Run run = simulate(load_scenario("voice-light", "dedicated"));
  const auto at = [&](const char* name) { return column(run, name); };
  const auto asr = at("asr.finished_s"), llm = at("llm.queued_s"), llm_first = at("llm.first_output_s"),
             tts = at("tts.queued_s"), tts_first = at("tts.first_output_s"), end = at("finish_s"),
             arrival = at("arrival_s"), speech = at("speech_s"), asr_start = at("asr.queued_s");
  for (std::size_t i = 0; i < run.requests.rows(); ++i) {
    CHECK(asr[i] == llm[i]);
    CHECK(asr[i] >= asr_start[i] + speech[i] / 12.8);  // recognition cannot end before the speech has arrived
    CHECK(llm_first[i] > llm[i]);
    CHECK(tts[i] > llm_first[i]);  // the first sentence
    CHECK(tts_first[i] > tts[i]);
    CHECK(end[i] >= tts_first[i]);
    CHECK(asr_start[i] >= arrival[i]);
  }
}

TEST_CASE("histograms without request records give the same figures") {
  const Scenario scenario = load_scenario("voice-light", "time-slicing");
  RunOptions options;
  const Summary recorded = simulate(scenario, options).summary;
  options.record_requests = false;
  const Run streamed = simulate(scenario, options);
  CHECK(streamed.requests.rows() == 0);
  CHECK(streamed.summary.completed == recorded.completed);
  CHECK(streamed.summary.latency("e2e_latency")->mean == recorded.latency("e2e_latency")->mean);
}

TEST_CASE("a leak stops at its client's memory limit, and leaves the neighbours what is theirs") {
  Scenario scenario = neighbours({SharingMode::mps});
  const double context = scenario.placement.gpus[0].profile().context_bytes;
  Fault fault;
  fault.kind = FaultKind::allocation;
  fault.at_s = 5;
  fault.leak_bytes_per_s = 1e9;
  fault.restart_s = constant(2);
  scenario.faults.push_back(fault);
  CHECK(failed_of(simulate(scenario), 0) == 0);  // it would take more than a minute to fill the card
  scenario.placement.gpus[0].partitions[0].processes[0].memory_limit_bytes = context + 3e9;
  const Run limited = simulate(scenario);
  CHECK(failed_of(limited, 0) > 60);
  CHECK(failed_of(limited, 1) == 0);
}

TEST_CASE("a leak fails when it has filled what the neighbours leave") {
  Scenario scenario = neighbours({SharingMode::mps});
  const double room = scenario.placement.gpus[0].profile().memory_bytes -
                      2 * scenario.placement.gpus[0].profile().context_bytes;
  Fault fault;
  fault.at_s = 1;
  fault.leak_bytes_per_s = room / 5;  // full at six seconds
  fault.restart_s = constant(1000);
  scenario.faults.push_back(fault);
  const Run run = simulate(scenario);
  double last_completed = 0;
  for (std::size_t row = 0; row < run.requests.rows(); ++row)
    if (run.requests.find("status")->codes[row] == 0)
      last_completed = std::max(last_completed, run.requests.find("finish_s")->numbers[row]);
  CHECK(last_completed == doctest::Approx(6).epsilon(0.01));
}

TEST_CASE("too few host cores make servers wait for each other") {
  Scenario scenario = queueing::system(constant(0.001), fifo(), {{}, 8, 1});
  Model model = *scenario.workload.services[0].model;
  std::get<SyntheticModel>(model.cost).host_before_s = 0.009;
  scenario.workload.services[0].model = std::make_shared<const Model>(model);
  add_users(scenario, 8, 1e-6);
  scenario.workload.duration_s = 20;
  const double free = simulate(scenario).summary.request_throughput;
  scenario.placement.nodes.front().host_cores = 2;
  const double bound = simulate(scenario).summary.request_throughput;
  CHECK(free == doctest::Approx(800).epsilon(0.01));
  CHECK(bound == doctest::Approx(2 / 0.009).epsilon(0.01));
}

TEST_CASE("users ramp up, hold, and leave one by one") {
  Scenario scenario = queueing::system(constant(0.01), fifo(1'000'000));
  add_users(scenario, 10, 0);
  scenario.workload.traffic[0].think_s = constant(0.5);
  scenario.workload.traffic[0].ramp_up_s = 10;
  scenario.workload.traffic[0].hold_s = 20;
  scenario.workload.traffic[0].ramp_down_s = 10;
  scenario.workload.duration_s = 40;
  const Run run = simulate(scenario);
  const auto users = column(run, "user"), arrivals = column(run, "arrival_s");
  for (int user = 0; user < 10; ++user) {
    double first = 1e9, last = 0;
    for (std::size_t i = 0; i < users.size(); ++i) {
      if (users[i] != user) continue;
      first = std::min(first, arrivals[i]);
      last = std::max(last, arrivals[i]);
    }
    CHECK(first == doctest::Approx(user));
    CHECK(last <= 31 + user);
    CHECK(last > 29.5 + user);
  }
}

TEST_CASE("users whose stay is not given are there until the run ends") {
  Scenario scenario = queueing::system(constant(0.01), fifo(1'000'000));
  add_users(scenario, 10, 0.5);
  scenario.workload.traffic[0].ramp_up_s = scenario.workload.traffic[0].ramp_down_s = 10;
  scenario.workload.duration_s = 40;
  scenario.workload.traffic[0].hold_s = 20;
  const Run given = simulate(scenario);
  scenario.workload.traffic[0].hold_s.reset();
  CHECK(column(simulate(scenario), "arrival_s") == column(given, "arrival_s"));
}

TEST_CASE("a user who is refused asks again half a second later") {
  Scenario scenario = queueing::system(constant(0.01), fifo(1, 0));
  add_users(scenario, 1, 0);
  scenario.workload.traffic[0].think_s = constant(0);
  scenario.workload.duration_s = 1.25;
  const Run run = simulate(scenario);
  CHECK(run.summary.rejected == 3);
  CHECK(run.summary.bottleneck.cause == Bottleneck::Cause::admission);
  CHECK(column(run, "arrival_s") == std::vector<double>{0, 0.5, 1});
}

TEST_CASE("prompts grow with the history of a session and shrink when it ends") {
  Scenario scenario = load_scenario("voice-light", "dedicated");
  Traffic& traffic = scenario.workload.traffic[0];
  traffic.history = true;
  traffic.turns_per_session = 3;
  traffic.history_limit_tokens = 0;
  traffic.sizes.input_tokens = constant(100);
  traffic.sizes.output_tokens = constant(40);
  const Run run = simulate(scenario);
  const auto turns = column(run, "turn"), tokens = column(run, "input_tokens");
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const int said = static_cast<int>(turns[i]) % 3;
    CHECK(tokens[i] == 100 + said * 140);
  }
}

TEST_CASE("doubling every time doubles every latency") {
  const auto response = [](double factor) {
    Scenario scenario = queueing::system(exponential(0.01 * factor), fifo());
    add_poisson(scenario, 70 / factor);
    scenario.workload.duration_s = 50 * factor;
    return simulate(scenario).summary;
  };
  const Summary once = response(1), twice = response(2);
  CHECK(once.completed == twice.completed);
  CHECK(twice.latency("e2e_latency")->mean ==
        doctest::Approx(2 * once.latency("e2e_latency")->mean).epsilon(1e-6));
}

TEST_CASE("progress is reported and can stop a run") {
  Scenario scenario = queueing::system(constant(0.001), fifo());
  add_poisson(scenario, 500);
  scenario.workload.duration_s = 1000;
  RunOptions options;
  options.record_requests = false;
  double last = -1;
  options.progress = [&](double fraction) {
    CHECK(fraction >= last);
    last = fraction;
    return true;
  };
  (void)simulate(scenario, options);
  CHECK(last > 0.5);
  options.progress = [](double) { return false; };
  CHECK_THROWS_AS((void)simulate(scenario, options), SimulationError);
  CHECK_THROWS_AS((void)simulate_replications(scenario, 4, options, 2), SimulationError);
}

}  // namespace test_simulation
