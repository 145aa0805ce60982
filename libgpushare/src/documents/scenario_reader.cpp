
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"
#include "models/model_kind.hpp"
#include "placement/placement_checks.hpp"
#include "placement/placement_mode.hpp"
#include "placement/tensor_parallel.hpp"

namespace gpushare {
namespace scenario {

int index_of(const Reader& reader, std::string_view what, const Names& known) {
  const std::string name = reader.string();
  const auto found = std::find(known.begin(), known.end(), name);
  if (found == known.end()) reader.fail(unknown_name(what, name, known));
  return static_cast<int>(found - known.begin());
}

Names names_of(const std::vector<Service>& services) {
  Names names;
  for (const Service& service : services) names.push_back(service.name);
  return names;
}

bool always_zero(const Distribution& distribution) {
  return distribution.high <= 0 || (distribution.low <= 0 && distribution.mean() <= 0);
}

namespace {

constexpr Catalogue kScenarios{"scenarios", "scenario"};
constexpr double kLongestRun = 1e9;  // seconds: times are kept in nanoseconds in 64 bits

std::vector<int> read_consolidate(const Reader& placement, const std::vector<Service>& services) {
  std::vector<int> indices;
  const auto list = placement.find("consolidate");
  if (!list) {
    for (int i = 0; i < static_cast<int>(services.size()); ++i) indices.push_back(i);
    return indices;
  }
  if (!list->is_array() || list->size() == 0) list->fail("expected an array of service names, not empty");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const int index = index_of(list->at(i), "service", names_of(services));
    if (std::find(indices.begin(), indices.end(), index) != indices.end())
      list->at(i).fail("the service is there twice; use its \"replicas\" for more processes");
    indices.push_back(index);
  }
  return indices;
}

// A placement that lists GPUs must hold the replicas that a service says it has.
void check_replicas(const Reader& services, const Reader& placement, const Scenario& scenario, bool listed) {
  const Workload& workload = scenario.workload;
  static_cast<void>(replicas_of(workload.services, scenario.placement, placement.where()));
  if (const auto nowhere = unplaced(workload, scenario.placement)) placement.fail(nowhere->what);
  const auto counts = placed_replicas(workload, scenario.placement);
  for (std::size_t i = 0; listed && i < counts.size(); ++i) {
    const Service& service = workload.services[i];
    const auto replicas = services.at(service.name).find("replicas");
    if (replicas && counts[i] != service.replicas)
      replicas->fail(text::format("{} replicas, but the placement has {} of its processes", service.replicas,
                                  counts[i] * service.tensor_parallel));
  }
}

// GPUs when every service has its own: as many replicas as it says, or as a placement lists that it leaves it to.
int baseline_of(const Reader& services, const Scenario& scenario, bool listed) {
  const auto counts = placed_replicas(scenario.workload, scenario.placement);
  int gpus = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Service& service = scenario.workload.services[i];
    const bool stated = services.at(service.name).has("replicas");
    gpus += (listed && !stated ? counts[i] : service.replicas) * service.tensor_parallel;
  }
  return gpus;
}

// A placement is a mode, GPUs of the document's host, or nodes with hosts of their own.
void check_ways(const Reader& placement, bool host) {
  std::vector<std::string> ways;
  for (const char* key : {"mode", "gpus", "nodes"})
    if (placement.has(key)) ways.push_back(text::format("\"{}\"", key));
  if (ways.size() > 1) placement.fail(text::join(ways, " and ") + " exclude each other");
  if (host && placement.has("nodes"))
    placement.at("nodes").fail(
        "nodes have a \"host\" each, and the document has one for all; remove that (a mode sets it to null)");
}

void read_placement(const Reader& document, Scenario& scenario) {
  const Reader placement = document.at("placement"), services = document.at("services");
  for (const char* key : {"label", "undo"}) placement.ignore(key);
  scenario.placing.consolidate = read_consolidate(placement, scenario.workload.services);
  check_ways(placement, document.has("host"));
  const Names names = names_of(scenario.workload.services);
  const auto gpus = placement.find("gpus");
  const auto nodes = placement.find("nodes");
  if (gpus) {
    scenario.placement = read_gpus(*gpus, scenario.placing.node, scenario.placing.gpu, names);
  } else if (nodes) {
    scenario.placement = read_nodes(*nodes, scenario.placing.gpu, names);
  } else {
    const Reader mode = placement.at("mode");
    const auto written = read_mode(mode.string(), mode.where());
    if (!written) mode.fail(text::format("unknown mode \"{}\". Modes: {}", mode.string(), kModeGrammar));
    scenario.placement =
        place(on_gpu(*written, *scenario.placing.gpu), scenario.workload, scenario.placing, mode.where());
  }
  placement.finish();
  const bool listed = gpus || nodes;
  check_replicas(services, placement, scenario, listed);
  scenario.baseline_gpus = baseline_of(services, scenario, listed);
}

// Every GPU that a service is placed on must have a rate for what it computes in.
void check_rates(const Reader& services, const Scenario& scenario) {
  if (const auto objection = without_rate(scenario.workload, scenario.placement))
    services.at(scenario.workload.services[static_cast<std::size_t>(objection->service)].name)
        .fail(objection->what);
}

void read_duration(const Reader& reader, Scenario& scenario) {
  if (const auto duration = reader.find("duration_s")) {
    scenario.workload.duration_s = duration->number({0, kLongestRun, true});
  } else {
    std::optional<double> longest;
    for (const Traffic& traffic : scenario.workload.traffic)
      if (const auto length = length_of(traffic)) longest = std::max(longest.value_or(0), *length);
    if (!longest)
      reader.fail(
          "\"duration_s\" is missing, and neither open traffic nor users without \"hold_s\" tell how long "
          "they last");
    if (!(*longest > 0 && *longest <= kLongestRun))
      reader.fail(
          text::format("\"duration_s\" is missing, and the traffic lasts {} s; give one > 0 and <= {:.0e}",
                       *longest, kLongestRun));
    scenario.workload.duration_s = *longest;
  }
  for (std::size_t i = 0; i < scenario.workload.traffic.size(); ++i) {
    const Traffic& traffic = scenario.workload.traffic[i];
    const double ramps_s = traffic.ramp_up_s + traffic.ramp_down_s;
    if (!traffic.hold_s && ramps_s > scenario.workload.duration_s)
      reader.at("traffic").at(i).fail(text::format("its ramps take {} s, but the run ends after {} s",
                                                   ramps_s, scenario.workload.duration_s));
  }
  scenario.workload.warmup_s = reader.number("warmup_s", 0, json::kNonNegative);
  if (scenario.workload.warmup_s >= scenario.workload.duration_s)
    reader.at("warmup_s")
        .fail(text::format("a warm-up of {} s leaves nothing of the {} s to measure",
                           scenario.workload.warmup_s, scenario.workload.duration_s));
}

void read_prices(const Reader& reader, Prices& prices) {
  const auto price = reader.find("price_per_gpu_hour");
  if (!price) return;
  if (!price->is_object()) {
    prices.any_gpu = price->number(json::kNonNegative);
    return;
  }
  for (const std::string& kind : price->keys())
    prices.by_gpu[kind] = price->at(kind).number(json::kNonNegative);
  if (prices.by_gpu.empty()) price->fail("expected a number, or a price for each kind of GPU by its name");
}

// Every kind of GPU that something is placed on must have a price when some do.
void check_prices(const Reader& reader, const Scenario& scenario) {
  try {
    static_cast<void>(price_per_hour(scenario.workload.prices, scenario.placement));
  } catch (const ScenarioError& error) {
    reader.at("price_per_gpu_hour").fail(error.what());
  }
}

void read_heading(const Reader& reader, Scenario& scenario) {
  reader.ignore("$schema");
  reader.ignore("modes");
  scenario.name = reader.at("name").string();
  if (scenario.name.empty()) reader.at("name").fail("a scenario needs a name that is not empty");
  scenario.description = reader.string("description", "");
  if (const auto sources = reader.find("sources")) {
    if (!sources->is_array()) sources->fail("expected an array of strings");
    for (std::size_t i = 0; i < sources->size(); ++i) static_cast<void>(sources->at(i).string());
  }
  scenario.seed = static_cast<std::uint64_t>(reader.integer("seed", 1, 0));
  read_prices(reader, scenario.workload.prices);
  if (const auto host = reader.find("host")) scenario.placing.node.host_cores = read_cores(*host);
}

Scenario read(const AppliedDocument& applied, const std::string& source, const FileReaders& files) {
  const nlohmann::json document = applied.json;
  const Reader reader(document, source, fail);
  Scenario scenario;
  scenario.mode = applied.mode;
  scenario.modes = applied.modes;
  read_heading(reader, scenario);
  const auto gpu = reader.find("gpu");
  scenario.placing.gpu = gpu ? named_profile(*gpu) : std::make_shared<const GpuProfile>(load_profile("a100"));
  const Reader services = reader.at("services");
  scenario.workload.services = read_services(services, keys_of(applied.json, "services"));
  scenario.workload.pipelines =
      read_pipelines(reader.at("pipelines"), keys_of(applied.json, "pipelines"), scenario.workload.services);
  scenario.workload.traffic = read_traffic(reader.at("traffic"), scenario, files);
  read_duration(reader, scenario);
  read_placement(reader, scenario);
  check_rates(services, scenario);
  check_prices(reader, scenario);
  if (const auto faults = reader.find("faults")) scenario.faults = read_faults(*faults, scenario);
  reader.finish();
  scenario.document = applied.json.dump(2);
  return scenario;
}

std::string text_of_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) fail(path, "is a folder; expected a scenario document");
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, "there is no such scenario file, or it cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

}  // namespace
}  // namespace scenario

Scenario parse_scenario(std::string_view json, const std::string& mode, const std::string& source,
                        const std::string& folder, const FileReaders& files) {
  static_cast<void>(json::parse(json, source, scenario::fail));  // refuses what the next parser lets pass
  auto document = nlohmann::ordered_json::parse(json);           // the same, in the document's order
  return scenario::read(scenario::apply_mode(std::move(document), mode, source, folder), source, files);
}

Scenario load_scenario(const std::string& name_or_path, const std::string& mode, const FileReaders& files) {
  using scenario::kScenarios;
  const std::string source = kScenarios.source(name_or_path);
  if (is_path(name_or_path)) {
    const auto folder = std::filesystem::path(name_or_path).parent_path().string();
    return parse_scenario(scenario::text_of_file(name_or_path), mode, source, folder, files);
  }
  if (!kScenarios.has(name_or_path)) scenario::fail({}, kScenarios.unknown(name_or_path));
  return parse_scenario(kScenarios.text(name_or_path), mode, source, {}, files);
}

std::vector<std::string> scenario_names() { return scenario::kScenarios.names(); }

}  // namespace gpushare
