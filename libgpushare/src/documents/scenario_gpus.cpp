
#include <algorithm>

#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"

namespace gpushare::scenario {
namespace {

constexpr std::size_t kMostGpus = 10'000;

GpuPlacement read_gpu(const Reader& reader, int node, const std::shared_ptr<const GpuProfile>& otherwise,
                      const Names& services) {
  const bool named = otherwise == nullptr || reader.has("profile");
  const auto profile = named ? named_profile(reader.at("profile")) : otherwise;
  GpuPlacement gpu = empty_gpu(cut_gpu(profile, read_layout(reader, *profile)), node);
  const auto& parts = gpu.parts();
  const Reader list = reader.at("partitions");
  if (!list.is_array()) list.fail("expected an array of partitions");
  if (list.size() != parts.size()) {
    Names names;
    for (const Partition& part : parts) names.push_back(part.name);
    list.fail(text::format("the layout has {} partition{} ({}), found {} entries", parts.size(),
                           parts.size() == 1 ? "" : "s", text::join(names, ", "), list.size()));
  }
  for (std::size_t i = 0; i < parts.size(); ++i)
    gpu.partitions[i] = read_partition(list.at(i), parts[i].name, services);
  reader.finish();
  return gpu;
}

void add_gpus(const Reader& gpus, int node, const std::shared_ptr<const GpuProfile>& otherwise,
              const Names& services, Placement& placement) {
  if (!gpus.is_array()) gpus.fail("expected an array of GPUs");
  if (gpus.size() == 0)
    gpus.fail(text::format("a {} needs at least one GPU", node < 0 ? "placement" : "node"));
  if (placement.gpus.size() + gpus.size() > kMostGpus)
    gpus.fail(text::format("at most {} GPUs, found {}", kMostGpus, placement.gpus.size() + gpus.size()));
  for (std::size_t i = 0; i < gpus.size(); ++i)
    placement.gpus.push_back(read_gpu(gpus.at(i), std::max(0, node), otherwise, services));
}

InterconnectConstants read_link(const Reader& reader) {
  InterconnectConstants link{reader.at("latency_s").number(json::kSpanAboveNone),
                             reader.at("bandwidth_bytes_per_s").number(json::kPositive)};
  if (const auto one_shot = reader.find("one_shot_latency_s"))
    link.one_shot_latency_s = one_shot->number(json::kSpanAboveNone);
  reader.finish();
  return link;
}

Node read_node(const Reader& reader, const Placement& before) {
  Node node;
  if (const auto name = reader.find("name")) {
    node.name = name->string();
    if (node.name.empty()) name->fail("a node's name must not be empty");
  }
  if (const auto host = reader.find("host")) node.host_cores = read_cores(*host);
  if (const auto link = reader.find("interconnect")) node.link = read_link(*link);
  for (int i = 0; i < static_cast<int>(before.nodes.size()); ++i)
    if (!node.name.empty() && node_name(before, i) == node.name)
      reader.fail(text::format("two nodes are called \"{}\"; give each a \"name\" of its own", node.name));
  return node;
}

}  // namespace

Layout read_layout(const Reader& owner, const GpuProfile& profile) {
  const auto layout = owner.find("layout");
  if (!layout) return {};
  try {
    return parse_layout(profile, layout->string());
  } catch (const LayoutError& error) {
    throw LayoutError(layout->where(), error.what());
  }
}

int read_cores(const Reader& host) {
  const auto cores = static_cast<int>(host.at("cores").integer(1, 100'000));
  host.finish();
  return cores;
}

Placement read_gpus(const Reader& gpus, const Node& node, const std::shared_ptr<const GpuProfile>& otherwise,
                    const Names& services) {
  Placement placement{{node}, {}};
  add_gpus(gpus, -1, otherwise, services, placement);
  return placement;
}

Placement read_nodes(const Reader& nodes, const std::shared_ptr<const GpuProfile>& otherwise,
                     const Names& services) {
  if (!nodes.is_array()) nodes.fail("expected an array of nodes");
  if (nodes.size() == 0) nodes.fail("a placement needs at least one node");
  Placement placement{{}, {}};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Reader reader = nodes.at(i);
    placement.nodes.push_back(read_node(reader, placement));
    add_gpus(reader.at("gpus"), static_cast<int>(i), otherwise, services, placement);
    reader.finish();
  }
  return placement;
}

}  // namespace gpushare::scenario
