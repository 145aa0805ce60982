#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gpushare/calibration.hpp"
#include "gpushare/errors.hpp"

namespace test_co_run {

// Timelines of co-running clients worked out by hand. Times in milliseconds.

namespace {

using namespace gpushare;

constexpr double kMs = 1e-3;
constexpr double kForeverMs = 1e6;

CoRunStep step(double ms, Interference interference = {}) {
  CoRunStep result;
  result.gpu_s = ms * kMs;
  result.interference = interference;
  return result;
}

CoRunJob job(double arrival_ms, std::vector<CoRunJob::Part> parts) {
  return {arrival_ms * kMs, std::move(parts)};
}

/// A slice of 2 ms; handing over costs 0.2 after a pre-emption, and 0.1 from a process that went idle.
CoRunSharing time_slicing(double refill_ms = 0) {
  CoRunSharing sharing;
  sharing.mode = SharingMode::time_slicing;
  sharing.time_slicing = {2 * kMs, 0.2 * kMs, 0.1 * kMs, refill_ms * kMs};
  return sharing;
}

CoRunSharing mps() {
  CoRunSharing sharing;
  sharing.mode = SharingMode::mps;
  return sharing;
}

struct Row {
  double wait, first, done;
};

void check(const std::vector<CoRunRow>& found, const std::vector<Row>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].wait_s / kMs == doctest::Approx(expected[i].wait).epsilon(1e-5));
    CHECK(found[i].first_s / kMs == doctest::Approx(expected[i].first).epsilon(1e-5));
    CHECK(found[i].done_s / kMs == doctest::Approx(expected[i].done).epsilon(1e-5));
  }
}

