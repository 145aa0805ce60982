#include "gpushare/demand.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "hardware/step_timer.hpp"

namespace gpushare {

namespace {

struct GroupTime {
  double total_s;
  double memory_s;
  double compute_s;
  double floor_s;
};

double traffic_share(const OperatorGroup& group, double l2_bytes) {
  if (group.reuse == 0) return 1;
  const double found = group.working_set_bytes > l2_bytes ? l2_bytes / group.working_set_bytes : 1.0;
  return 1 - group.reuse * found;
}

double peak_compute_time(const OperatorGroup& group, const GpuProfile& profile, double sms) {
  if (group.flop == 0) return 0;
  const double peak = profile.flops(group.precision);
  assert(peak > 0 && "a scenario with a precision that its GPU does not support is refused when it is read");
  return group.flop * profile.sms / (peak * sms);
}

double compute_time(const OperatorGroup& group, const GpuProfile& profile, double sms) {
  if (group.flop == 0) return 0;
  const double share = group.of_llm ? profile.llm_flop_share() : profile.sustained_flop_share;
  return peak_compute_time(group, profile, std::min(sms, share * profile.sms)) / group.flop_efficiency;
}

// Few SMs draw less, but use what they draw as well as any kernel does.
double memory_rate(const OperatorGroup& group, const GpuProfile& profile, const Resources& resources) {
  const double efficiency = group.bandwidth_efficiency * profile.relative_bandwidth_efficiency;
  const double whole = std::max(resources.partition_bytes_per_s, resources.bandwidth_bytes_per_s);
  return std::min(whole * efficiency,
                  resources.bandwidth_bytes_per_s * std::max(efficiency, profile.most_bandwidth_share));
}

GroupTerms terms_of(const OperatorGroup& group, const GpuProfile& profile, const Resources& resources) {
  assert(group.norm == 1 || group.norm == 2);
  GroupTerms terms;
  terms.flop = group.flop;
  terms.norm = group.norm;
  terms.of_llm = group.of_llm;
  terms.floor_s = group.floor_s * (group.of_llm ? profile.llm_latency_share() : profile.latency_share());
  terms.compute_s = compute_time(group, profile, resources.sms);
  terms.peak_compute_s = peak_compute_time(group, profile, resources.sms);
  terms.traffic_share = traffic_share(group, resources.l2_bytes);
  terms.memory_bytes_per_s = memory_rate(group, profile, resources);
  terms.saturating_bytes_per_s = resources.bandwidth_bytes_per_s * profile.most_bandwidth_share;
  return terms;
}

GroupTime group_time(const GroupTerms& terms, double traffic) {
  const double floor = terms.floor_s, compute = terms.compute_s;
  const double memory = traffic == 0 ? 0 : traffic / terms.memory_bytes_per_s;
  if (terms.norm == 1) return {floor + compute + memory, memory, compute, floor};
  const double total = std::sqrt(floor * floor + compute * compute + memory * memory);
  if (total == 0) return {0, 0, 0, 0};
  return {total, memory * memory / total, compute * compute / total, floor * floor / total};
}

OperatorGroup repeated(OperatorGroup group, double times) {
  group.floor_s *= times;
  group.flop *= times;
  group.bytes *= times;
  return group;
}

// As far as the group is bound by them: its arithmetic and its traffic in turns, or the slower of both. Arithmetic fills
// the SMs at whatever rate it reaches; what a kernel leaves of the bandwidth, others can draw.
double saturating_time(const GroupTerms& terms, const GroupTime& part, double traffic) {
  const double memory = traffic / terms.saturating_bytes_per_s;
  if (terms.norm == 1) return part.compute_s + std::min(part.memory_s, memory);
  return std::min(part.compute_s + part.memory_s, std::max(terms.compute_s, memory));
}

// In a language model only the short kernels between the others leave the SMs: products and attention hold them while they
// begin, end and wait for memory. Of other models it is not known.
double held_time(const GroupTerms& terms, const GroupTime& part, double saturating_s) {
  if (!terms.of_llm) return saturating_s;
  return terms.norm == 1 ? part.total_s : part.total_s - part.floor_s;
}

void add_group(StepTime& time, const GroupTerms& terms, double bytes) {
  const double traffic = bytes * terms.traffic_share;
  const GroupTime part = group_time(terms, traffic);
  time.gpu_s += part.total_s;
  time.memory_s += part.memory_s;
  time.compute_s += part.compute_s;
  time.floor_s += part.floor_s;
  time.peak_compute_s += terms.peak_compute_s;
  const double saturating_s = saturating_time(terms, part, traffic);
  time.saturating_s += saturating_s;
  time.held_s += held_time(terms, part, saturating_s);
  time.flop += terms.flop;
  time.bytes += traffic;
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
  time.held_s += alone * std::max(fills, draws);
  time.bytes += alone * demand.fixed_bandwidth_share * profile.bandwidth_bytes_per_s;
  time.collective_s += demand.collective_s;
}

}  // namespace

void Demand::add(const Demand& other, double times) {
  host_before_s += other.host_before_s;
  host_after_s += other.host_after_s;
  launch_s += times * other.launch_s;
  eager_launch_s += times * other.eager_launch_s;
  pcie_bytes += other.pcie_bytes;
  for (std::size_t i = 0; i < other.group_count; ++i) add(repeated(other.groups[i], times));
  for (const OperatorGroup& group : other.further) add(repeated(group, times));
  kernels += times * other.kernels;
  fixed_gpu_s += times * other.fixed_gpu_s;
  collective_s += times * other.collective_s;
  collectives += times * other.collectives;
}

Resources resources_of(const GpuProfile& profile, const Partition& partition, int sm_cap) {
  const int sms = sm_cap > 0 ? std::min(sm_cap, partition.sms) : partition.sms;
  const double reachable = reachable_bandwidth_share(profile, static_cast<double>(sms) / profile.sms);
  return {static_cast<double>(sms),
          std::min(partition.bandwidth_bytes_per_s, reachable * profile.bandwidth_bytes_per_s),
          partition.l2_bytes, partition.bandwidth_bytes_per_s};
}

double last_bytes(const Demand& demand) {
  if (!demand.further.empty()) return demand.further.back().bytes;
  return demand.group_count > 0 ? demand.groups[demand.group_count - 1].bytes : 0;
}

StepTimer::StepTimer(const Demand& demand, const GpuProfile& profile, const Resources& resources)
    : has_groups_(demand.group_count > 0),
      kernels_change_s_(demand.kernels * resources.kernel_s),
      resources_(resources) {
  add_fixed(others_, demand, profile, resources);
  const std::size_t count = demand.group_count + demand.further.size();
  for (std::size_t i = 0; i < count; ++i) {
    const OperatorGroup& group =
        i < demand.group_count ? demand.groups[i] : demand.further[i - demand.group_count];
    last_ = terms_of(group, profile, resources);
    if (i + 1 < count) add_group(others_, last_, group.bytes);
  }
}

StepTime StepTimer::time(double bytes) const {
  StepTime time = others_;
  if (!has_groups_) return time;
  add_group(time, last_, bytes);
  // Where the time is known as such, so are its launches; what computes and moves is not shortened.
  time.gpu_s = std::max(time.saturating_s, time.gpu_s + kernels_change_s_);
  return time;
}

StepTime step_time(const Demand& demand, const GpuProfile& profile, const Resources& resources) {
  return StepTimer(demand, profile, resources).time(last_bytes(demand));
}

}  // namespace gpushare
