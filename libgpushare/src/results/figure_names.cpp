#include "results/figure_names.hpp"

#include <algorithm>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

constexpr std::size_t kMostChoices = 10;
constexpr std::size_t kLongestName = 200;  // nothing is near to longer ones

bool is_end_of(std::string_view text, const FigureName& figure) {
  const std::string_view name = figure.name;
  if (name.size() > text.size() && name.ends_with(text)) return name[name.size() - text.size() - 1] == '.';
  const std::string_view pipeline = figure.only_pipeline;
  return !pipeline.empty() && text.size() == pipeline.size() + 1 + name.size() &&
         text.starts_with(pipeline) && text[pipeline.size()] == '.' && text.ends_with(name);
}

std::string listed(std::vector<std::string> choices) {
  const std::size_t more = choices.size() - std::min(choices.size(), kMostChoices);
  choices.resize(choices.size() - more);
  return text::join(choices, ", ") + (more > 0 ? text::format(" and {} more", more) : "");
}

// Those that contain the text come first, then the others that are near.
std::vector<std::string> nearest_to(std::string_view text, const std::vector<FigureName>& names) {
  std::vector<std::pair<std::size_t, std::size_t>> ranked;  // distance, position
  if (text.empty() || text.size() > kLongestName) return {};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i].name;
    if (name.size() > kLongestName) continue;
    const std::size_t distance = name.find(text) != std::string::npos ? 0 : json::edit_distance(text, name);
    if (distance <= std::max<std::size_t>(1, text.size() / 3)) ranked.emplace_back(distance, i);
  }
  std::sort(ranked.begin(), ranked.end());
  ranked.resize(std::min(ranked.size(), kMostChoices));
  std::vector<std::string> near;
  for (const auto& [distance, i] : ranked) near.push_back(names[i].name);
  return near;
}

[[noreturn]] void fail_unknown(std::string_view text, const std::vector<FigureName>& names) {
  const auto near = nearest_to(text, names);
  if (!near.empty())
    throw FigureError("", text::format("unknown figure \"{}\"; nearest: {}", text, listed(near)));
  std::vector<std::string> known;
  for (const FigureName& figure : names) known.push_back(figure.name);
  throw FigureError("", text::format("unknown figure \"{}\"; known: {}", text, listed(known)));
}

// Positions of those that a text may mean.
std::vector<std::size_t> meant_by(std::string_view text, const std::vector<FigureName>& names) {
  std::vector<std::size_t> meant;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].name == text) return {i};
    if (is_end_of(text, names[i])) meant.push_back(i);
  }
  return meant;
}

FigureName name_of(const Figure& figure, const Summary& summary) {
  if (figure.scope != FigureScope::latency) return {figure.name};
  return {figure.name, summary.latencies[figure.index].only_pipeline};
}

}  // namespace

std::string_view to_string(FigureKind kind) {
  switch (kind) {
    case FigureKind::time:
      return "time";
    case FigureKind::rate:
      return "rate";
    case FigureKind::share:
      return "share";
    case FigureKind::count:
      return "count";
    case FigureKind::number:
      return "number";
    case FigureKind::bytes:
      return "bytes";
    case FigureKind::money:
      return "money";
  }
  return "";
}

std::string_view to_string(Better better) {
  switch (better) {
    case Better::neither:
      return "neither";
    case Better::lower:
      return "lower";
    case Better::higher:
      return "higher";
  }
  return "";
}

std::string_view to_string(FigureScope scope) {
  switch (scope) {
    case FigureScope::run:
      return "run";
    case FigureScope::latency:
      return "latency";
    case FigureScope::partition:
      return "partition";
    case FigureScope::service:
      return "service";
  }
  return "";
}

std::vector<FigureName> figure_names(const Summary& summary) {
  std::vector<FigureName> names;
  for_each_figure(summary, [&](const Figure& figure) { names.push_back(name_of(figure, summary)); });
  return names;
}

std::vector<FigureName> figure_names(std::span<const std::string> names) {
  std::vector<FigureName> all;
  for (const std::string& name : names) all.push_back({name});
  return all;
}

const FigureName& resolve(std::string_view text, const std::vector<FigureName>& names,
                          std::string_view suffix) {
  std::vector<std::size_t> meant = meant_by(text, names);
  if (meant.empty() && !suffix.empty()) meant = meant_by(std::string(text) + std::string(suffix), names);
  if (meant.empty()) fail_unknown(text, names);
  if (meant.size() == 1) return names[meant.front()];
  std::vector<std::string> choices;
  for (const std::size_t i : meant) choices.push_back(names[i].name);
  throw FigureError("", text::format("figure \"{}\" is ambiguous: {}", text, listed(choices)));
}

std::string resolve_figure(const Summary& summary, std::string_view text) {
  return resolve(text, figure_names(summary)).name;
}

std::string resolve_figure(std::span<const std::string> names, std::string_view text) {
  return resolve(text, figure_names(names)).name;
}

double figure(const Summary& summary, std::string_view name) {
  std::vector<FigureName> names;
  std::vector<double> values;
  for_each_figure(summary, [&](const Figure& figure) {
    names.push_back(name_of(figure, summary));
    values.push_back(figure.value);
  });
  return values[static_cast<std::size_t>(&resolve(name, names) - names.data())];
}

}  // namespace gpushare
