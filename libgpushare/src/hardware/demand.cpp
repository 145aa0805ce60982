#include "gpushare/demand.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace gpushare {

namespace {

struct GroupTime {
  double total_s;
  double memory_s;
  double compute_s;
  double traffic;
};

double traffic_of(const OperatorGroup& group, double l2_bytes) {
  if (group.reuse == 0) return group.bytes;
  const double found = group.working_set_bytes > l2_bytes ? l2_bytes / group.working_set_bytes : 1.0;
  return group.bytes * (1 - group.reuse * found);
}

double peak_compute_time(const OperatorGroup& group, const GpuProfile& profile, double sms) {
  if (group.flop == 0) return 0;
  const double peak = profile.flops(group.precision);
  assert(peak > 0 && "a scenario with a precision that its GPU does not support is refused when it is read");
  return group.flop * profile.sms / (peak * sms);
}

double compute_time(const OperatorGroup& group, const GpuProfile& profile, double sms) {
  if (group.flop == 0) return 0;
  const double sustained = std::min(sms, profile.sustained_flop_share * profile.sms);
  return peak_compute_time(group, profile, sustained) / group.flop_efficiency;
}

// Few SMs draw less, but use what they draw as well as any kernel does.
double memory_rate(const OperatorGroup& group, const GpuProfile& profile, const Resources& resources) {
  const double efficiency = group.bandwidth_efficiency * profile.relative_bandwidth_efficiency;
  const double whole = std::max(resources.partition_bytes_per_s, resources.bandwidth_bytes_per_s);
  return std::min(whole * efficiency,
                  resources.bandwidth_bytes_per_s * std::max(efficiency, profile.most_bandwidth_share));
}

GroupTime group_time(const OperatorGroup& group, const GpuProfile& profile, const Resources& resources) {
  assert(group.norm == 1 || group.norm == 2);
  const double traffic = traffic_of(group, resources.l2_bytes);
  const double compute = compute_time(group, profile, resources.sms);
  const double memory = traffic == 0 ? 0 : traffic / memory_rate(group, profile, resources);
  const double floor = group.floor_s * (group.of_llm ? profile.llm_latency_share() : profile.latency_share());
  if (group.norm == 1) return {floor + compute + memory, memory, compute, traffic};
  const double total = std::sqrt(floor * floor + compute * compute + memory * memory);
  if (total == 0) return {0, 0, 0, traffic};
  return {total, memory * memory / total, compute * compute / total, traffic};
}

OperatorGroup repeated(OperatorGroup group, double times) {
  group.floor_s *= times;
  group.flop *= times;
  group.bytes *= times;
  return group;
}

// As far as the group is bound by them: its arithmetic and its traffic in turns, or the slower of both.
double saturating_time(const OperatorGroup& group, const GroupTime& part, const GpuProfile& profile,
                       const Resources& resources) {
  const double compute = peak_compute_time(group, profile, resources.sms) / profile.most_flop_share;
  const double memory = part.traffic / (resources.bandwidth_bytes_per_s * profile.most_bandwidth_share);
  if (group.norm == 1) return std::min(part.compute_s, compute) + std::min(part.memory_s, memory);
  return std::min(part.compute_s + part.memory_s, std::max(compute, memory));
}

void add_group(StepTime& time, const OperatorGroup& group, const GpuProfile& profile,
               const Resources& resources) {
  const GroupTime part = group_time(group, profile, resources);
  time.gpu_s += part.total_s;
  time.memory_s += part.memory_s;
  time.compute_s += part.compute_s;
  time.peak_compute_s += peak_compute_time(group, profile, resources.sms);
  time.saturating_s += saturating_time(group, part, profile, resources);
  time.flop += group.flop;
  time.bytes += part.traffic;
}

// A share of the card that is more than what the process has of it stretches the time in proportion.
void add_fixed(StepTime& time, const Demand& demand, const GpuProfile& profile, const Resources& resources) {
  const double alone = demand.fixed_gpu_s;
  const double fills = demand.fixed_sm_share * profile.sms / resources.sms;
  const double draws =
      demand.fixed_bandwidth_share * profile.bandwidth_bytes_per_s / resources.bandwidth_bytes_per_s;
  time.gpu_s += alone * std::max({1.0, fills, draws});
  time.memory_s += alone * draws;
  time.filled_s += alone * fills;
  time.saturating_s += alone * std::max(fills, draws);
  time.bytes += alone * demand.fixed_bandwidth_share * profile.bandwidth_bytes_per_s;
}

}  // namespace

void Demand::add(const Demand& other, double times) {
  host_before_s += other.host_before_s;
  host_after_s += other.host_after_s;
  launch_s += times * other.launch_s;
  pcie_bytes += other.pcie_bytes;
  for (std::size_t i = 0; i < other.group_count; ++i) add(repeated(other.groups[i], times));
  for (const OperatorGroup& group : other.further) add(repeated(group, times));
  kernels += times * other.kernels;
  fixed_gpu_s += times * other.fixed_gpu_s;
}

Resources resources_of(const GpuProfile& profile, const Partition& partition, int sm_cap) {
  const int sms = sm_cap > 0 ? std::min(sm_cap, partition.sms) : partition.sms;
  const double reachable = reachable_bandwidth_share(profile, static_cast<double>(sms) / profile.sms);
  return {static_cast<double>(sms),
          std::min(partition.bandwidth_bytes_per_s, reachable * profile.bandwidth_bytes_per_s),
          partition.l2_bytes, partition.bandwidth_bytes_per_s};
}

StepTime step_time(const Demand& demand, const GpuProfile& profile, const Resources& resources) {
  StepTime time;
  add_fixed(time, demand, profile, resources);
  for (std::size_t i = 0; i < demand.group_count; ++i) add_group(time, demand.groups[i], profile, resources);
  for (const OperatorGroup& group : demand.further) add_group(time, group, profile, resources);
  // Where the time is known as such, so are its launches; what computes and moves is not shortened.
  if (demand.group_count > 0)
    time.gpu_s = std::max(time.saturating_s, time.gpu_s + demand.kernels * resources.kernel_s);
  return time;
}

}  // namespace gpushare
