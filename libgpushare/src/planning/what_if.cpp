#include "gpushare/what_if.hpp"

#include <algorithm>
#include <cmath>

#include "core/parallel.hpp"
#include "planning/server_model.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace {

using planning::Neighbourhood;
using planning::Presence;
using planning::ServerModel;

constexpr int kRounds = 6;         // of the fixed point between what neighbours do to each other
constexpr double kSettled = 5e-3;  // of shares of the time and of steps

// Whether replicas get their requests about as evenly as in turn.
bool takes_turns(Routing routing) {
  return routing == Routing::round_robin || routing == Routing::least_outstanding;
}

// The processes of a partition.
struct PartServers {
  std::vector<ServerModel> servers;
  std::vector<int> services;
  bool capped = false;
};

PartServers servers_of(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
                       const std::vector<int>& replicas, const Placement& placement, const GpuPlacement& gpu,
                       std::size_t p, const std::vector<MemoryNeed>& needs) {
  const PartitionPlacement& part = gpu.partitions[p];
  const bool mps = part.sharing.mode == SharingMode::mps;
  PartServers all;
  for (std::size_t i = 0; i < part.processes.size(); ++i) {
    const ProcessPlacement& process = part.processes[i];
    const auto s = static_cast<std::size_t>(process.service);
    const double percentage = mps ? process.active_thread_percentage : 100;
    all.capped = all.capped || percentage < 100;
    const int sms = mps_sms(gpu.profile(), gpu.parts()[p].sms, percentage);
    Resources resources = resources_of(gpu.profile(), gpu.parts()[p], sms);
    resources.kernel_s = kernel_change_s(gpu.profile(), part.sharing.mode, part.processes.size() > 1);
    const int others = std::max(1, replicas[s]);
    all.servers.push_back(
        {{workload.services[s], traffic[s].mean, gpu.profile(), resources, needs[i], link_of(placement, gpu)},
         traffic[s].per_s / others,
         takes_turns(workload.services[s].routing) ? others : 1});
    all.services.push_back(process.service);
  }
  return all;
}

Neighbourhood among(const PartServers& all, const std::vector<Presence>& presences, std::size_t i,
                    const GpuPlacement& gpu, std::size_t p) {
  Neighbourhood neighbours(gpu.profile(), gpu.parts()[p], gpu.partitions[p].sharing, all.capped);
  for (std::size_t j = 0; j < presences.size(); ++j)
    if (j != i) neighbours.add(presences[j]);
  return neighbours;
}

// What each server does among the others as they are taken to be; whether that is anything new.
bool refine(const PartServers& all, const GpuPlacement& gpu, std::size_t p,
            std::vector<Presence>& presences) {
  bool is_new = false;
  for (std::size_t i = 0; i < all.servers.size(); ++i) {
    const Presence before = presences[i];
    presences[i] = all.servers[i].presence(among(all, presences, i, gpu, p), before);
    for (std::size_t s = 0; s < before.states.size(); ++s) {
      const Presence::State &was = before.states[s], &is = presences[i].states[s];
      is_new = is_new || std::abs(is.share - was.share) > kSettled ||
               std::abs(is.length_s - was.length_s) > kSettled * is.length_s;
    }
  }
  return is_new;
}

void predict_part(const PartServers& all, const GpuPlacement& gpu, std::size_t p,
                  std::vector<ServicePrediction>& predictions) {
  std::vector<Presence> presences(all.servers.size());
  const int rounds = all.servers.size() > 1 ? kRounds : 0;
  for (int round = 0; round < rounds; ++round)
    if (!refine(all, gpu, p, presences)) break;
  for (std::size_t i = 0; i < all.servers.size(); ++i) {
    const ServicePrediction found = all.servers[i].predict(among(all, presences, i, gpu, p), presences[i]);
    ServicePrediction& worst = predictions[static_cast<std::size_t>(all.services[i])];
    if (worst.latency.empty() || found.p95_s > worst.p95_s) worst = found;
  }
}

std::vector<ServicePrediction> predict_all(const Workload& workload,
                                           const std::vector<ServiceTraffic>& traffic,
                                           const Placement& placement, const std::vector<int>& replicas) {
  std::vector<ServicePrediction> predictions(workload.services.size());
  for (const GpuPlacement& gpu : placement.gpus) {
    const auto needs = memory_needs(workload.services, gpu);
    for (std::size_t p = 0; p < gpu.partitions.size(); ++p) {
      if (gpu.partitions[p].processes.empty()) continue;
      const PartServers all = servers_of(workload, traffic, replicas, placement, gpu, p, needs[p]);
      predict_part(all, gpu, p, predictions);
    }
  }
  return predictions;
}

}  // namespace

bool WhatIf::ok() const {
  return fit.ok() && load.factor >= 1 &&
         std::all_of(services.begin(), services.end(),
                     [](const ServicePrediction& service) { return service.p95_s < kNoBound; });
}

WhatIf what_if(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
               const Placement& placement) {
  WhatIf answer;
  answer.fit = fits(workload, placement);
  if (!answer.fit.ok()) return answer;
  answer.load = load_bound(workload, traffic, placement);
  answer.services = predict_all(workload, traffic, placement, placed_replicas(workload, placement));
  return answer;
}

std::vector<std::vector<ServicePrediction>> predict_gpus(const Workload& workload,
                                                         const std::vector<GpuQuestion>& questions,
                                                         unsigned threads) {
  std::vector<std::vector<ServicePrediction>> answers(questions.size());
  in_parallel(questions.size(), threads, [&](std::size_t i, const std::atomic<bool>&) {
    Placement alone;
    alone.gpus.push_back(questions[i].gpu);
    alone.gpus.front().node = 0;
    if (fits(workload, alone).ok())
      answers[i] = predict_all(workload, *questions[i].traffic, alone, questions[i].replicas);
  });
  return answers;
}

WhatIf what_if(const Workload& workload, const Placement& placement) {
  const GpuProfile* gpu = placement.gpus.empty() ? nullptr : &placement.gpus.front().profile();
  return what_if(workload, service_traffic(workload, gpu), placement);
}

}  // namespace gpushare
