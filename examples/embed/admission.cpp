#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"

// An admission controller: tenants ask for a place on one A100 under MPS, and are let in as long as everybody's p95 is kept.
// Each is asked about at several rates, by what-ifs and not by simulations; the first offer that holds is made.
namespace {

/// Of a promise: what predictions may reach, since they can be off by that much (docs/claims.md).
constexpr double kKeptBack = 0.8;

struct Tenant {
  const char* name;
  const char* model;
  double rate_per_s;
  double p95_s;  // of its main latency
  gpushare::RequestSizes sizes;
};

gpushare::RequestSizes tokens(double input, double output) {
  gpushare::RequestSizes sizes;
  sizes.input_tokens = gpushare::constant(input);
  sizes.output_tokens = gpushare::constant(output);
  return sizes;
}

std::vector<Tenant> tenants() {
  gpushare::RequestSizes speech;
  speech.speech_s = gpushare::constant(6);
  return {{"assistant", "llama-3.1-8b", 2, 0.5, tokens(800, 200)},
          {"search", "embedding-0.3b", 40, 0.05, {}},
          {"dictation", "parakeet-1.1b", 1, 0.15, speech},
          {"moderation", "embedding-0.3b", 60, 0.05, {}},
          {"archive", "embedding-0.3b", 400, 1, {}}};
}

gpushare::Engine engine_of(const gpushare::Model& model) {
  gpushare::Engine engine;
  if (gpushare::kind_of(model) == "llm") {
    gpushare::ContinuousOptions options;
    options.gpu_memory_utilization = 0.5;
    engine.options = options;
  } else if (gpushare::kind_of(model) == "streaming-asr") {
    gpushare::StreamOptions options;
    options.max_batch = 64;
    engine.options = options;
  } else {
    gpushare::BatchOptions options;
    options.max_batch = 16;
    engine.options = options;
  }
  return engine;
}

class Admission {
 public:
  explicit Admission(const char* gpu) {
    placement_.gpus.push_back(gpushare::empty_gpu(
        gpushare::cut_gpu(std::make_shared<const gpushare::GpuProfile>(gpushare::load_profile(gpu)))));
    placement_.gpus[0].partitions[0].sharing.mode = gpushare::SharingMode::mps;
    workload_.duration_s = 600;
  }

  // Whether all promises are kept with this tenant as well; then it stays.
  bool admit(const Tenant& tenant, double rate_per_s) {
    gpushare::Workload workload = with(tenant, rate_per_s);
    gpushare::Placement placement = placement_;
    placement.gpus[0].partitions[0].processes.push_back({static_cast<int>(workload_.services.size())});
    const gpushare::WhatIf answer = gpushare::what_if(workload, placement);
    ++asked_;
    if (!answer.ok()) return false;
    std::vector<double> promised = promised_;
    promised.push_back(tenant.p95_s);
    for (std::size_t s = 0; s < promised.size(); ++s)
      if (answer.services[s].p95_s > kKeptBack * promised[s]) return false;
    workload_ = std::move(workload);
    placement_ = std::move(placement);
    promised_ = std::move(promised);
    return true;
  }
  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] gpushare::WhatIf state() const { return gpushare::what_if(workload_, placement_); }
  [[nodiscard]] gpushare::Scenario scenario() const {
    gpushare::Scenario scenario;
    scenario.name = "admitted";
    scenario.workload = workload_;
    scenario.placement = placement_;
    return scenario;
  }

 private:
  [[nodiscard]] gpushare::Workload with(const Tenant& tenant, double rate_per_s) const {
    gpushare::Workload workload = workload_;
    gpushare::Service service;
    service.name = tenant.name;
    service.model = std::make_shared<const gpushare::Model>(gpushare::load_model(tenant.model));
    service.engine = engine_of(*service.model);
    gpushare::Stage stage;
    stage.name = tenant.name;
    stage.service = static_cast<int>(workload.services.size());
    gpushare::Traffic traffic;
    traffic.name = tenant.name;
    traffic.pipeline = static_cast<int>(workload.pipelines.size());
    traffic.arrivals.rate_per_s = rate_per_s;
    traffic.sizes = tenant.sizes;
    workload.services.push_back(std::move(service));
    workload.pipelines.push_back({tenant.name, {stage}, 0});
    workload.traffic.push_back(std::move(traffic));
    gpushare::resolve_roles(workload);
    return workload;
  }

  gpushare::Workload workload_;
  gpushare::Placement placement_;
  std::vector<double> promised_;
  int asked_ = 0;
};

/// Of a tenant's requests at its service, or of those requests as a whole.
const gpushare::LatencySummary* latency_of(const gpushare::Summary& summary, const std::string& tenant,
                                           const std::string& latency) {
  const auto* found = summary.latency(tenant + "." + tenant + "." + latency);
  return found != nullptr ? found : summary.latency(tenant + "." + latency);
}

}  // namespace

int main() {
  try {
    Admission admission("a100");
    std::printf("%-12s %10s %10s  %s\n", "tenant", "wants /s", "p95 ms", "answer");
    for (const Tenant& tenant : tenants()) {
      std::string answer = "refused";
      for (const double share : {1.0, 0.75, 0.5, 0.25}) {
        if (!admission.admit(tenant, share * tenant.rate_per_s)) continue;
        answer =
            share == 1 ? "admitted" : "admitted at " + std::to_string(static_cast<int>(100 * share)) + " %";
        break;
      }
      std::printf("%-12s %10.1f %10.0f  %s\n", tenant.name, tenant.rate_per_s, 1e3 * tenant.p95_s,
                  answer.c_str());
    }
    const gpushare::Scenario admitted = admission.scenario();
    const gpushare::Summary simulated = gpushare::simulate(admitted).summary;
    const gpushare::WhatIf predicted = admission.state();
    std::printf("\n%-12s %-13s %13s %13s\n", "admitted", "latency", "predicted ms", "simulated ms");
    for (std::size_t s = 0; s < predicted.services.size(); ++s) {
      const gpushare::ServicePrediction& service = predicted.services[s];
      const std::string& name = admitted.workload.services[s].name;
      const std::string latency(service.latency);
      const gpushare::LatencySummary* found = latency_of(simulated, name, latency);
      std::printf("%-12s %-13s %13.1f %13.1f\n", name.c_str(), latency.c_str(), 1e3 * service.p95_s,
                  found != nullptr ? 1e3 * found->p95 : 0.0);
    }
    std::printf("\n%d what-ifs were asked\n", admission.asked());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
