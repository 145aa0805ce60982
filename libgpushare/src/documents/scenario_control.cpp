#include <algorithm>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/control.hpp"
#include "hardware/profile_reader.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare::scenario {
namespace {

constexpr int kMostNodes = 10'000;
constexpr int kMostReplicasUnderControl = 10'000;
constexpr int kMostSeats = 1000;

struct Bounds {
  int start = 1, min = 1, max = 1;
};

// A number that stays, or {"min", "max"} and where it starts: at "min" unless it says so, and at `least` or more.
Bounds read_bounds(const Reader& reader, int least, int most) {
  Bounds bounds;
  if (reader.is_number()) {
    bounds.start = bounds.min = bounds.max = static_cast<int>(reader.integer(least, most));
    return bounds;
  }
  bounds.min = static_cast<int>(reader.integer("min", 1, 0, most));
  bounds.max = static_cast<int>(reader.at("max").integer(std::max(1, bounds.min), most));
  bounds.start = static_cast<int>(
      reader.integer("start", std::max(bounds.min, least), std::max(bounds.min, least), bounds.max));
  return bounds;
}

GpuShape read_shape(const Reader& pool, const std::shared_ptr<const GpuProfile>& profile) {
  GpuShape shape;
  shape.cut = cut_gpu(profile, read_layout(pool, *profile));
  if (const auto sharing = pool.find("sharing")) shape.sharing = read_sharing(*sharing);
  const SharingTraits& traits = traits_of(shape.sharing.mode);
  if (const auto seats = pool.find("seats")) {
    shape.seats = static_cast<int>(seats->integer(1, kMostSeats));
    if (traits.one_process && shape.seats > 1)
      seats->fail(text::format("a partition that is {} has one seat; choose a \"sharing\": {}",
                               to_string(shape.sharing.mode), shared_mode_choices()));
  } else if (!traits.one_process) {
    pool.fail(text::format("with \"sharing\": \"{}\" say how many \"seats\" each partition has for processes",
                           to_string(shape.sharing.mode)));
  }
  if (const auto cap = pool.find("active_thread_percentage")) {
    if (!traits.has_limits)
      cap->fail(text::format("only processes that share by {} have it", modes_with_limits()));
    shape.active_thread_percentage = cap->number({0, 100, true});
  }
  return shape;
}

LoadMetric read_metric(const Reader& reader) {
  const auto& known = load_metrics();
  const std::vector<std::string_view> words(known.begin(), known.end());
  return static_cast<LoadMetric>(reader.choice(words));
}

// The owner's "reshape": another shape by the clock, or by the load of a service.
Reshaping read_reshaping(const Reader& reader, const GpuShape& otherwise, int gpus_at_most,
                         const Scenario& scenario) {
  Reshaping reshaping;
  reshaping.shape = read_shape(reader, otherwise.cut->profile);
  reshaping.gpus = static_cast<int>(reader.integer("gpus", 0, 1, gpus_at_most));
  reshaping.recut_s = reader.number("recut_s", reshaping.recut_s, json::kSpan);
  reshaping.mode_change_s = reader.number("mode_change_s", reshaping.mode_change_s, json::kSpan);
  reshaping.by_load = reader.has("service");
  if (reshaping.by_load) {
    reshaping.service = index_of(reader.at("service"), "service", names_of(scenario.workload.services));
    reshaping.metric = read_metric(reader.at("metric"));
    reshaping.above = reader.at("above").number(json::kPositive);
    reshaping.below = reader.at("below").number(json::kNonNegative);
    if (reshaping.below >= reshaping.above)
      reader.at("below").fail(
          text::format("the shape changes at {} and more, and back at {} and less: less is needed",
                       reshaping.above, reshaping.below));
    reshaping.for_s = reader.number("for_s", 300, json::kSpan);
    reshaping.every_s = reader.number("every_s", reshaping.every_s, json::kSpanAboveNone);
  } else {
    reshaping.from_s = reader.at("from_s").number(json::kSpan);
    reshaping.until_s = reader.at("until_s").number(json::kSpan);
    reshaping.period_s = reader.number("period_s", 0, json::kSpanAboveNone);
    const double last = std::max(reshaping.from_s, reshaping.until_s);
    if (reshaping.period_s > 0 && last > reshaping.period_s)
      reader.at("period_s").fail(text::format("a period of {} s ends before {} s", reshaping.period_s, last));
    if (reshaping.from_s == reshaping.until_s) reader.at("until_s").fail("it begins when it ends");
  }
  reader.finish();
  return reshaping;
}

Spot read_spot(const Reader& reader) {
  Spot spot;
  spot.price_per_gpu_hour = reader.at("price_per_gpu_hour").number(json::kNonNegative);
  spot.mean_s = reader.at("mean_s").number(json::kSpanAboveNone);
  spot.notice_s = reader.number("notice_s", spot.notice_s, json::kSpan);
  reader.finish();
  return spot;
}

void read_prices(const Reader& reader, NodePool& pool) {
  if (const auto price = reader.find("price_per_gpu_hour"))
    pool.price_per_gpu_hour = price->number(json::kNonNegative);
  if (const auto spot = reader.find("spot")) {
    pool.spot = read_spot(*spot);
    if (pool.price_per_gpu_hour)
      spot->fail(
          "all nodes of the pool have the spot price; leave the pool's own \"price_per_gpu_hour\" out");
  }
  if (const auto reserved = reader.find("reserved")) {
    if (pool.spot) reserved->fail("what is reserved is not taken away; a pool with \"spot\" has none");
    pool.reserved = Reservation{static_cast<int>(reserved->at("nodes").integer(1, pool.max)),
                                reserved->at("price_per_gpu_hour").number(json::kNonNegative)};
    reserved->finish();
  }
}

NodePool read_pool(const Reader& reader, const std::string& name, const Scenario& scenario) {
  NodePool pool;
  pool.name = name;
  const auto gpu = reader.find("gpu");
  pool.shape = read_shape(reader, gpu ? named_profile(*gpu) : scenario.placing.gpu);
  pool.gpus_per_node = static_cast<int>(reader.integer("gpus_per_node", 1, 1, 64));
  pool.node = scenario.placing.node;
  if (const auto fill = reader.find("fill")) pool.packs = fill->choice({"spread", "pack"}) == 1;
  if (const auto host = reader.find("host")) pool.node.host_cores = read_cores(*host);
  const Reader own = reader.at("nodes");
  const Bounds nodes = read_bounds(own, 1, kMostNodes);
  pool.start = nodes.start, pool.min = nodes.min, pool.max = nodes.max;
  if (own.is_object()) {
    if (const auto boot = own.find("boot_s")) pool.boot_s = boot->distribution();
    pool.every_s = own.number("every_s", pool.every_s, json::kSpanAboveNone);
    pool.remove_after_s = own.number("remove_after_s", pool.remove_after_s, json::kSpan);
    pool.remove_after_add_s = own.number("remove_after_add_s", pool.remove_after_add_s, json::kSpan);
    pool.needed_from = own.number("needed_from", pool.needed_from, json::kFraction);
    own.finish();
  }
  read_prices(reader, pool);
  if (const auto reshape = reader.find("reshape"))
    pool.reshaping = read_reshaping(*reshape, pool.shape, pool.gpus_per_node * pool.max, scenario);
  reader.finish();
  return pool;
}

ScalingRule read_rule(const Reader& reader, const ScalingRule& otherwise) {
  ScalingRule rule;
  rule.window_s = reader.number("window_s", otherwise.window_s, json::kSpan);
  if (const auto replicas = reader.find("replicas")) rule.replicas = replicas->number(json::kNonNegative);
  if (const auto percent = reader.find("percent")) rule.percent = percent->number(json::kNonNegative);
  if (!rule.replicas && !rule.percent) {
    rule.replicas = otherwise.replicas;
    rule.percent = otherwise.percent;
  }
  rule.period_s = reader.number("period_s", otherwise.period_s, json::kSpanAboveNone);
  reader.finish();
  return rule;
}

Autoscaling read_autoscaling(const Reader& reader) {
  Autoscaling scaling;
  scaling.metric = read_metric(reader.at("metric"));
  scaling.target = reader.at("target").number(json::kPositive);
  if (scaling.metric == LoadMetric::busy && scaling.target >= 1)
    reader.at("target").fail(
        "\"busy\" is the share of a replica's time with a step in hand: below 1, or nothing is ever added");
  scaling.tolerance = reader.number("tolerance", scaling.tolerance, json::kNonNegative);
  scaling.every_s = reader.number("every_s", scaling.every_s, json::kSpan);
  if (scaling.every_s == 0 && scaling.metric != LoadMetric::in_system)
    reader.at("every_s").fail("0, at every request that comes or leaves, needs the metric \"in-system\"");
  if (const auto up = reader.find("up")) scaling.up = read_rule(*up, scaling.up);
  if (const auto down = reader.find("down")) scaling.down = read_rule(*down, scaling.down);
  reader.finish();
  return scaling;
}

void read_schedule(const Reader& list, double period_s, ReplicaControl& control) {
  if (!list.is_array() || list.size() == 0)
    list.fail("expected an array such as [{\"at_s\": 28800, \"replicas\": 4}], not empty");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Reader entry = list.at(i);
    const ScheduledReplicas next{entry.at("at_s").number(json::kSpan),
                                 static_cast<int>(entry.at("replicas").integer(0, control.max))};
    entry.finish();
    if (!control.schedule.empty() && next.at_s <= control.schedule.back().at_s)
      entry.at("at_s").fail(
          text::format("times must ascend; the entry before is at {} s", control.schedule.back().at_s));
    if (period_s > 0 && next.at_s >= period_s)
      entry.at("at_s").fail(text::format("the schedule begins again every {} s", period_s));
    control.schedule.push_back(next);
  }
}

