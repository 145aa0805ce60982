
#include <algorithm>

#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"

namespace gpushare::scenario {
namespace {

constexpr std::size_t kMostGpus = 10'000;
constexpr std::size_t kMostProcesses = 1000;

Sharing read_sharing(const Reader& reader) {
  Sharing sharing;
  const Reader mode = reader.is_object() ? reader.at("mode") : reader;
  sharing.mode = static_cast<SharingMode>(mode.choice({"exclusive", "time-slicing", "mps"}));
  if (!reader.is_object()) return sharing;
  if (sharing.mode == SharingMode::time_slicing) {
    sharing.slice_s = reader.number("slice_s", sharing.slice_s, json::kNonNegative);
    sharing.switch_preempted_s =
        reader.number("switch_preempted_s", sharing.switch_preempted_s, json::kNonNegative);
    sharing.switch_idle_s = reader.number("switch_idle_s", sharing.switch_idle_s, json::kNonNegative);
  }
  reader.finish();
  return sharing;
}

ProcessPlacement read_process(const Reader& reader, SharingMode mode, const Names& services) {
  ProcessPlacement process;
  if (!reader.is_object()) {
    process.service = index_of(reader, "service", services);
    return process;
  }
  process.service = index_of(reader.at("service"), "service", services);
  for (const char* key : {"active_thread_percentage", "memory_limit_bytes"}) {
    const auto value = reader.find(key);
    if (value && mode != SharingMode::mps) value->fail("only processes that share by mps have it");
  }
  process.active_thread_percentage = reader.number("active_thread_percentage", 100, {0, 100, true});
  process.memory_limit_bytes = reader.number("memory_limit_bytes", 0, json::kPositive);
  reader.finish();
  return process;
}

PartitionPlacement read_partition(const Reader& reader, const std::string& name, const Names& services) {
  PartitionPlacement partition;
  if (const auto sharing = reader.find("sharing")) partition.sharing = read_sharing(*sharing);
  if (const auto processes = reader.find("processes")) {
    if (!processes->is_array()) processes->fail("expected an array of service names");
    if (processes->size() > kMostProcesses)
      processes->fail(text::format("at most {} processes, found {}", kMostProcesses, processes->size()));
    for (std::size_t i = 0; i < processes->size(); ++i)
      partition.processes.push_back(read_process(processes->at(i), partition.sharing.mode, services));
    if (partition.sharing.mode == SharingMode::exclusive && partition.processes.size() > 1)
      processes->fail(
          text::format("partition {} is exclusive but has {} processes; choose \"time-slicing\" or \"mps\"",
                       name, partition.processes.size()));
  }
  reader.finish();
  return partition;
}

Layout read_layout(const Reader& gpu, const GpuProfile& profile) {
  const auto layout = gpu.find("layout");
  if (!layout) return {};
  try {
    return parse_layout(profile, layout->string());
  } catch (const LayoutError& error) {
    throw LayoutError(layout->where(), error.what());
  }
}

GpuPlacement read_gpu(const Reader& reader, const std::shared_ptr<const GpuProfile>& otherwise,
                      const Names& services) {
  GpuPlacement gpu;
  const auto profile = reader.find("profile");
  gpu.profile = profile ? named_profile(*profile) : otherwise;
  gpu.layout = read_layout(reader, *gpu.profile);
  const auto parts = partitions(*gpu.profile, gpu.layout);
  const Reader list = reader.at("partitions");
  if (!list.is_array()) list.fail("expected an array of partitions");
  if (list.size() != parts.size()) {
    Names names;
    for (const Partition& part : parts) names.push_back(part.name);
    list.fail(text::format("the layout has {} partition{} ({}), found {} entries", parts.size(),
                           parts.size() == 1 ? "" : "s", text::join(names, ", "), list.size()));
  }
  for (std::size_t i = 0; i < parts.size(); ++i)
    gpu.partitions.push_back(read_partition(list.at(i), parts[i].name, services));
  reader.finish();
  return gpu;
}

}  // namespace

std::vector<GpuPlacement> read_gpus(const Reader& gpus, const std::shared_ptr<const GpuProfile>& otherwise,
                                    const std::vector<Service>& services) {
  if (!gpus.is_array()) gpus.fail("expected an array of GPUs");
  if (gpus.size() == 0) gpus.fail("a placement needs at least one GPU");
  if (gpus.size() > kMostGpus) gpus.fail(text::format("at most {} GPUs, found {}", kMostGpus, gpus.size()));
  std::vector<GpuPlacement> read;
  for (std::size_t i = 0; i < gpus.size(); ++i)
    read.push_back(read_gpu(gpus.at(i), otherwise, names_of(services)));
  return read;
}

}  // namespace gpushare::scenario
