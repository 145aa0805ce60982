// Reading a scenario must end in a scenario or in one of the library's errors, whatever the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/scenario.hpp"

namespace {

// What was read reads again, as the same scenario.
void check_kept(const gpushare::Scenario& scenario) {
  const gpushare::Scenario again = gpushare::parse_scenario(scenario.document);
  const bool same = again.document == scenario.document && again.mode == scenario.mode &&
                    again.placement.gpus.size() == scenario.placement.gpus.size();
  if (!same) std::abort();
  if (!(again.placement == scenario.placement)) std::abort();
  const gpushare::Objectives& objectives = scenario.workload.objectives;
  if (!(again.workload.objectives == objectives)) std::abort();
  const std::string written = gpushare::objectives_document(objectives);
  if (!(gpushare::parse_objectives(written, scenario) == objectives)) std::abort();
  std::vector<std::string> services;
  for (const gpushare::Service& service : scenario.workload.services) services.push_back(service.name);
  const std::string text = gpushare::placement_document(scenario.placement, services);
  if (!(gpushare::parse_placement(text, services) == scenario.placement)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');  // the first line is the mode
  if (line == std::string_view::npos) return 0;
  gpushare::Scenario scenario;
  try {
    scenario = gpushare::parse_scenario(text.substr(line + 1), std::string(text.substr(0, line)), "fuzz");
  } catch (const gpushare::Error&) {
    return 0;
  }
  check_kept(scenario);
  try {
    gpushare::check_memory(scenario.workload, scenario.placement);
  } catch (const gpushare::Error&) {
  }
  return 0;
}
