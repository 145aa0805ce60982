
#include <algorithm>
#include <array>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"

namespace gpushare::scenario {

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

// A burst, or a number of requests: measured from the first to the last answer.
void read_no_duration(const Reader& reader) {
  const std::string_view why =
      "this traffic ends by itself, so that without \"duration_s\" the run lasts until its last answer";
  if (const auto warmup = reader.find("warmup_s"); warmup && warmup->number(json::kNonNegative) > 0)
    warmup->fail(text::format("{} and all of it is measured; give \"duration_s\", or leave this out", why));
  if (const auto control = reader.find("control"))
    control->fail(text::format("{}; give \"duration_s\": how long the fleet is controlled", why));
}

void read_duration(const Reader& reader, Workload& workload) {
  if (const auto duration = reader.find("duration_s")) {
    workload.duration_s = duration->number({0, kLongestRun, true});
  } else {
    std::optional<double> longest;
    for (const Traffic& traffic : workload.traffic)
      if (const auto length = length_of(traffic)) longest = std::max(longest.value_or(0), *length);
    if (longest.value_or(0) == 0 && until_served(workload)) return read_no_duration(reader);
    if (!longest)
      reader.fail(text::format(
          "\"duration_s\" is missing, and neither open traffic without a \"count\" of arrivals nor users "
          "without \"hold_s\" tell how long they last{}",
          json::slip_of(reader, "duration_s")));
    if (!(*longest > 0 && *longest <= kLongestRun))
      reader.fail(
          text::format("\"duration_s\" is missing, and the traffic lasts {} s; give one > 0 and <= {:.0e}",
                       *longest, kLongestRun));
    workload.duration_s = *longest;
  }
  for (std::size_t i = 0; i < workload.traffic.size(); ++i) {
    const Traffic& traffic = workload.traffic[i];
    const double ramps_s = traffic.ramp_up_s + traffic.ramp_down_s;
    if (!traffic.hold_s && ramps_s > workload.duration_s)
      reader.at("traffic").at(i).fail(
          text::format("its ramps take {} s, but the run ends after {} s", ramps_s, workload.duration_s));
  }
  workload.warmup_s = reader.number("warmup_s", 0, json::kSpan);
  if (workload.warmup_s >= workload.duration_s)
    reader.at("warmup_s")
        .fail(text::format("a warm-up of {} s leaves nothing of the {} s to measure", workload.warmup_s,
                           workload.duration_s));
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
  if (const auto host = reader.find("host")) scenario.placing.node.host_cores = read_cores(*host);
}

void read_workload(const Reader& reader, const nlohmann::ordered_json& document, Scenario& scenario) {
  Workload& workload = scenario.workload;
  workload.services = read_services(reader.at("services"), keys_of(document, "services"));
  workload.pipelines =
      read_pipelines(reader.at("pipelines"), keys_of(document, "pipelines"), workload.services);
  workload.traffic = read_traffic(reader.at("traffic"), workload, scenario.inputs);
  read_duration(reader, workload);
}

// What read_workload reads.
constexpr std::array kWorkload{"services", "pipelines", "traffic", "duration_s", "warmup_s"};

bool same(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b, const char* key) {
  const auto in_a = a.find(key), in_b = b.find(key);
  if (in_a == a.end() || in_b == b.end()) return in_a == a.end() && in_b == b.end();
  return *in_a == *in_b;
}

// Replicas are the document's again: a placement that lists GPUs may have settled them.
void take_workload(const Reader& reader, const Workload& like, Workload& workload) {
  workload = like;
  workload.prices = {};
  workload.carbon_g_per_kwh.reset();
  workload.objectives = {};
  for (const char* key : kWorkload) reader.ignore(key);
  for (Service& service : workload.services)
    service.replicas =
        static_cast<int>(reader.at("services").at(service.name).integer("replicas", kDefaultReplicas));
}

void take_files(const Inputs& from, Inputs& to) {
  to.traces.insert(from.traces.begin(), from.traces.end());
  to.calls.insert(from.calls.begin(), from.calls.end());
  to.trace_files.insert(from.trace_files.begin(), from.trace_files.end());
  to.call_files.insert(from.call_files.begin(), from.call_files.end());
}

}  // namespace

Scenario read(const AppliedDocument& applied, const std::string& source, const Inputs& inputs,
              const Relative& like) {
  const nlohmann::json document = applied.json;
  const Reader reader(document, source, fail);
  reader.ignore("placement");  // is there although nobody wrote it
  const auto shares = [&](const char* key) { return like.json && same(applied.json, *like.json, key); };
  Scenario scenario;
  scenario.mode = applied.mode;
  scenario.modes = applied.modes;
  scenario.inputs = inputs;
  if (like.scenario != nullptr) take_files(like.scenario->inputs, scenario.inputs);
  read_heading(reader, scenario);
  const auto gpu = reader.find("gpu");
  if (shares("gpu")) {
    scenario.placing.gpu = like.scenario->placing.gpu;
  } else {
    scenario.placing.gpu =
        gpu ? named_profile(*gpu) : std::make_shared<const GpuProfile>(load_profile("a100"));
  }
  if (std::all_of(kWorkload.begin(), kWorkload.end(), shares)) {
    take_workload(reader, like.scenario->workload, scenario.workload);
  } else {
    read_workload(reader, applied.json, scenario);
  }
  read_prices(reader, scenario.workload.prices);
  if (const auto carbon = reader.find("carbon_g_per_kwh"))
    scenario.workload.carbon_g_per_kwh = carbon->number(json::kNonNegative);
  if (const auto control = reader.find("control")) scenario.control = read_control(*control, scenario);
  read_placement(reader, applied.written, scenario);
  if (const auto faults = reader.find("faults")) scenario.faults = read_faults(*faults, scenario);
  if (const auto objectives = reader.find("objectives"))
    scenario.workload.objectives =
        read_objectives(*objectives, keys_of(applied.json, "objectives"), scenario);
  reader.finish();
  scenario.document = applied.json.dump(2);
  return scenario;
}

}  // namespace gpushare::scenario
