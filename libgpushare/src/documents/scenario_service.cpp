#include <algorithm>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

Scenario with_service(const Scenario& scenario, const std::string& service, std::string_view json) {
  const std::string where = "services/" + service;
  if (!scenario.original)
    scenario::fail(where, "the scenario was made by hand, so it has no document to change");
  const auto& services = scenario.workload.services;
  if (std::none_of(services.begin(), services.end(), [&](const Service& one) { return one.name == service; }))
    scenario::fail({}, unknown_name("service", service, scenario::names_of(services)));
  if (!json::parse(json, where, scenario::fail).is_object())
    scenario::fail(where, R"(expected an object such as {"precision": "int8"})");
  auto document = nlohmann::ordered_json::parse(scenario.original->text());
  document.at("services").at(service).merge_patch(nlohmann::ordered_json::parse(json));
  return ScenarioDocument::parse(document.dump(), {}, where).read(scenario.inputs, &scenario);
}

}  // namespace gpushare
