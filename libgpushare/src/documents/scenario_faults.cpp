
#include "core/text.hpp"
#include "documents/scenario_parts.hpp"

namespace gpushare::scenario {
namespace {

FaultKind read_kind(const Reader& reader, bool leaks) {
  const auto kind = reader.find("kind");
  if (!kind) return leaks ? FaultKind::allocation : FaultKind::device;
  const auto read = static_cast<FaultKind>(kind->choice({"allocation", "context", "device"}));
  if (leaks && read != FaultKind::allocation)
    kind->fail(
        "a leak ends in an allocation that fails: leave \"kind\" out, or say with \"contained\" whom it "
        "takes along");
  return read;
}

Fault read_fault(const Reader& reader, const Scenario& scenario) {
  Fault fault;
  fault.service = index_of(reader.at("service"), "service", names_of(scenario.workload.services));
  const Service& service = scenario.workload.services[static_cast<std::size_t>(fault.service)];
  const auto replica = reader.integer("replica", 0, 0, 1'000'000);
  const int placed =
      placed_replicas(scenario.workload, scenario.placement)[static_cast<std::size_t>(fault.service)];
  if (replica >= placed)
    reader.at("replica").fail(text::format("{} has {} replica{}, numbered from 0; found {}", service.name,
                                           placed, placed == 1 ? "" : "s", replica));
  fault.replica = static_cast<int>(replica);
  fault.at_s = reader.at("at_s").number(json::kNonNegative);
  if (fault.at_s >= scenario.workload.duration_s)
    reader.at("at_s").fail(text::format("the run ends at {} s; the fault at {} s would never happen",
                                        scenario.workload.duration_s, fault.at_s));
  fault.leak_bytes_per_s = reader.number("leak_bytes_per_s", 0, json::kPositive);
  fault.kind = read_kind(reader, fault.leak_bytes_per_s > 0);
  fault.restart_s = reader.number("restart_s", fault.restart_s, json::kNonNegative);
  if (reader.has("contained")) fault.contained = reader.boolean("contained", false);
  reader.finish();
  return fault;
}

}  // namespace

std::vector<Fault> read_faults(const Reader& faults, const Scenario& scenario) {
  if (!faults.is_array()) faults.fail("expected an array of faults");
  std::vector<Fault> read;
  for (std::size_t i = 0; i < faults.size(); ++i) read.push_back(read_fault(faults.at(i), scenario));
  return read;
}

}  // namespace gpushare::scenario
