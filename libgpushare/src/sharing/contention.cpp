#include "sharing/contention.hpp"

#include <cmath>

namespace gpushare {
namespace {

double siblings(const ActiveWork& active, const Contention& partition) {
  return partition.steps_of[static_cast<std::size_t>(active.work.process)];
}

// Divisions are slow, and most steps are the only one of their process.
double over_siblings(double amount, double siblings) { return siblings == 1 ? amount : amount / siblings; }

Neighbours neighbours_of(const ActiveWork& active, const Neighbours& all, std::span<const ActiveWork> running,
                         const Contention& partition) {
  if (partition.pairs.kinds == 0) {
    Neighbours others = all;
    others.add(active.work.interference, -1);
    return others;
  }
  Neighbours others;
  for (const ActiveWork& other : running) {
    if (&other == &active) continue;
    others.add(other.work.interference, 1, partition.pairs.of(active.work.kind, other.work.kind));
  }
  return others;
}

double bandwidth_slowdown(const Work& work, double share) {
  if (work.bytes_per_s <= share || work.gpu_s <= 0) return 1;
  const double bound = work.memory_s / work.gpu_s;
  return 1 - bound + bound * work.bytes_per_s / share;
}

double filled_share(const Work& work) {
  return work.filled_s > 0 && work.gpu_s > 0 ? work.filled_s / work.gpu_s : 0;
}

double lock_slowdown(const Work& work, double filled, double siblings) {
  if (siblings == 1) return 0;
  return kProcessLock * (1 - std::max(work.interference.occupancy, filled)) * (siblings - 1);
}

// How often over the SMs of the partition are asked for; at most once counts as once.
double sms_asked_for(std::span<const ActiveWork> running, const Contention& partition) {
  if (partition.sms_in_all <= 0) return 1;
  double asked = 0;
  for (const ActiveWork& active : running)
    asked += filled_share(active.work) * partition.sms[static_cast<std::size_t>(active.work.process)];
  return std::max(1.0, asked / partition.sms_in_all);
}

}  // namespace

void set_contended_rates(std::span<ActiveWork> running, const Contention& partition) {
  if (running.size() == 1) {  // most of the time, and nobody presses on it
    ActiveWork& alone = running.front();
    alone.rate = 1 / std::max(1.0, 1 + filled_share(alone.work) * (sms_asked_for(running, partition) - 1));
    return;
  }
  Neighbours all;
  double demanded = 0;
  double weights = 0;
  for (const ActiveWork& active : running) {
    all.add(active.work.interference, 1);
    demanded += active.work.bytes_per_s;
    weights += over_siblings(partition.sms[static_cast<std::size_t>(active.work.process)],
                             siblings(active, partition));
  }
  const double bandwidth = partition.bandwidth_bytes_per_s;
  const double sms_asked = sms_asked_for(running, partition);
  const bool short_of_bandwidth = demanded > bandwidth;
  Overfull over;
  for (ActiveWork& active : running) {
    const double sms = partition.sms[static_cast<std::size_t>(active.work.process)];
    const double filled = filled_share(active.work), at_once = siblings(active, partition);
    double slowdown =
        interference_slowdown(active.work.interference, neighbours_of(active, all, running, partition)) +
        lock_slowdown(active.work, filled, at_once);
    if (short_of_bandwidth)
      slowdown = std::max(slowdown,
                          bandwidth_slowdown(active.work, over_siblings(bandwidth * sms / weights, at_once)));
    slowdown = std::max(slowdown, 1 + filled * (sms_asked - 1));
    active.rate = 1 / slowdown;
    over.add(active.rate * active.work.interference.occupancy,
             active.rate * active.work.bytes_per_s / bandwidth,
             partition.sms_in_all > 0 ? active.rate * filled * sms / partition.sms_in_all : 0);
  }
  if (const double times = over.times(); times > 1)
    for (ActiveWork& active : running) active.rate /= times;
}

StepCharacter character_of(const StepTime& alone, const Demand& demand, double bandwidth_bytes_per_s,
                           double sm_share) {
  const double own_s = alone.gpu_s - alone.collective_s;
  if (own_s <= 0) return {};
  const double shortened_s = alone.compute_s + alone.memory_s;
  return {own_s / std::max(1.0, demand.kernels - demand.collectives),
          alone.saturating_s / own_s,
          alone.bytes / own_s / bandwidth_bytes_per_s,
          (alone.peak_compute_s + alone.filled_s) / own_s,
          sm_share,
          demand.eager_launch_s > 0 ? 0 : alone.held_s / own_s,
          shortened_s > 0 ? alone.compute_s / shortened_s : 0};
}

Interference predict_interference(const UncappedLaw& law, const StepCharacter& step) {
  if (step.mean_kernel_s <= 0) return {};
  const double alone = std::clamp(step.saturating_share, 0.0, 1.0);
  const double saturating = alone + (1 - alone) * std::min(1.0, law.launch_s / step.mean_kernel_s);
  if (saturating <= 0) return {};
  const auto turn_of = [&](double share) {
    return std::pow(step.mean_kernel_s * share / kReferenceKernelS, law.exponent);
  };
  const double turn = turn_of(saturating), held = std::min(step.held_share, 1.0);
  return {saturating / turn,    turn, saturating, law.slip, held > saturating ? turn_of(held) - turn : 0,
          step.arithmetic_share};
}

Interference predict_interference(const CappedLaw& law, const StepCharacter& step) {
  if (step.mean_kernel_s <= 0) return {};
  return {std::pow(step.mean_kernel_s / kReferenceKernelS, law.s_exponent) *
              std::exp(law.s_bandwidth * step.bandwidth_share),
          law.launch + step.sm_share / kReferenceShare *
                           (law.bandwidth * step.bandwidth_share + law.compute * step.compute_share),
          0, 0};
}

}  // namespace gpushare