ColdStart read_cold_start(const Reader& reader) {
  ColdStart start;
  start.image_bytes = reader.number("image_bytes", start.image_bytes, json::kNonNegative);
  start.image_bytes_per_s = reader.number("image_bytes_per_s", start.image_bytes_per_s, json::kPositive);
  start.weights_bytes_per_s =
      reader.number("weights_bytes_per_s", start.weights_bytes_per_s, json::kPositive);
  if (const auto engine = reader.find("engine_s")) start.engine_s = engine->distribution();
  if (const auto warm_up = reader.find("warm_up_s")) start.warm_up_s = warm_up->distribution();
  reader.finish();
  return start;
}

ReplicaControl read_replicas(const Reader& reader, int service, const Scenario& scenario,
                             const Names& pools) {
  const Service& served = scenario.workload.services[static_cast<std::size_t>(service)];
  if (served.tensor_parallel > 1)
    reader.fail(text::format("{} has tensor_parallel {}; replicas that come and go have one GPU each",
                             served.name, served.tensor_parallel));
  ReplicaControl control;
  control.service = service;
  control.pool = index_of(reader.at("pool"), "pool", pools);
  control.instance = reader.string("instance", "");
  const Reader bounds = reader.at("replicas");
  const Bounds replicas = read_bounds(bounds, 0, kMostReplicasUnderControl);
  control.start = replicas.start, control.min = replicas.min, control.max = replicas.max;
  if (bounds.is_object()) bounds.finish();
  if (const auto scaling = reader.find("autoscaling")) control.autoscaling = read_autoscaling(*scaling);
  control.schedule_period_s = reader.number("schedule_period_s", 0, json::kSpanAboveNone);
  if (const auto schedule = reader.find("schedule")) {
    read_schedule(*schedule, control.schedule_period_s, control);
  } else if (control.schedule_period_s > 0) {
    reader.at("schedule_period_s").fail("there is no \"schedule\" that could begin again");
  }
  if (control.min < control.max && !control.autoscaling && control.schedule.empty())
    reader.at("replicas")
        .fail("between \"min\" and \"max\" there must be an \"autoscaling\" or a \"schedule\"");
  if (const auto start = reader.find("cold_start")) control.cold_start = read_cold_start(*start);
  control.grace_s = reader.number("grace_s", control.grace_s, json::kSpan);
  control.moves_requests = reader.boolean("moves_requests", control.moves_requests);
  reader.finish();
  return control;
}

