
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
  try {
    static_cast<void>(price_per_hour(scenario.workload.prices, scenario.placement));
  } catch (const ScenarioError& error) {
    document.at("price_per_gpu_hour").fail(error.what());
  }
}

Placement read_mode_placement(const Reader& placement, const std::optional<WrittenMode>& written,
                              const Scenario& scenario) {
  const Reader mode = placement.at("mode");
  const auto chosen = written ? written : read_mode(mode.string(), mode.where());
  if (!chosen) mode.fail(text::format("unknown mode \"{}\". Modes: {}", mode.string(), mode_grammar()));
  return place(on_gpu(*chosen, *scenario.placing.gpu), scenario.workload, scenario.placing, mode.where());
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
  if (gpus) {
    scenario.placement = read_gpus(*gpus, scenario.placing.node, scenario.placing.gpu, names);
  } else if (nodes) {
    scenario.placement = read_nodes(*nodes, scenario.placing.gpu, names);
  } else {
    scenario.placement = read_mode_placement(placement, written, scenario);
  }
  static_cast<void>(replicas_of(scenario.workload.services, scenario.placement, placement.where()));
  if (const auto nowhere = unplaced(scenario.workload, scenario.placement)) placement.fail(nowhere->what);
  if (gpus || nodes) settle_replicas(placement, document.at("services"), scenario);
  placement.finish();
  for (const Service& service : scenario.workload.services)
    scenario.baseline_gpus += service.replicas * service.tensor_parallel;
  check_rates(document.at("services"), scenario);
  check_prices(document, scenario);
}

}  // namespace gpushare::scenario