std::string complaint(const CoRunClient& client, const CoRunSharing& sharing) {
  try {
    (void)simulate_co_run(std::vector<CoRunClient>{client}, sharing, 1);
  } catch (const SimulationError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a client alone serves its jobs first come first served, under every sharing mode") {
  // 2 + 3 x 1 from 0; the job that comes at 1 waits until 5; the GPU is free when the last comes at 20.
  const CoRunClient client{{step(2), step(1)},
                           {job(0, {{0, 1}, {1, 3}}), job(1, {{1, 1}}), job(20, {{1, 2}})}};
  for (const CoRunSharing& sharing : {CoRunSharing{}, time_slicing(), mps()}) {
    CAPTURE(to_string(sharing.mode));
    const auto rows = simulate_co_run(std::vector<CoRunClient>{client}, sharing, kForeverMs);
    check(rows.at(0), {{0, 2, 5}, {4, 5, 5}, {0, 1, 2}});
    CHECK(rows[0][2].arrival_s == doctest::Approx(20 * kMs));
  }
}

TEST_CASE("a neighbour whose slice has expired in a single launch is pre-empted at once") {
  // A runs 10 from 0; at 5 its slice of 2 is long over. B 5.2-5.7, A 5.8-7.8, B 8.0-8.5, A 8.6-11.6.
  const std::vector<CoRunClient> clients{{{step(10)}, {job(0, {{0, 1}})}}, {{step(0.5)}, {job(5, {{0, 2}})}}};
  const auto rows = simulate_co_run(clients, time_slicing(), kForeverMs);
  check(rows.at(0), {{0, 11.6, 11.6}});
  check(rows.at(1), {{0, 0.7, 3.5}});
}

TEST_CASE("pre-empting a step that is half memory-bound costs half of the refill more") {
  // As before with hand-overs from A of 0.2 + 0.4 / 2: B 5.4-5.9, A 6.0-8.0, B 8.4-8.9, A 9.0-12.0.
  std::vector<CoRunClient> clients{{{step(10)}, {job(0, {{0, 1}})}}, {{step(0.5)}, {job(5, {{0, 2}})}}};
  clients[0].steps[0].memory_s = 5 * kMs;
  const auto rows = simulate_co_run(clients, time_slicing(0.4), kForeverMs);
  check(rows.at(0), {{0, 12.0, 12.0}});
  check(rows.at(1), {{0, 0.9, 3.9}});
}

TEST_CASE("clients of short steps give the GPU away after each, and pay the idle hand-over") {
  // A 0-1, B 1.1-2.1, A 2.2-3.2, B 3.3-4.3: a cycle of 2.2.
  const std::vector<CoRunClient> clients{{{step(1)}, {job(0, {{0, 2}})}}, {{step(1)}, {job(0, {{0, 2}})}}};
  const auto rows = simulate_co_run(clients, time_slicing(), kForeverMs);
  check(rows.at(0), {{0, 1, 3.2}});
  check(rows.at(1), {{0, 2.1, 4.3}});
  const std::vector<CoRunStep> steps{step(1), step(1)};
  for (const double mean : simulate_saturated(steps, time_slicing(), 100 * kMs))
    CHECK(mean == doctest::Approx(2.2 * kMs).epsilon(1e-9));
}

TEST_CASE("MPS clients slow each other by susceptibility times pressure while both run") {
  // Rates 1 / (1 + 0.5 x 1) = 2/3 and 1 / (1 + 1 x 2) = 1/3: A ends at 3, B has done 1 of 3 and ends at 5.
  const std::vector<CoRunClient> clients{{{step(2, {0.5, 2})}, {job(0, {{0, 1}})}},
                                         {{step(3, {1, 1})}, {job(0, {{0, 1}})}}};
  const auto rows = simulate_co_run(clients, mps(), kForeverMs);
  check(rows.at(0), {{0, 3, 3}});
  check(rows.at(1), {{0, 5, 5}});
}

TEST_CASE(
    "a pair factor corrects what its column presses on its row, and a kind without a row is left alone") {
  std::vector<CoRunClient> clients{{{step(2, {0.5, 2})}, {job(0, {{0, 1}})}},
                                   {{step(3, {1, 1})}, {job(0, {{0, 1}})}}};
  CoRunSharing sharing = mps();
  sharing.pair_factors = {7, 2, 0.5, 7};  // a kind beside itself does not occur here
  clients[0].steps[0].kind = 0;
  clients[1].steps[0].kind = 1;
  // Both at 1/2: 1 + 0.5 x 2 x 1, and 1 + 1 x 0.5 x 2. A ends at 4, B has 1 left.
  auto rows = simulate_co_run(clients, sharing, kForeverMs);
  check(rows.at(0), {{0, 4, 4}});
  check(rows.at(1), {{0, 5, 5}});
  clients[1].steps[0].kind = -1;  // as without factors
  rows = simulate_co_run(clients, sharing, kForeverMs);
  check(rows.at(0), {{0, 3, 3}});
  check(rows.at(1), {{0, 5, 5}});
}

TEST_CASE("what two steps draw together beyond the limit slows their compute-bound parts") {
  // 300 + 300 W where 400 are left: the clock falls to (400 / 600)^(1 / 2) = 0.8165, and 1 / clock = 1.2247.
  std::vector<CoRunClient> clients{{{step(2)}, {job(0, {{0, 1}})}}, {{step(2)}, {job(0, {{0, 1}})}}};
  for (CoRunClient& client : clients) client.steps[0].power_w = 300;
  clients[0].steps[0].compute_s = 2 * kMs;  // all of it
  clients[1].steps[0].compute_s = 1 * kMs;  // half
  CoRunSharing sharing = mps();
  sharing.power = {.limit_w = 500, .idle_w = 100, .clock_exponent = 2};
  const auto rows = simulate_co_run(clients, sharing, kForeverMs);
  // B takes 2 x (1 + 0.5 x 0.2247) = 2.2247; A has done 2.2247 / 1.2247 = 1.8165 by then, and 0.1835 is left at full clock.
  check(rows.at(1), {{0, 2.22474, 2.22474}});
  check(rows.at(0), {{0, 2.40825, 2.40825}});
  // Within the limit nothing slows.
  sharing.power.limit_w = 700;
  check(simulate_co_run(clients, sharing, kForeverMs).at(0), {{0, 2, 2}});
}

TEST_CASE("no job begins after the stop, and one that has begun is served to its end") {
  std::vector<CoRunJob> jobs;
  jobs.reserve(4);
  for (int i = 0; i < 4; ++i) jobs.push_back(job(i, {{0, 1}}));
  const std::vector<CoRunClient> clients{{{step(2)}, jobs}};
  // 0-2, 2-4, and the next would begin at 4.
  check(simulate_co_run(clients, {}, 3.5 * kMs).at(0), {{0, 2, 2}, {1, 3, 3}});
  check(simulate_co_run(clients, {}, 4 * kMs).at(0), {{0, 2, 2}, {1, 3, 3}, {2, 4, 4}});
}

TEST_CASE("a client that ends fewer than two steps within the horizon is said to take all of it") {
  const std::vector<CoRunStep> steps{step(1), step(1000)};
  const auto means = simulate_saturated(steps, time_slicing(), 100 * kMs);
  // A slice of 2 of the neighbour and both hand-overs for each step of 1.
  CHECK(means.at(0) == doctest::Approx(3.3 * kMs).epsilon(1e-9));
  CHECK(means.at(1) == 100 * kMs);
}

TEST_CASE("co-runs that make no sense are refused with the client and the job") {
  const CoRunClient good{{step(1)}, {job(0, {{0, 1}})}};
  CHECK(complaint(good, {}) == "accepted");
  const auto with_jobs = [&](std::vector<CoRunJob> jobs) { return CoRunClient{good.steps, std::move(jobs)}; };
  CHECK(complaint(with_jobs({job(0, {{0, 1}}), job(1, {})}), {}) ==
        "client 0, job 1: a job needs at least one step");
  const std::string range = "client 0, job 0: expected a step of the client, repeated at least once";
  CHECK(complaint(with_jobs({job(0, {{1, 1}})}), {}) == range);
  CHECK(complaint(with_jobs({job(0, {{0, 0}})}), {}) == range);
  CHECK(complaint(with_jobs({job(2, {{0, 1}}), job(1, {{0, 1}})}), {}) ==
        "client 0, job 1: jobs must be in order of arrival");

  CoRunSharing sharing = mps();
  sharing.pair_factors = {1, 1, 1};
  CHECK(complaint(good, sharing) == "pair factors: expected a square of them");
  sharing.pair_factors = {1, 1, 1, 1};
  CoRunClient client = good;
  client.steps[0].kind = 2;
  CHECK(complaint(client, sharing) == "client 0: a step's kind has no row of pair factors");
  client = good;
  client.steps[0].power_w = 100;
  CHECK(complaint(client, mps()) == "client 0: a step that draws power needs a limit above the idle power");
  client = good;
  client.steps[0].gpu_s = -1;
  CHECK(complaint(client, mps()) == "client 0: a step's gpu_s must not be below zero");
  CHECK_THROWS_WITH_AS((void)simulate_saturated(std::vector<CoRunStep>{step(0)}, mps(), 1),
                       "client 0: a step repeated without pause must take time", SimulationError);
}

}  // namespace test_co_run
