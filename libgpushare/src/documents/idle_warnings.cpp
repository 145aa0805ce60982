#include "documents/idle_warnings.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "core/text.hpp"
#include "gpushare/control.hpp"
#include "gpushare/fits.hpp"

namespace gpushare::scenario {
namespace {

// ---- Services and pipelines

void add_unvisited(const Workload& workload, std::vector<Warning>& found) {
  std::set<int> pipelines, services;
  for (const Traffic& traffic : workload.traffic) {
    pipelines.insert(traffic.pipeline);
    for (const Stage& stage : workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages)
      services.insert(stage.service);
  }
  for (std::size_t i = 0; i < workload.pipelines.size(); ++i)
    if (!pipelines.contains(static_cast<int>(i)))
      found.push_back(
          {"/pipelines/" + workload.pipelines[i].name, "no traffic goes through it: it changes nothing"});
  for (std::size_t i = 0; i < workload.services.size(); ++i)
    if (!services.contains(static_cast<int>(i)))
      found.push_back({"/services/" + workload.services[i].name,
                       "no traffic visits it: it holds memory and what it is placed on, and does nothing"});
}

// ---- Instances

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 7;
  if (names.size() <= kShown) return text::join(names, ", ");
  return text::join(std::span(names).first(kShown), ", ") +
         text::format(" and {} more", names.size() - kShown);
}

// An instance that could be cut beside those of the layout; empty: none.
std::string addable(const GpuPlacement& gpu) {
  const std::vector<MigProfile>& kinds = gpu.profile().mig;
  std::set<int> taken;
  int compute = 0, most = 0;
  for (const MigProfile& kind : kinds) most = std::max(most, kind.compute_slices);
  for (const Instance& instance : gpu.layout().instances) {
    const MigProfile& kind = kinds[static_cast<std::size_t>(instance.profile)];
    compute += kind.compute_slices;
    for (int slot = 0; slot < kind.memory_slices; ++slot) taken.insert(instance.start + slot);
  }
  for (const MigProfile& kind : kinds) {  // the largest first
    if (kind.double_memory || kind.media_extension || compute + kind.compute_slices > most) continue;
    for (const int start : kind.starts)
      if (taken.lower_bound(start) == taken.lower_bound(start + kind.memory_slices)) return kind.name;
  }
  return "";
}

// Whether it is a node of a pool, on which replicas may yet sit down.
bool may_fill(const Scenario& scenario, const GpuPlacement& gpu) {
  return scenario.placement.nodes[static_cast<std::size_t>(gpu.node)].pool >= 0;
}

// Instances in which nothing runs, and slices that no instance has although one could.
void add_empty(const Scenario& scenario, std::vector<Warning>& found) {
  for (std::size_t i = 0; i < scenario.placement.gpus.size(); ++i) {
    const GpuPlacement& gpu = scenario.placement.gpus[i];
    const std::string where = text::format("gpu{}", i);
    std::vector<std::string> empty;
    int sms = 0, used = 0;
    for (std::size_t p = 0; p < gpu.parts().size(); ++p) {
      const Partition& part = gpu.parts()[p];
      const bool is_empty = gpu.partitions[p].processes.empty();
      if (is_empty) empty.push_back(part.name);
      (is_empty ? sms : used) += part.sms;
    }
    if (empty.size() == gpu.parts().size()) {
      if (may_fill(scenario, gpu)) continue;
      found.push_back({where, text::format("nothing is placed on this {}", gpu.profile().name)});
      continue;
    }
    if (!empty.empty())
      found.push_back(
          {where,
           text::format(
               "{} of {} instances are empty ({}): {} of its {} SMs serve nobody; more replicas, another "
               "layout or a smaller GPU would use them",
               empty.size(), gpu.parts().size(), list_of(empty), sms, gpu.profile().sms)});
    const std::string more = gpu.layout().whole() ? "" : addable(gpu);
    if (!more.empty())
      found.push_back(
          {where, text::format(
                      "the layout leaves room for a further {}: its instances have {} of {} SMs, and what is "
                      "not cut serves nobody",
                      more, used + sms, gpu.profile().sms)});
  }
}

// ---- Pools of nodes

// GPUs that are on all along and more than there can be replicas, each of which has one.
void add_idle_nodes(const NodePool& pool, int replicas, std::vector<Warning>& found) {
  const int gpus = pool.min * pool.gpus_per_node;
  if (gpus <= replicas) return;
  found.push_back(
      {text::format("/control/pools/{}/nodes", pool.name),
       text::format("{} GPU{} at least, for {} replica{} at most: {} of them {} paid for and serve{} "
                    "nobody",
                    gpus, gpus == 1 ? "" : "s", replicas, replicas == 1 ? "" : "s", gpus - replicas,
                    gpus - replicas == 1 ? "is" : "are", gpus - replicas == 1 ? "s" : "")});
}

void add_replicas(const ReplicaControl& replicas, const NodePool& pool, const std::string& at,
                  std::vector<Warning>& found) {
  const int seats = seats_of_node(pool) * pool.max;
  if (replicas.max > seats)
    found.push_back({at + "/replicas/max",
                     text::format("{} replicas, and pool \"{}\" has {} seat{} on its {} node{} at most: the "
                                  "others never start",
                                  replicas.max, pool.name, seats, seats == 1 ? "" : "s", pool.max,
                                  pool.max == 1 ? "" : "s")});
  if (replicas.max == 0)
    found.push_back({at + "/replicas", "0 from beginning to end: nobody serves what comes to it"});
  const bool grows_by_busy = replicas.autoscaling && replicas.autoscaling->metric == LoadMetric::busy;
  if (grows_by_busy && replicas.min == 0 && replicas.schedule.empty())
    found.push_back({at + "/replicas/min",
                     "0, and without a replica nothing is ever \"busy\": none comes back. Give 1 or more, or "
                     "the metric \"in-system\" or \"rate\""});
}

// Pools that nobody uses, nodes that stay empty, and replicas that no node would ever have room for.
void add_pools(const Scenario& scenario, std::vector<Warning>& found) {
  const Control& control = *scenario.control;
  for (std::size_t p = 0; p < control.pools.size(); ++p) {
    const NodePool& pool = control.pools[p];
    bool used = false;
    int most = 0;
    for (const ReplicaControl& replicas : control.services) {
      if (static_cast<std::size_t>(replicas.pool) != p) continue;
      used = true;
      most += replicas.max;
      const std::string& name = scenario.workload.services[static_cast<std::size_t>(replicas.service)].name;
      add_replicas(replicas, pool, "/control/services/" + name, found);
    }
    if (used)
      add_idle_nodes(pool, most, found);
    else
      found.push_back({"/control/pools/" + pool.name,
                       "no service is in this pool; its nodes are paid for and serve nobody"});
  }
}

// ---- What comes after the end

void add_too_late(double at_s, double end_s, const std::string& where, std::vector<Warning>& found) {
  if (end_s > 0 && at_s >= end_s)
    found.push_back({where, text::format("the run ends at {} s: this never happens", end_s)});
}

void add_never(const Scenario& scenario, std::vector<Warning>& found) {
  const double end_s = scenario.workload.duration_s;
  for (const ReplicaControl& replicas : scenario.control->services) {
    const std::string at =
        "/control/services/" + scenario.workload.services[static_cast<std::size_t>(replicas.service)].name;
    for (std::size_t i = 0; i < replicas.schedule.size(); ++i)
      add_too_late(replicas.schedule[i].at_s, end_s, text::format("{}/schedule/{}/at_s", at, i), found);
    if (replicas.autoscaling)
      add_too_late(replicas.autoscaling->every_s, end_s, at + "/autoscaling/every_s", found);
  }
  for (const NodePool& pool : scenario.control->pools)
    if (pool.reshaping && !pool.reshaping->by_load && pool.reshaping->from_s < pool.reshaping->until_s)
      add_too_late(pool.reshaping->from_s, end_s, "/control/pools/" + pool.name + "/reshape/from_s", found);
}

// ---- Shapes that hold nobody

bool holds_one(const GpuShape& shape, const ReplicaControl& replicas, const Workload& workload) {
  const Service& service = workload.services[static_cast<std::size_t>(replicas.service)];
  for (std::size_t part = 0; part < shape.cut->partitions.size(); ++part) {
    const Partition& partition = shape.cut->partitions[part];
    if (!holds(partition, replicas)) continue;
    Placement alone;
    alone.gpus = {empty_gpu(shape.cut)};
    alone.gpus[0].partitions[part].sharing = shape.sharing;
    alone.gpus[0].partitions[part].processes.push_back(seated(shape, partition, service, replicas.service));
    if (fits(workload, alone).ok()) return true;
  }
  return false;
}

void add_too_small(const Scenario& scenario, std::vector<Warning>& found) {
  const Control& control = *scenario.control;
  for (std::size_t p = 0; p < control.pools.size(); ++p) {
    const NodePool& pool = control.pools[p];
    if (!pool.reshaping) continue;
    std::vector<std::string> names;
    bool held = false;
    for (const ReplicaControl& replicas : control.services) {
      if (static_cast<std::size_t>(replicas.pool) != p) continue;
      names.push_back(scenario.workload.services[static_cast<std::size_t>(replicas.service)].name);
      held = held || holds_one(pool.reshaping->shape, replicas, scenario.workload);
    }
    if (!held && !names.empty())
      found.push_back({"/control/pools/" + pool.name + "/reshape",
                       text::format("no partition of this shape holds {}: a GPU that has it serves nobody",
                                    text::join(names, " or "))});
  }
}

// ---- Prices that no one would pay

std::optional<double> on_demand(const NodePool& pool, const Prices& prices) {
  if (pool.price_per_gpu_hour) return pool.price_per_gpu_hour;
  if (prices.by_gpu.empty()) return prices.any_gpu > 0 ? std::optional(prices.any_gpu) : std::nullopt;
  const auto price = prices.by_gpu.find(pool.shape.cut->profile->name);
  return price == prices.by_gpu.end() ? std::nullopt : std::optional(price->second);
}

void add_dear(const Scenario& scenario, std::vector<Warning>& found) {
  for (const NodePool& pool : scenario.control->pools) {
    const auto usual = on_demand(pool, scenario.workload.prices);
    const auto add = [&](double price, const char* kind) {
      if (usual && price > *usual)
        found.push_back({text::format("/control/pools/{}/{}/price_per_gpu_hour", pool.name, kind),
                         text::format("{} is more than the {} of a GPU on demand", price, *usual)});
    };
    if (pool.spot) add(pool.spot->price_per_gpu_hour, "spot");
    if (pool.reserved) add(pool.reserved->price_per_gpu_hour, "reserved");
  }
}

}  // namespace

std::vector<Warning> idle_warnings(const Scenario& scenario) {
  std::vector<Warning> found;
  add_empty(scenario, found);
  add_unvisited(scenario.workload, found);
  if (!scenario.control) return found;
  add_pools(scenario, found);
  add_never(scenario, found);
  add_too_small(scenario, found);
  add_dear(scenario, found);
  return found;
}

}  // namespace gpushare::scenario
