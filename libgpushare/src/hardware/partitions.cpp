
#include <algorithm>
#include <limits>

#include "core/text.hpp"
#include "gpushare/mig.hpp"
#include "hardware/lattice.hpp"

namespace gpushare {

namespace {

Partition whole_gpu(const GpuProfile& profile) {
  Partition whole;
  whole.name = "whole";
  whole.sms = profile.sms;
  whole.bandwidth_bytes_per_s = profile.bandwidth_bytes_per_s;
  whole.l2_bytes = profile.l2_bytes;
  whole.memory_bytes = profile.memory_bytes;
  whole.nominal_memory_bytes = profile.nominal_memory_bytes;
  whole.copy_engines = profile.copy_engines;
  whole.decoders = profile.decoders;
  return whole;
}

Partition gpu_instance(const GpuProfile& profile, const Instance& instance, int domain) {
  const auto& mig = profile.mig[static_cast<std::size_t>(instance.profile)];
  Partition part;
  part.name = text::format("{}@{}", mig.name, instance.start);
  part.memory_domain = domain;
  part.sms = mig.sms;
  part.bandwidth_bytes_per_s = profile.bandwidth_bytes_per_s * mig.bandwidth_fraction;
  part.l2_bytes = profile.l2_bytes * mig.l2_fraction;
  part.memory_bytes = mig.memory_bytes;
  part.nominal_memory_bytes = mig.nominal_memory_bytes;
  part.copy_engines = mig.copy_engines;
  part.decoders = mig.decoders;
  return part;
}

/// SMs of one compute slice: the fewest that any profile gives for a slice (14 on A100, 16 on H100, where
/// larger instances get spare SMs that compute instances cut from them do not).
int sms_per_compute_slice(const GpuProfile& profile) {
  int fewest = std::numeric_limits<int>::max();
  for (const auto& mig : profile.mig) fewest = std::min(fewest, mig.sms / mig.compute_slices);
  return fewest;
}

void append_compute_instances(const GpuProfile& profile, const Instance& instance, const Partition& whole,
                              std::vector<Partition>& parts) {
  const int slices = profile.mig[static_cast<std::size_t>(instance.profile)].compute_slices;
  const std::size_t first = parts.size();
  int sms = 0;
  for (std::size_t i = 0; i < instance.compute_instances.size(); ++i) {
    const int size = instance.compute_instances[i];
    Partition part = whole;
    part.name = text::format("{}/{}c.{}", whole.name, size, i);
    if (size < slices) part.sms = size * sms_per_compute_slice(profile);
    sms += part.sms;
    parts.push_back(std::move(part));
  }
  // Nothing keeps the bandwidth of one apart from that of another: where all draw what they can, it divides as SMs do.
  for (std::size_t i = first; i < parts.size(); ++i)
    parts[i].bandwidth_bytes_per_s = whole.bandwidth_bytes_per_s * parts[i].sms / sms;
}

}  // namespace

std::string instance_name(const Partition& partition) {
  return partition.name.substr(0, partition.name.find('@'));
}

std::size_t index_of(const std::vector<Partition>& partitions, std::string_view name) {
  const auto found = std::find_if(partitions.begin(), partitions.end(),
                                  [&](const Partition& part) { return part.name == name; });
  return static_cast<std::size_t>(found - partitions.begin());
}

std::vector<Partition> partitions(const GpuProfile& profile, const Layout& layout) {
  if (layout.whole()) return {whole_gpu(profile)};
  check_layout(profile, layout);
  std::vector<Partition> parts;
  int domain = 0;
  for (const auto& instance : lattice::sorted(layout.instances)) {
    auto part = gpu_instance(profile, instance, domain++);
    if (instance.compute_instances.empty()) {
      parts.push_back(std::move(part));
    } else {
      append_compute_instances(profile, instance, part, parts);
    }
  }
  return parts;
}

std::shared_ptr<const CutGpu> cut_gpu(std::shared_ptr<const GpuProfile> profile, Layout layout) {
  auto parts = partitions(*profile, layout);
  return std::make_shared<const CutGpu>(CutGpu{std::move(profile), std::move(layout), std::move(parts)});
}

}  // namespace gpushare