// An instance that a replica is to sit on must be there at some time.
void check_instances(const Reader& services, const Control& control, const Scenario& scenario) {
  for (const ReplicaControl& replicas : control.services) {
    if (replicas.instance.empty()) continue;
    const NodePool& pool = control.pools[static_cast<std::size_t>(replicas.pool)];
    Names there;
    const auto add = [&](const GpuShape& shape) {
      for (const Partition& part : shape.cut->partitions) {
        const std::string name = instance_name(part);
        if (std::find(there.begin(), there.end(), name) == there.end()) there.push_back(name);
      }
    };
    add(pool.shape);
    if (pool.reshaping) add(pool.reshaping->shape);
    if (std::find(there.begin(), there.end(), replicas.instance) != there.end()) continue;
    services.at(scenario.workload.services[static_cast<std::size_t>(replicas.service)].name)
        .at("instance")
        .fail(unknown_name("instance", replicas.instance, there));
  }
}

// What starts must have a seat, and what may come should find one.
void check_seats(const Reader& services, const Control& control, const Scenario& scenario) {
  for (std::size_t p = 0; p < control.pools.size(); ++p) {
    const NodePool& pool = control.pools[p];
    const int per_node = seats_of_node(pool);
    int start = 0, most = 0;
    const ReplicaControl* last = nullptr;
    for (const ReplicaControl& replicas : control.services) {
      if (static_cast<std::size_t>(replicas.pool) != p) continue;
      start += replicas.start;
      most += replicas.min;
      last = &replicas;
    }
    if (last == nullptr) continue;
    const Reader at = services.at(scenario.workload.services[static_cast<std::size_t>(last->service)].name);
    if (start > per_node * pool.start)
      at.at("replicas")
          .fail(text::format("{} replicas start in pool \"{}\", whose {} {} {} seat{}", start, pool.name,
                             pool.start, pool.start == 1 ? "node has" : "nodes have", per_node * pool.start,
                             per_node * pool.start == 1 ? "" : "s"));
    if (most > per_node * pool.max)
      at.at("replicas")
          .fail(text::format("at least {} replicas in pool \"{}\", which has {} seats at most", most,
                             pool.name, per_node * pool.max));
  }
}

}  // namespace

Control read_control(const Reader& reader, const Scenario& scenario) {
  Control control;
  Names pools;
  const Reader written = reader.at("pools");
  for (const std::string& name : written.keys()) {
    pools.push_back(name);
    control.pools.push_back(read_pool(written.at(name), name, scenario));
  }
  if (pools.empty()) written.fail("expected at least one pool of nodes by its name");
  const Names services = names_of(scenario.workload.services);
  const Reader controlled = reader.at("services");
  for (const std::string& name : controlled.keys()) {
    const auto found = std::find(services.begin(), services.end(), name);
    if (found == services.end()) controlled.at(name).fail(unknown_name("service", name, services));
  }
  for (std::size_t s = 0; s < services.size(); ++s)
    if (const auto own = controlled.find(services[s]))
      control.services.push_back(read_replicas(*own, static_cast<int>(s), scenario, pools));
  if (control.services.empty()) controlled.fail("expected at least one of the document's services");
  check_instances(controlled, control, scenario);
  check_seats(controlled, control, scenario);
  reader.finish();
  return control;
}

}  // namespace gpushare::scenario
