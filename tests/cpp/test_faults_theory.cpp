#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "faulty_fleet.hpp"
#include "queueing.hpp"

namespace test_faults_theory {

/// Availability in the long run against closed forms, by mode of sharing.
namespace {

using namespace gpushare;
using test::toy_fleet;
using test::toy_gpu;

constexpr double kMtbf = 1000, kRestart = 100;
constexpr int kClients = 4;

// A fault of each of the services by the rate.
Scenario failing(Scenario scenario, const Distribution& restart_s) {
  for (std::size_t s = 0; s < scenario.workload.services.size(); ++s) {
    Fault fault = test::process_fault(static_cast<int>(s), 0, 0);
    fault.number = Fault::kEach;
    fault.mtbf_s = kMtbf;
    fault.restart_s = restart_s;
    scenario.faults.push_back(fault);
  }
  return scenario;
}

template <class Figure>
void check(Scenario scenario, double theory, Figure figure) {
  constexpr std::uint32_t kRuns = 24;
  scenario.workload.duration_s = 1e6 / queueing::kThinning;
  RunOptions options;
  options.record_requests = false;
  std::vector<double> found;
  for (const Run& run : simulate_replications(scenario, kRuns, options)) found.push_back(figure(run.summary));
  const Estimate estimate = mean_estimate(found, 0.99);
  INFO("theory " << theory << ", simulated " << estimate.mean << " +- " << estimate.half_width);
  const bool thin = queueing::kThinning > 1;
  CHECK(std::abs(estimate.mean - theory) <= (thin ? 2 : 1) * estimate.half_width);
  if (!thin) CHECK(estimate.half_width < 0.004);
}

void check(const Scenario& scenario, double theory) {
  check(scenario, theory, [](const Summary& summary) {
    double sum = 0;
    for (const ServiceSummary& service : summary.services) sum += *service.availability;
    return sum / static_cast<double>(summary.services.size());
  });
}

std::vector<GpuPlacement> dedicated(int services) {
  std::vector<GpuPlacement> gpus;
  for (int s = 0; s < services; ++s) gpus.push_back(toy_gpu("", SharingMode::exclusive, {{s}}));
  return gpus;
}
Scenario on_one(SharingMode mode) { return toy_fleet({toy_gpu("", mode, {{0, 1, 2, 3}})}, 1, 1e-3); }
Scenario on_instances() {
  return toy_fleet(
      {toy_gpu("2g.20gb@0+2g.20gb@2+1g.10gb@4+1g.10gb@5", SharingMode::exclusive, {{0}, {1}, {2}, {3}})}, 1,
      1e-3);
}

}  // namespace

TEST_CASE("a process with a fault domain of its own is up MTBF / (MTBF + MTTR) of the time") {
  const double theory = kMtbf / (kMtbf + kRestart);
  for (const Distribution& restart :
       {constant(kRestart), exponential(kRestart), lognormal_with_mean(kRestart, 1)}) {
    check(failing(toy_fleet(dedicated(kClients), 1, 1e-3), restart), theory);
    check(failing(on_one(SharingMode::time_slicing), restart), theory);
    check(failing(on_instances(), restart), theory);
  }
}

TEST_CASE("clients of one MPS server are up 1 / (1 + n MTTR / MTBF) of the time") {
  // While all n run, one of them fails after MTBF / n on average; then all are down for the same restart.
  check(failing(on_one(SharingMode::mps), constant(kRestart)), 1 / (1 + kClients * kRestart / kMtbf));
}

TEST_CASE("clients of one MPS server that come back one by one are a Markov chain") {
  // With k of n up: k -> 0 at rate k / MTBF, k -> k + 1 at (n - k) / MTTR. In balance, for k > 0:
  // p(k) (k / MTBF + (n - k) / MTTR) = p(k - 1) (n - k + 1) / MTTR.
  double p = 1, total = 1, up = 0;
  for (int k = 1; k <= kClients; ++k) {
    p *= (kClients - k + 1) / kRestart / (k / kMtbf + (kClients - k) / kRestart);
    total += p;
    up += p * k;
  }
  check(failing(on_one(SharingMode::mps), exponential(kRestart)), up / total / kClients);
}

TEST_CASE(
    "a GPU's and a node's processes are up MTBF / (MTBF + repair + restart) of the time, under every "
    "sharing") {
  for (const FaultTarget target : {FaultTarget::gpu, FaultTarget::node})
    for (const Scenario& fleet :
         {on_one(SharingMode::time_slicing), on_one(SharingMode::mps), on_instances()}) {
      Scenario scenario = fleet;
      Fault fault = test::hardware_fault(target, Fault::kEach, 0, 0, 20);
      fault.mtbf_s = kMtbf;
      fault.repair_s = exponential(80);
      scenario.faults = {fault};
      check(scenario, kMtbf / (kMtbf + 80 + 20));
    }
}

TEST_CASE("of two replicas that fail by themselves, one is up 1 - (1 - A)^2 of the time") {
  Scenario scenario = toy_fleet(dedicated(1), 1, 1e-3);
  scenario.placement.gpus.push_back(scenario.placement.gpus[0]);
  scenario.workload.services[0].replicas = 2;
  const double down = kRestart / (kMtbf + kRestart);
  const auto any = [](const Summary& summary) { return *summary.services[0].any_replica_up; };
  check(failing(scenario, exponential(kRestart)), 1 - down * down, any);
}

}  // namespace test_faults_theory
