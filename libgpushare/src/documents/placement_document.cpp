
#include <algorithm>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "placement/placement_checks.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace scenario {
namespace {

using nlohmann::ordered_json;

ordered_json sharing_json(const Sharing& sharing) {
  ordered_json json{{"mode", to_string(sharing.mode)}};
  const auto put = [&](const char* key, double seconds) {
    if (traits_of(sharing.mode).has_slices && seconds >= 0) json[key] = seconds;
  };
  if (sharing.policy == SlicePolicy::round_robin) put("slice_s", sharing.slice_s);
  put("switch_preempted_s", sharing.switch_preempted_s);
  put("switch_idle_s", sharing.switch_idle_s);
  if (sharing.policy == SlicePolicy::round_robin) return json.size() > 1 ? json : json["mode"];
  json["policy"] = to_string(sharing.policy);
  put("lease_s", sharing.lease_s);
  if (sharing.policy == SlicePolicy::strict) put("plan_s", sharing.plan_s);
  return json;
}

ordered_json process_json(const ProcessPlacement& process, SlicePolicy policy, const Names& services) {
  ordered_json json{{"service", services[static_cast<std::size_t>(process.service)]}};
  if (process.active_thread_percentage < 100)
    json["active_thread_percentage"] = process.active_thread_percentage;
  if (process.memory_limit_bytes > 0) json["memory_limit_bytes"] = process.memory_limit_bytes;
  if (policy == SlicePolicy::fair) json["weight"] = process.share;
  if (policy == SlicePolicy::strict) json["gpu_fraction"] = process.share;
  return json.size() > 1 ? json : json["service"];
}

ordered_json gpu_json(const GpuPlacement& gpu, const Names& services) {
  if (gpu.profile().origin.empty())
    throw ProfileError(
        {}, text::format("the profile {} was not loaded by a name or path, which a document could give",
                         gpu.profile().name));
  ordered_json json{{"profile", gpu.profile().origin}};
  if (!gpu.layout().whole()) json["layout"] = format_layout(gpu.profile(), gpu.layout());
  for (const PartitionPlacement& partition : gpu.partitions) {
    ordered_json part = ordered_json::object();
    if (partition.sharing.mode != Sharing{}.mode) part["sharing"] = sharing_json(partition.sharing);
    part["processes"] = ordered_json::array();
    for (const ProcessPlacement& process : partition.processes)
      part["processes"].push_back(process_json(process, partition.sharing.policy, services));
    json["partitions"].push_back(std::move(part));
  }
  return json;
}

ordered_json node_json(const Node& node) {
  ordered_json json = ordered_json::object();
  if (!node.name.empty()) json["name"] = node.name;
  if (node.host_cores > 0) json["host"] = {{"cores", node.host_cores}};
  if (node.link) {
    json["interconnect"] = {{"latency_s", node.link->latency_s},
                            {"bandwidth_bytes_per_s", node.link->bandwidth_bytes_per_s}};
    if (node.link->one_shot_latency_s > 0)
      json["interconnect"]["one_shot_latency_s"] = node.link->one_shot_latency_s;
  }
  json["gpus"] = ordered_json::array();
  return json;
}

ordered_json nodes_json(const Placement& placement, const Names& services) {
  ordered_json nodes = ordered_json::array();
  for (const Node& node : placement.nodes) nodes.push_back(node_json(node));
  for (const GpuPlacement& gpu : placement.gpus)
    nodes[static_cast<std::size_t>(gpu.node)]["gpus"].push_back(gpu_json(gpu, services));
  return nodes;
}

// Services whose replicas a document must spell out, since a placement that it listed did not: as many as that had.
void spell_replicas(const Workload& workload, ordered_json& document) {
  for (const Service& service : workload.services) {
    auto& json = document.at("services").at(service.name);
    if (!json.contains("replicas") && service.replicas != kDefaultReplicas)
      json["replicas"] = service.replicas;
  }
}

// As a document has it whose host is the placement's, or in nodes with hosts of their own.
ordered_json listing_in(ordered_json& document, const Workload& workload, const Placement& placement) {
  ordered_json nodes = nodes_json(placement, names_of(workload.services));
  ordered_json listing = ordered_json::object();
  const ordered_json only = nodes.size() == 1 ? nodes[0] : ordered_json();
  const auto host = [](const ordered_json& json) {
    const auto found = json.find("host");
    return found == json.end() ? ordered_json() : *found;
  };
  if (nodes.size() == 1 && !only.contains("name") && !only.contains("interconnect") &&
      host(only) == host(document)) {
    listing["gpus"] = only.at("gpus");
  } else {
    document.erase("host");
    listing["nodes"] = std::move(nodes);
  }
  const auto counts = placed_replicas(workload, placement);
  const bool differ =
      !std::equal(counts.begin(), counts.end(), workload.services.begin(),
                  [](int count, const Service& service) { return count == service.replicas; });
  if (differ) listing["other_replicas"] = true;
  return listing;
}

void check_faults(const Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i)
    if (const auto objection = objection_to(scenario.faults[i], scenario))
      throw ScenarioError(text::format("faults/{}", i), *objection);
}

}  // namespace
}  // namespace scenario

std::string placement_document(const Placement& placement, const std::vector<std::string>& services) {
  scenario::check_nodes(placement);
  return nlohmann::ordered_json{{"nodes", scenario::nodes_json(placement, services)}}.dump(2);
}

Placement parse_placement(std::string_view json, const std::vector<std::string>& services,
                          const std::string& source) {
  auto document = nlohmann::ordered_json::parse(json::parse(json, source, scenario::fail).dump());
  scenario::make_paths_absolute(document, {});
  const nlohmann::json plain = document;
  const json::Reader reader(plain, source, scenario::fail);
  const auto gpus = reader.find("gpus");
  if (gpus && reader.has("nodes")) reader.fail("\"gpus\" and \"nodes\" exclude each other");
  Placement placement = gpus ? scenario::read_gpus(*gpus, {}, nullptr, services)
                             : scenario::read_nodes(reader.at("nodes"), nullptr, services);
  reader.finish();
  return placement;
}

Scenario with_placement(const Scenario& scenario, Placement placement, const std::string& label) {
  check_placement(scenario.workload, placement);
  Scenario changed = scenario;
  changed.mode = label;
  changed.control.reset();
  changed.placement = std::move(placement);
  scenario::check_faults(changed);
  scenario::check_objectives(changed);
  if (!scenario.original) return changed;
  auto content = *scenario.original->content_;
  scenario::spell_replicas(scenario.workload, content.applied.json);
  const auto listing = scenario::listing_in(content.applied.json, scenario.workload, changed.placement);
  content.applied = scenario::apply_placement(*content.given, content.applied, listing, label);
  changed.document = content.applied.json.dump(2);
  changed.original = ScenarioDocument(std::make_shared<const ScenarioDocument::Content>(std::move(content)));
  return changed;
}

}  // namespace gpushare
