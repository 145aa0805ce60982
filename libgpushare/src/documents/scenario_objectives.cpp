#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "results/figure_names.hpp"
#include "results/goodput.hpp"

namespace gpushare {
namespace scenario {
namespace {

using nlohmann::ordered_json;

/// Members of "objectives" that are no figures.
constexpr std::array<const char*, 3> kOthers{"isolation", "memory_headroom", "tolerate"};

bool is_other(const std::string& key) {
  return std::find(kOthers.begin(), kOthers.end(), key) != kOthers.end();
}

FigureNames known_names(const Scenario& scenario, const std::vector<std::string>& names) {
  const std::vector<Pipeline>& pipelines = scenario.workload.pipelines;
  return {names, pipelines.size() == 1 ? std::string_view(pipelines.front().name) : std::string_view()};
}

FigureBound read_side(const Reader& value, const FigureNames& known, const std::string& figure, Side side) {
  try {
    if (value.is_string()) return read_bound(known, figure, side, std::string_view(value.string()));
    return read_bound(known, figure, side, value.number());
  } catch (const FigureError& error) {
    value.fail(error.what());
  }
}

std::vector<FigureBound> read_bounds(const Reader& value, const FigureNames& known,
                                     const std::string& figure) {
  if (!value.is_object()) {
    if (!value.is_number() && !value.is_string())
      value.fail(R"(expected a number, a text such as "500ms", or {"at_most": ...} and {"at_least": ...})");
    return {read_side(value, known, figure, Side::worse)};
  }
  std::vector<FigureBound> bounds;
  if (const auto most = value.find("at_most"))
    bounds.push_back(read_side(*most, known, figure, Side::at_most));
  if (const auto least = value.find("at_least"))
    bounds.push_back(read_side(*least, known, figure, Side::at_least));
  value.finish();
  if (bounds.empty()) value.fail(R"(expected "at_most", "at_least" or both)");
  return bounds;
}

// The two sides of a figure stand side by side.
void add_bound(const Reader& value, const FigureBound& bound, std::vector<FigureBound>& bounds) {
  const auto other = std::find_if(bounds.begin(), bounds.end(),
                                  [&](const FigureBound& given) { return given.name == bound.name; });
  if (other == bounds.end()) return bounds.push_back(bound);
  const bool twice = std::any_of(other, bounds.end(), [&](const FigureBound& given) {
    return given.name == bound.name && given.at_most == bound.at_most;
  });
  if (twice)
    value.fail(text::format("{} is bounded from {} by two objectives", bound.name,
                            bound.at_most ? "above" : "below"));
  const FigureBound& most = bound.at_most ? bound : *other;
  const FigureBound& least = bound.at_most ? *other : bound;
  if (least.value > most.value)
    value.fail(text::format("{} cannot be at least {} and at most {}", bound.name, least.value, most.value));
  bounds.insert(bound.at_most ? other : other + 1, bound);
}

Isolation read_isolation(const Reader& reader, const Names& services) {
  Isolation isolation;
  const Reader between = reader.at("between");
  if (!between.is_array()) between.fail("expected an array of names of services");
  for (std::size_t i = 0; i < between.size(); ++i) {
    const std::string& name =
        services[static_cast<std::size_t>(index_of(between.at(i), "service", services))];
    if (std::find(isolation.between.begin(), isolation.between.end(), name) != isolation.between.end())
      between.at(i).fail(text::format("\"{}\" is there already", name));
    isolation.between.push_back(name);
  }
  if (isolation.between.size() < 2) between.fail("expected two services or more, to be kept apart");
  isolation.level = static_cast<IsolationLevel>(reader.choice("level", {"process", "hardware"}));
  reader.finish();
  return isolation;
}

void read_others(const Reader& reader, const Names& services, Objectives& objectives) {
  if (const auto isolation = reader.find("isolation")) {
    if (!isolation->is_array()) isolation->fail(R"(expected an array of {"between": [...], "level": ...})");
    for (std::size_t i = 0; i < isolation->size(); ++i)
      objectives.isolation.push_back(read_isolation(isolation->at(i), services));
  }
  if (const auto headroom = reader.find("memory_headroom")) {
    objectives.memory_headroom = headroom->number(json::kNonNegative);
    if (objectives.memory_headroom >= 1)
      headroom->fail(
          text::format("expected a share of the memory below 1, found {}", objectives.memory_headroom));
  }
  if (const auto tolerate = reader.find("tolerate"))
    objectives.tolerate = static_cast<Tolerance>(1 + tolerate->choice({"instance", "gpu", "node"}));
}

Objectives read_members(const Reader& reader, const Names& order, const Scenario& scenario) {
  std::vector<std::string> names = all_figure_names(scenario.workload, scenario.placement,
                                                    !scenario.faults.empty(), scenario.control.has_value());
  names.insert(names.end(), kOthers.begin(), kOthers.end());  // a slip of the pen may have meant one
  const FigureNames known = known_names(scenario, names);
  Objectives objectives;
  std::string goodput;
  for (const std::string& key : order) {
    if (is_other(key) || !reader.has(key)) continue;
    for (const FigureBound& bound : read_bounds(reader.at(key), known, key)) {
      add_bound(reader.at(key), bound, objectives.figures);
      if (bound.name == "goodput" || bound.name == "goodput_rate") goodput = key;
    }
  }
  if (!goodput.empty() && !GoodRequests(scenario.workload, objectives.figures).counted())
    reader.at(goodput).fail(
        "it counts requests with their latencies within the bounds of the objectives, and no objective "
        "bounds a "
        "latency that requests have by themselves, such as e2e_latency_p95_s");
  read_others(reader, names_of(scenario.workload.services), objectives);
  reader.finish();
  return objectives;
}

/// As it is read: a number where its side goes without saying.
ordered_json bound_json(const FigureBound& bound) {
  const auto info = figure_info(bound.name);
  if (info && info->better == (bound.at_most ? Better::lower : Better::higher)) return bound.value;
  return {{bound.at_most ? "at_most" : "at_least", bound.value}};
}

ordered_json objectives_json(const Objectives& objectives) {
  ordered_json json = ordered_json::object();
  for (const FigureBound& bound : objectives.figures) {
    const auto same = [&](const FigureBound& other) { return other.name == bound.name; };
    if (std::count_if(objectives.figures.begin(), objectives.figures.end(), same) > 1)
      json[bound.name][bound.at_most ? "at_most" : "at_least"] = bound.value;
    else
      json[bound.name] = bound_json(bound);
  }
  for (const Isolation& isolation : objectives.isolation)
    json["isolation"].push_back({{"between", isolation.between}, {"level", to_string(isolation.level)}});
  if (objectives.memory_headroom > 0) json["memory_headroom"] = objectives.memory_headroom;
  if (objectives.tolerate != Tolerance::nothing) json["tolerate"] = to_string(objectives.tolerate);
  return json;
}

// Modes that have objectives of their own get these instead: without the member a mode may be left with nothing.
void set_objectives(ordered_json& document, const ordered_json& objectives) {
  document["objectives"] = objectives;
  if (document.contains("modes") && document["modes"].is_object())
    for (auto& patch : document["modes"])
      if (patch.contains("objectives")) patch["objectives"] = objectives;
  if (const ordered_json::json_pointer undo("/placement/undo"); document.contains(undo))
    document[undo].erase("objectives");
}

}  // namespace

Objectives read_objectives(const Reader& reader, const Names& order, const Scenario& scenario) {
  if (reader.is_object()) return read_members(reader, order, scenario);
  reader.fail(R"(expected an object such as {"llm.ttft_p95_s": 0.5, "success_rate": {"at_least": 0.99}})");
}

void check_objectives(const Scenario& scenario) {
  const auto names = all_figure_names(scenario.workload, scenario.placement, !scenario.faults.empty(),
                                      scenario.control.has_value());
  for (const FigureBound& bound : scenario.workload.objectives.figures)
    if (std::find(names.begin(), names.end(), bound.name) == names.end())
      throw ScenarioError(
          {},
          text::format("an objective bounds {}, and there is no such figure on this placement", bound.name));
}

}  // namespace scenario

Objectives parse_objectives(std::string_view json, const Scenario& scenario, const std::string& source) {
  const nlohmann::json plain = json::parse(json, source, scenario::fail);
  const auto ordered = nlohmann::ordered_json::parse(json);
  return scenario::read_objectives(json::Reader(plain, source, scenario::fail), scenario::keys_of(ordered),
                                   scenario);
}

std::string objectives_document(const Objectives& objectives) {
  return scenario::objectives_json(objectives).dump(2);
}

ScenarioDocument ScenarioDocument::with_objectives(std::string_view json) const {
  static_cast<void>(json::parse(json, "objectives", scenario::fail));
  const auto objectives = nlohmann::ordered_json::parse(json);
  Content content = *content_;
  auto given = *content.given;
  scenario::set_objectives(given, objectives);
  scenario::set_objectives(content.applied.json, objectives);
  content.given = std::make_shared<const nlohmann::ordered_json>(std::move(given));
  return ScenarioDocument(std::make_shared<const Content>(std::move(content)));
}

Scenario with_objectives(const Scenario& scenario, std::string_view json) {
  Scenario changed = scenario;
  changed.workload.objectives = parse_objectives(json, scenario, "objectives");
  if (!scenario.original) return changed;
  changed.original = scenario.original->with_objectives(json);
  changed.document = changed.original->text();
  return changed;
}

Scenario with_objectives(const Scenario& scenario, const Objectives& objectives) {
  return with_objectives(scenario, objectives_document(objectives));
}

}  // namespace gpushare
