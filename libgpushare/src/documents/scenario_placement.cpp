
#include <algorithm>

#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "placement/placement_checks.hpp"
#include "placement/placement_mode.hpp"
#include "placement/tensor_parallel.hpp"

namespace gpushare::scenario {
namespace {

std::vector<int> read_consolidate(const Reader& placement, const Names& services) {
  std::vector<int> indices;
  const auto list = placement.find("consolidate");
  if (!list) return indices;
  if (!list->is_array() || list->size() == 0) list->fail("expected an array of service names, not empty");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const int index = index_of(list->at(i), "service", services);
    if (std::find(indices.begin(), indices.end(), index) != indices.end())
      list->at(i).fail("the service is there twice; use its \"replicas\" for more processes");
    indices.push_back(index);
  }
  return indices;
}

// A placement is a mode, GPUs of the document's host, or nodes with hosts of their own.
void check_ways(const Reader& placement, bool host) {
  Names ways;
  for (const char* key : {"mode", "gpus", "nodes"})
    if (placement.has(key)) ways.push_back(text::format("\"{}\"", key));
  if (ways.size() > 1) placement.fail(text::join(ways, " and ") + " exclude each other");
  if (host && placement.has("nodes"))
    placement.at("nodes").fail(
        "nodes have a \"host\" each, and the document has one for all; remove that (a mode sets it to null)");
}

// Where GPUs are listed, services have the replicas that they say: without a word of it, those that are listed.
void settle_replicas(const Reader& placement, const Reader& services, Scenario& scenario) {
  const bool differ = placement.boolean("other_replicas", false);
  const auto counts = placed_replicas(scenario.workload, scenario.placement);
  for (std::size_t i = 0; !differ && i < counts.size(); ++i) {
    Service& service = scenario.workload.services[i];
    const auto replicas = services.at(service.name).find("replicas");
    if (replicas && counts[i] != service.replicas)
      replicas->fail(text::format("{} replicas, but the placement has {} of its processes", service.replicas,
                                  counts[i] * service.tensor_parallel));
    service.replicas = counts[i];
  }
}

// Every GPU that a service is placed on must have a rate for what it computes in.
void check_rates(const Reader& services, const Scenario& scenario) {
  if (const auto objection = without_rate(scenario.workload, scenario.placement))
    services.at(scenario.workload.services[static_cast<std::size_t>(objection->service)].name)
        .fail(objection->what);
}

// Every kind of GPU that something is placed on must have a price when some do.
void check_prices(const Reader& document, const Scenario& scenario) {
  const Prices& prices = scenario.workload.prices;
  try {
    for (const GpuPlacement& gpu : scenario.placement.gpus) {
      const int pool = scenario.placement.nodes[static_cast<std::size_t>(gpu.node)].pool;
      if (pool >= 0)
        static_cast<void>(price_of(prices, scenario.control->pools[static_cast<std::size_t>(pool)]));
      else if (is_used(gpu))
        static_cast<void>(price_of(prices, gpu.profile()));
    }
  } catch (const ScenarioError& error) {
    document.at("price_per_gpu_hour").fail(error.what());
  }
}

Placement read_mode_placement(const Reader& placement, const std::optional<WrittenMode>& written,
                              const Scenario& scenario) {
  const Reader mode = placement.at("mode");
  const auto chosen = written ? written : read_mode(mode.string(), mode.where());
  if (!chosen) {
    const std::string hint = mode_hint(mode.string());
    mode.fail(text::format("unknown mode \"{}\"{} Modes: {}", mode.string(),
                           hint.ends_with('?') ? hint : hint + ".", mode_grammar()));
  }
  return place(on_gpu(*chosen, *scenario.placing.gpu), scenario.workload, scenario.placing, mode.where());
}

// Services that control places are placed by nothing else, and have the replicas that it says.
void leave_to_control(const Reader& document, Scenario& scenario) {
  for (const ReplicaControl& replicas : scenario.control->services) {
    Service& service = scenario.workload.services[static_cast<std::size_t>(replicas.service)];
    if (const auto said = document.at("services").at(service.name).find("replicas"))
      said->fail(text::format("\"control\" says how many replicas {} has; leave this out", service.name));
    service.replicas = 0;
  }
}

// The other services as a mode places them.
Placement place_others(const Reader& placement, const std::optional<WrittenMode>& written,
                       const Scenario& scenario) {
  Scenario others = scenario;
  std::vector<int>& sharing = others.placing.consolidate;
  for (int s = 0; sharing.empty() && s < static_cast<int>(scenario.workload.services.size()); ++s)
    if (scenario.control->of(s) == nullptr) sharing.push_back(s);
  return read_mode_placement(placement, written, others);
}

// A mode has nothing to place, and would seem to.
void check_no_mode(const Reader& placement, const std::optional<WrittenMode>& written,
                   const Scenario& scenario) {
  const Reader mode = placement.at("mode");
  const auto chosen = written ? written : read_mode(mode.string(), mode.where());
  if (chosen && chosen->mode.kind == PlacementMode::Kind::dedicated) return;
  placement.fail(text::format(
      "\"control\" places every service, in the \"layout\" and \"sharing\" of its pools: mode \"{}\" has "
      "nothing to "
      "place. {}",
      scenario.mode,
      scenario.modes.empty() ? "Set \"control\" to null for it"
                             : text::format("This document's modes: {}", text::join(scenario.modes, ", "))));
}

// What is under control begins after what is placed.
void add_pools(const Reader& placement, Scenario& scenario) {
  const auto counts = placed_replicas(scenario.workload, scenario.placement);
  for (const ReplicaControl& replicas : scenario.control->services) {
    Service& service = scenario.workload.services[static_cast<std::size_t>(replicas.service)];
    if (counts[static_cast<std::size_t>(replicas.service)] > 0)
      placement.fail(text::format("{} is placed by \"control\"; leave it out here", service.name));
    service.replicas = replicas.start;
  }
  place_pools(*scenario.control, scenario.workload, scenario.placement);
}

}  // namespace

