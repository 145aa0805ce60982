#include "sharing/contention.hpp"

#include <cmath>

namespace gpushare {
namespace {

// The mean kernel time that the predictions refer to.
constexpr double kReferenceKernelS = 10e-6;

double siblings(const ActiveWork& active, const Contention& partition) {
  return partition.steps_of[static_cast<std::size_t>(active.work.process)];
}

double pressure_of(const ActiveWork& active, const Contention& partition) {
  return active.work.interference.pressure / siblings(active, partition);
}

Neighbours neighbours_of(const ActiveWork& active, const Neighbours& all, std::span<const ActiveWork> running,
                         const Contention& partition) {
  if (partition.pairs.kinds == 0 && siblings(active, partition) == 1) {
    Neighbours others = all;
    others.add(active.work.interference.pressure, active.work.interference.occupancy, -1);
    return others;
  }
  Neighbours others;
  for (const ActiveWork& other : running) {
    if (other.work.process == active.work.process) continue;
    others.add(partition.pairs.of(active.work.kind, other.work.kind) * pressure_of(other, partition),
               other.work.interference.occupancy);
  }
  return others;
}

double bandwidth_slowdown(const Work& work, double share) {
  if (work.bytes_per_s <= share || work.gpu_s <= 0) return 1;
  const double bound = work.memory_s / work.gpu_s;
  return 1 - bound + bound * work.bytes_per_s / share;
}

}  // namespace

void set_contended_rates(std::span<ActiveWork> running, const Contention& partition) {
  Neighbours all;
  double demanded = 0;
  double weights = 0;
  for (const ActiveWork& active : running) {
    const double n = siblings(active, partition);
    all.add(pressure_of(active, partition), active.work.interference.occupancy);
    demanded += active.work.bytes_per_s / n;
    weights += partition.sms[static_cast<std::size_t>(active.work.process)] / n;
  }
  const double bandwidth = partition.bandwidth_bytes_per_s;
  const bool short_of_bandwidth = demanded > bandwidth && partition.processes > 1;
  for (ActiveWork& active : running) {
    const auto process = static_cast<std::size_t>(active.work.process);
    double slowdown =
        interference_slowdown(active.work.interference, neighbours_of(active, all, running, partition));
    if (short_of_bandwidth)
      slowdown =
          std::max(slowdown, bandwidth_slowdown(active.work, bandwidth * partition.sms[process] / weights));
    active.rate = 1 / (slowdown * partition.steps_of[process]);
  }
}

Interference predict_interference(const UncappedLaw& law, const StepCharacter& step) {
  if (step.mean_kernel_s <= 0) return {};
  const double alone = std::clamp(step.saturating_share, 0.0, 1.0);
  const double saturating = alone + (1 - alone) * std::min(1.0, law.launch_s / step.mean_kernel_s);
  if (saturating <= 0) return {};
  const double turn = std::pow(step.mean_kernel_s * saturating / kReferenceKernelS, law.exponent);
  return {saturating / turn, turn, saturating};
}

Interference predict_interference(const CappedLaw& law, const StepCharacter& step) {
  if (step.mean_kernel_s <= 0) return {};
  return {std::pow(step.mean_kernel_s / kReferenceKernelS, law.s_exponent) *
              std::exp(law.s_bandwidth * step.bandwidth_share),
          law.launch + step.sm_share / kReferenceShare *
                           (law.bandwidth * step.bandwidth_share + law.compute * step.compute_share),
          0};
}

}  // namespace gpushare
