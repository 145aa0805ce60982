
#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::scenario {
namespace {

// Members that only some faults have, with what they are of.
void refuse(const Reader& reader, std::initializer_list<const char*> keys, const char* why) {
  for (const char* key : keys)
    if (reader.has(key)) reader.at(key).fail(why);
}

FaultTarget read_target(const Reader& reader) {
  std::vector<FaultTarget> found;
  if (reader.has("service")) found.push_back(FaultTarget::process);
  if (reader.has("gpu")) found.push_back(FaultTarget::gpu);
  if (reader.has("node")) found.push_back(FaultTarget::node);
  if (found.size() == 1) return found.front();
  reader.fail(
      text::format("a fault is of one thing: \"service\" (with \"replica\", from 0), \"gpu\" or \"node\" (a "
                   "number from 0, or "
                   "\"each\"); found {} of them",
                   found.size()));
}

int placed(const Fault& fault, const Scenario& scenario) {
  switch (fault.target) {
    case FaultTarget::process:
      return placed_replicas(scenario.workload, scenario.placement)[static_cast<std::size_t>(fault.service)];
    case FaultTarget::gpu:
      return static_cast<int>(scenario.placement.gpus.size());
    case FaultTarget::node:
      return static_cast<int>(scenario.placement.nodes.size());
  }
  return 0;
}

int read_number(const Reader& reader) {
  if (reader.is_string()) {
    static_cast<void>(reader.choice({"each"}));
    return Fault::kEach;
  }
  return static_cast<int>(reader.integer(0, 1'000'000));
}

void read_what(const Reader& reader, const Scenario& scenario, Fault& fault) {
  fault.target = read_target(reader);
  const char* key = fault.target == FaultTarget::gpu ? "gpu" : "node";
  if (fault.target == FaultTarget::process) {
    fault.service = index_of(reader.at("service"), "service", names_of(scenario.workload.services));
    key = "replica";
  } else {
    refuse(
        reader, {"replica", "kind", "leak_bytes_per_s", "shared_fault_domain"},
        "is of a process's fault, which names a \"service\"; with a GPU or a node goes all that runs there");
  }
  // A rate without a replica is of each; at a time, the first one fails.
  if (const auto number = reader.find(key))
    fault.number = read_number(*number);
  else
    fault.number = reader.has("mtbf_s") ? Fault::kEach : 0;
  if (const auto objection = objection_to(fault, scenario))
    (reader.has(key) ? reader.at(key) : reader).fail(*objection);
}

void read_when(const Reader& reader, const Workload& workload, Fault& fault) {
  if (reader.has("at_s") == reader.has("mtbf_s"))
    reader.fail(text::format(
        "a fault comes \"at_s\", or by a mean time between failures, \"mtbf_s\"; found {} of them{}",
        reader.has("at_s") ? "both" : "neither",
        reader.has("at_s") ? std::string() : json::instead_of(reader, "mtbf_s")));
  fault.leak_bytes_per_s = reader.number("leak_bytes_per_s", 0, json::kPositive);
  if (const auto rate = reader.find("mtbf_s")) {
    fault.mtbf_s = rate->number(json::kSpanAboveNone);
    if (until_served(workload))
      rate->fail(
          "faults by a rate happen in a time, and this run lasts until its last answer; give the document a "
          "\"duration_s\", or the fault a time, \"at_s\"");
    refuse(reader, {"leak_bytes_per_s"},
           "a leak starts \"at_s\", and memory decides when it ends in a fault");
    return;
  }
  fault.at_s = reader.at("at_s").number(json::kSpan);
  if (fault.at_s >= workload.duration_s && !until_served(workload))
    reader.at("at_s").fail(text::format("the run ends at {} s; the fault at {} s would never happen",
                                        workload.duration_s, fault.at_s));
}

FaultKind read_kind(const Reader& reader, bool leaks) {
  const auto kind = reader.find("kind");
  if (!kind) return leaks ? FaultKind::allocation : FaultKind::context;
  const auto read = static_cast<FaultKind>(kind->choice({"allocation", "context", "device"}));
  if (leaks && read != FaultKind::allocation)
    kind->fail(
        "a leak ends in an allocation that fails: leave \"kind\" out, or say with \"shared_fault_domain\" "
        "whether it takes others along");
  return read;
}

Fault read_fault(const Reader& reader, const Scenario& scenario) {
  Fault fault;
  read_what(reader, scenario, fault);
  read_when(reader, scenario.workload, fault);
  fault.kind = read_kind(reader, fault.leak_bytes_per_s > 0);
  if (reader.has("shared_fault_domain"))
    fault.shared_fault_domain = reader.boolean("shared_fault_domain", false);
  if (!fault.stops_hardware())
    refuse(
        reader, {"repair_s"},
        "nothing is to be repaired where a process fails and its GPU does not: say \"kind\": \"device\", or "
        "\"gpu\" or \"node\" in place of \"service\"");
  if (const auto repair = reader.find("repair_s")) fault.repair_s = repair->distribution();
  if (const auto restart = reader.find("restart_s")) fault.restart_s = restart->distribution();
  if (const auto order = reader.find("restart_order"))
    fault.restart_order = static_cast<RestartOrder>(order->choice({"together", "in-turn"}));
  reader.finish();
  return fault;
}

}  // namespace

std::optional<std::string> objection_to(const Fault& fault, const Scenario& scenario) {
  const int there = placed(fault, scenario);
  if (fault.number < there) return std::nullopt;
  const bool one = there == 1;
  if (fault.target == FaultTarget::process)
    return text::format("{} has {} replica{}, numbered from 0; found {}",
                        scenario.workload.services[static_cast<std::size_t>(fault.service)].name, there,
                        one ? "" : "s", fault.number);
  return text::format("the placement has {} {}{}, numbered from 0; found {}", there,
                      fault.target == FaultTarget::gpu ? "GPU" : "node", one ? "" : "s", fault.number);
}

std::vector<Fault> read_faults(const Reader& faults, const Scenario& scenario) {
  if (!faults.is_array()) faults.fail("expected an array of faults");
  std::vector<Fault> read;
  for (std::size_t i = 0; i < faults.size(); ++i) read.push_back(read_fault(faults.at(i), scenario));
  return read;
}

}  // namespace gpushare::scenario

namespace gpushare {

Scenario with_faults(const Scenario& scenario, std::string_view json) {
  const nlohmann::json plain = json::parse(json, "faults", scenario::fail);
  Scenario changed = scenario;
  changed.faults = scenario::read_faults(json::Reader(plain, "faults", scenario::fail), scenario);
  scenario::check_objectives(changed);
  if (!scenario.original) return changed;
  auto content = *scenario.original->content_;
  content.applied.json["faults"] = nlohmann::ordered_json::parse(json);
  changed.document = content.applied.json.dump(2);
  changed.original = ScenarioDocument(std::make_shared<const ScenarioDocument::Content>(std::move(content)));
  return changed;
}

}  // namespace gpushare