void read_placement(const Reader& document, const std::optional<WrittenMode>& written, Scenario& scenario) {
  const Reader placement = document.at("placement");
  const Names names = names_of(scenario.workload.services);
  for (const char* key : {"label", "undo"}) placement.ignore(key);
  scenario.placing.consolidate = read_consolidate(placement, names);
  check_ways(placement, document.has("host"));
  const auto gpus = placement.find("gpus");
  const auto nodes = placement.find("nodes");
  const bool controlled = scenario.control.has_value();
  const bool all_controlled =
      controlled && scenario.control->services.size() == scenario.workload.services.size();
  if (controlled) leave_to_control(document, scenario);
  if (all_controlled && (gpus || nodes))
    placement.fail("\"control\" places every service; leave the list of GPUs out");
  if (gpus) {
    scenario.placement = read_gpus(*gpus, scenario.placing.node, scenario.placing.gpu, names);
  } else if (nodes) {
    scenario.placement = read_nodes(*nodes, scenario.placing.gpu, names);
  } else if (all_controlled) {
    check_no_mode(placement, written, scenario);
    if (written && !placement.has("label")) scenario.mode = "control";
    scenario.placement = {{}, {}};
  } else if (controlled) {
    scenario.placement = place_others(placement, written, scenario);
  } else {
    scenario.placement = read_mode_placement(placement, written, scenario);
  }
  if (controlled) add_pools(placement, scenario);
  static_cast<void>(replicas_of(scenario.workload.services, scenario.placement, placement.where()));
  if (const auto nowhere = unplaced(scenario.workload, scenario.placement)) placement.fail(nowhere->what);
  if ((gpus || nodes) && !controlled) settle_replicas(placement, document.at("services"), scenario);
  placement.finish();
  for (const Service& service : scenario.workload.services)
    if (!controlled) scenario.baseline_gpus += service.replicas * service.tensor_parallel;
  check_rates(document.at("services"), scenario);
  check_prices(document, scenario);
}

}  // namespace gpushare::scenario
