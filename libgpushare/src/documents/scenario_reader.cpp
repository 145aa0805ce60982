
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/builtin.hpp"
#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "placement/memory_parts.hpp"
#include "placement/placement_mode.hpp"
#include "placement/tensor_parallel.hpp"

namespace gpushare {
namespace scenario {

std::string unknown_name(std::string_view what, const std::string& name, const Names& known) {
  const auto near = json::nearest(name, known);
  return text::format("unknown {} \"{}\"{} Known: {}", what, name,
                      near ? text::format("; did you mean \"{}\"?", *near) : ".",
                      known.empty() ? "none" : text::join(known, ", "));
}

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

constexpr std::string_view kFolder = "scenarios";
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

std::vector<int> placed_replicas(const Scenario& scenario) {
  std::vector<int> counts(scenario.workload.services.size());
  for (const GpuPlacement& gpu : scenario.placement.gpus)
    for (const PartitionPlacement& partition : gpu.partitions)
      for (const ProcessPlacement& process : partition.processes)
        ++counts[static_cast<std::size_t>(process.service)];
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] /= scenario.workload.services[i].tensor_parallel;
  return counts;
}

void check_replicas(const Reader& services, const Reader& placement, const Scenario& scenario, bool listed) {
  static_cast<void>(replicas_of(scenario.workload.services, scenario.placement.gpus, placement.where()));
  const auto counts = placed_replicas(scenario);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Service& service = scenario.workload.services[i];
    if (counts[i] == 0) placement.fail(text::format("service \"{}\" is placed on no GPU", service.name));
    const auto replicas = services.at(service.name).find("replicas");
    if (listed && replicas && counts[i] != service.replicas)
      replicas->fail(text::format("{} replicas, but the placement has {} of its processes", service.replicas,
                                  counts[i] * service.tensor_parallel));
  }
}

void read_placement(const Reader& placement, const Reader& services,
                    const std::shared_ptr<const GpuProfile>& profile, Scenario& scenario) {
  for (const char* key : {"label", "undo"}) placement.ignore(key);
  const auto consolidate = read_consolidate(placement, scenario.workload.services);
  const auto gpus = placement.find("gpus");
  const auto mode = placement.find("mode");
  if (gpus && mode) placement.fail("\"mode\" and \"gpus\" exclude each other");
  if (gpus) {
    scenario.placement.gpus = read_gpus(*gpus, profile, scenario.workload.services);
  } else {
    const Reader reader = placement.at("mode");
    const auto parsed = parse_mode(reader.string(), reader.where());
    if (!parsed) reader.fail(text::format("unknown mode \"{}\". Modes: {}", reader.string(), kModeGrammar));
    scenario.placement.gpus =
        place(*parsed, scenario.workload.services, consolidate, profile, reader.where());
  }
  placement.finish();
  check_replicas(services, placement, scenario, gpus.has_value());
  scenario.baseline_gpus = 0;
  const auto counts = placed_replicas(scenario);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const bool stated = services.at(scenario.workload.services[i].name).has("replicas");
    scenario.baseline_gpus += (gpus && !stated ? counts[i] : scenario.workload.services[i].replicas) *
                              scenario.workload.services[i].tensor_parallel;
    scenario.workload.services[i].replicas = counts[i];
  }
}

// A network that a service runs, and the precision that it computes in.
struct Network {
  const Model& model;
  Precision rate;
};

std::vector<Network> networks_of(const Service& service, const GpuProfile& gpu) {
  const auto* llm = std::get_if<LlmModel>(&service.model->cost);
  if (llm == nullptr) return {{*service.model, service.precision}};
  std::vector<Network> networks{{*service.model, llm->format_for(service.precision, gpu)->compute}};
  if (const Draft draft = draft_of(service, gpu); draft.model != nullptr)
    networks.push_back({*service.engine.speculation.draft, draft.format->compute});
  return networks;
}

// Every GPU that a service is placed on must have a rate for what it computes in.
void check_rates(const Reader& services, const Scenario& scenario) {
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    for (const PartitionPlacement& partition : gpu.partitions) {
      for (const ProcessPlacement& process : partition.processes) {
        const Service& service = scenario.workload.services[static_cast<std::size_t>(process.service)];
        if (std::holds_alternative<SyntheticModel>(service.model->cost)) continue;
        for (const Network& network : networks_of(service, *gpu.profile)) {
          if (gpu.profile->flops(network.rate) > 0) continue;
          services.at(service.name)
              .fail(text::format("GPU {} has no {} rate, which model {} computes in", gpu.profile->name,
                                 to_string(network.rate), network.model.name));
        }
      }
    }
  }
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
  scenario.workload.price_per_gpu_hour = reader.number("price_per_gpu_hour", 0, json::kNonNegative);
  if (const auto host = reader.find("host")) {
    scenario.placement.nodes.front().host_cores = static_cast<int>(host->at("cores").integer(1, 100'000));
    host->finish();
  }
}

Scenario read(const AppliedDocument& applied, const std::string& source, const FileReaders& files) {
  const nlohmann::json document = applied.json;
  const Reader reader(document, source, fail);
  Scenario scenario;
  scenario.mode = applied.mode;
  scenario.modes = applied.modes;
  read_heading(reader, scenario);
  std::shared_ptr<const GpuProfile> profile;
  if (const auto gpu = reader.find("gpu")) {
    profile = read_profile(*gpu);
  } else {
    profile = std::make_shared<const GpuProfile>(load_profile("a100"));
  }
  const Reader services = reader.at("services");
  scenario.workload.services = read_services(services, keys_of(applied.json, "services"));
  scenario.workload.pipelines =
      read_pipelines(reader.at("pipelines"), keys_of(applied.json, "pipelines"), scenario.workload.services);
  scenario.workload.traffic = read_traffic(reader.at("traffic"), scenario, files);
  read_duration(reader, scenario);
  read_placement(reader.at("placement"), services, profile, scenario);
  check_rates(services, scenario);
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
  if (scenario::is_path(name_or_path)) {
    const auto folder = std::filesystem::path(name_or_path).parent_path().string();
    return parse_scenario(scenario::text_of_file(name_or_path), mode, name_or_path, folder, files);
  }
  const auto text = builtin(scenario::kFolder, name_or_path);
  if (!text || name_or_path == "schema")
    scenario::fail({}, scenario::unknown_name("scenario", name_or_path, scenario_names()) +
                           "; or give the path of a .json file");
  return parse_scenario(*text, mode, text::format("{}/{}.json", scenario::kFolder, name_or_path), {}, files);
}

std::vector<std::string> scenario_names() {
  auto names = builtin_names(scenario::kFolder);
  std::erase(names, "schema");
  return names;
}

}  // namespace gpushare
