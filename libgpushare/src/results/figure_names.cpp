#include "results/figure_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

constexpr std::size_t kMostChoices = 10;
constexpr std::size_t kLongestName = 200;  // nothing is near to longer ones

bool is_end_of(std::string_view text, std::string_view name) {
  return name.size() > text.size() && name.ends_with(text) && name[name.size() - text.size() - 1] == '.';
}

bool is_with_pipeline(std::string_view text, std::string_view pipeline, std::string_view name) {
  return !pipeline.empty() && text.size() == pipeline.size() + 1 + name.size() &&
         text.starts_with(pipeline) && text[pipeline.size()] == '.' && text.ends_with(name) &&
         is_of_latency(name);
}

// "llm.llm.ttft_p95_s" for "llm.ttft_p95_s": where there are several pipelines, one that is called as its only stage.
bool is_said_twice(std::string_view text, std::string_view only_pipeline, std::string_view name) {
  return only_pipeline.empty() && is_with_pipeline(text, name.substr(0, name.find('.')), name);
}

std::string listed(std::vector<std::string> choices) {
  const std::size_t more = choices.size() - std::min(choices.size(), kMostChoices);
  choices.resize(choices.size() - more);
  return text::join(choices, ", ") + (more > 0 ? text::format(" and {} more", more) : "");
}

// The last parts of a name, as many as the text has; without its unit where the text has none.
std::size_t distance_to(std::string_view text, std::string_view name) {
  auto parts = std::count(text.begin(), text.end(), '.') + 1;
  std::size_t begin = name.size();
  while (begin > 0 && (name[begin - 1] != '.' || --parts > 0)) --begin;
  const std::string_view tail = name.substr(begin);
  const std::size_t unit = tail.rfind('_');
  const std::size_t whole = json::edit_distance(text, tail);
  return unit == std::string_view::npos ? whole
                                        : std::min(whole, json::edit_distance(text, tail.substr(0, unit)));
}

// Those that contain the text come first, then the others that are near.
std::vector<std::string> nearest_to(std::string_view text, std::span<const std::string> names) {
  if (text.empty() || text.size() > kLongestName) return {};
  std::vector<std::pair<std::size_t, std::size_t>> ranked;  // distance, position
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].size() > kLongestName) continue;
    const bool contains = names[i].find(text) != std::string::npos;
    const std::size_t distance = contains ? 0 : distance_to(text, names[i]);
    if (distance <= std::max<std::size_t>(1, text.size() / 3)) ranked.emplace_back(distance, i);
  }
  std::sort(ranked.begin(), ranked.end());
  ranked.resize(std::min(ranked.size(), kMostChoices));
  std::vector<std::string> near;
  near.reserve(ranked.size());
  for (const auto& [distance, i] : ranked) near.push_back(names[i]);
  return near;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("._"), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// Those that have all words of the text, latencies first: "reranker.latency_p95_s" for "reranker_p95".
std::vector<std::string> with_all_words(std::string_view text, std::span<const std::string> names) {
  std::vector<std::string> found;
  const auto words = words_of(text.substr(0, kLongestName));
  if (words.size() < 2) return found;
  for (const bool latency : {true, false})
    for (const std::string& name : names) {
      const auto others = words_of(name);
      const bool all = std::all_of(words.begin(), words.end(), [&](std::string_view word) {
        return std::find(others.begin(), others.end(), word) != others.end();
      });
      const bool is_latency = std::find(others.begin(), others.end(), "latency") != others.end();
      if (all && is_latency == latency) found.push_back(name);
    }
  return found;
}

// Latencies of a service or stage, "llm.", then its other figures.
std::vector<std::string> of_the_same(std::string_view prefix, std::span<const std::string> names) {
  std::vector<std::string> found;
  if (prefix.empty()) return found;
  for (const bool latency : {true, false})
    for (const std::string& name : names)
      if (name.starts_with(prefix) && name.ends_with("_p95_s") == latency) found.push_back(name);
  return found;
}

// Positions of those that a text may mean.
std::vector<std::size_t> meant_by(std::string_view text, const FigureNames& known) {
  std::vector<std::size_t> meant;
  for (std::size_t i = 0; i < known.names.size(); ++i) {
    const std::string& name = known.names[i];
    if (name == text) return {i};
    if (is_end_of(text, name) || is_with_pipeline(text, known.only_pipeline, name) ||
        is_said_twice(text, known.only_pipeline, name))
      meant.push_back(i);
  }
  return meant;
}

constexpr auto kOtherWords = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"time_to_first_token", "ttft"},
     {"inter_token_latency", "itl"},
     {"time_per_output_token", "tpot"},
     {"average", "mean"},
     {"avg", "mean"},
     {"median", "p50"},
     {"output_tokens_per_s", "output_token_throughput"},
     {"tokens_per_s", "output_token_throughput"},
     {"tokens/s", "output_token_throughput"},
     {"tps", "output_token_throughput"},
     {"requests_per_s", "request_throughput"},
     {"rps", "request_throughput"},
     {"qps", "request_throughput"},
     {"error_rate", "success_rate"},
     {"errors", "success_rate"},
     {"failure_rate", "success_rate"},
     {"num_gpus", "gpus_used"},
     {"gpu_count", "gpus_used"}});

// "p95(llm.ttft)" and "p95_ttft" with the percentile at the end.
std::string with_percentile_last(std::string text) {
  if (text.size() < 4 || text[0] != 'p' || text.find_first_not_of("0123456789", 1) < 2) return text;
  const std::size_t end = text.find_first_not_of("0123456789", 1);
  if (end == text.npos || (text[end] != '_' && text[end] != '(')) return text;
  std::string rest = text.substr(end + 1);
  if (rest.ends_with(')')) rest.pop_back();
  return rest + "_" + text.substr(0, end);
}

std::string with_underscores(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return text;
}

// "llm_ttft_p95" with the stage before a dot.
std::string of_stage(std::string text) {
  if (const std::size_t first = text.find('_'); first != text.npos && text.find('.') == text.npos)
    text[first] = '.';
  return text;
}

// What other tools call a figure, by our words; with seconds as the unit where milliseconds are said.
std::string in_our_words(std::string_view text) {
  std::string ours = with_percentile_last(with_underscores(text::lower_case(text)));
  for (const auto& [word, known] : kOtherWords)
    if (const std::size_t at = ours.find(word); at != ours.npos) {
      ours.replace(at, word.size(), known);
      break;
    }
  if (const std::size_t e2e = ours.find("e2e_p"); e2e != ours.npos) ours.insert(e2e + 3, "_latency");
  if (ours.ends_with("_ms")) ours.replace(ours.size() - 2, 2, "s");
  return ours;
}

[[noreturn]] void fail_unknown(std::string_view text, const FigureNames& known) {
  const std::span<const std::string> names = known.names;
  const std::string ours = in_our_words(text);
  const std::string staged = of_stage(ours);
  std::vector<std::string> possible;
  if (ours != text) possible = {ours, ours + "_s"};
  if (staged != ours) possible.insert(possible.end(), {staged, staged + "_s"});
  for (const std::string& meant : possible)
    if (!meant_by(meant, known).empty())
      throw FigureError("", text::format("unknown figure \"{}\"; did you mean \"{}\"?", text, meant));
  const bool inside = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name.find(text) != std::string::npos;
  });
  auto near = inside ? std::vector<std::string>() : with_all_words(text, names);
  if (near.empty()) near = nearest_to(text, names);
  if (!near.empty())
    throw FigureError("", text::format("unknown figure \"{}\"; nearest: {}", text, listed(near)));
  const auto own = of_the_same(text.substr(0, text.find('.') + 1), names);
  if (!own.empty())
    throw FigureError("", text::format("unknown figure \"{}\"; there are {}", text, listed(own)));
  throw FigureError(
      "", text::format("unknown figure \"{}\"; known: {}", text, listed({names.begin(), names.end()})));
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

std::vector<std::string> figure_names(const Summary& summary) {
  std::vector<std::string> names;
  for_each_figure(summary, [&](const Figure& figure) { names.push_back(figure.name); });
  return names;
}

bool is_known(std::string_view text, const FigureNames& known) { return !meant_by(text, known).empty(); }

std::size_t resolve(std::string_view text, const FigureNames& known, std::string_view suffix) {
  std::vector<std::size_t> meant = meant_by(text, known);
  if (meant.empty() && !suffix.empty()) meant = meant_by(std::string(text) + std::string(suffix), known);
  if (const std::string lower = text::lower_case(text); meant.empty() && lower != text) {
    return resolve(lower, known,
                   suffix);  // names of figures have no capitals; those of services are found above
  }
  if (meant.empty()) fail_unknown(text, known);
  if (meant.size() == 1) return meant.front();
  std::vector<std::string> choices;
  choices.reserve(meant.size());
  for (const std::size_t i : meant) choices.push_back(known.names[i]);
  throw FigureError("", text::format("figure \"{}\" is ambiguous: {}", text, listed(choices)));
}

std::string resolve_figure(const Summary& summary, std::string_view text) {
  return resolve_figure(figure_names(summary), text, summary.only_pipeline);
}

std::string resolve_figure(std::span<const std::string> names, std::string_view text,
                           std::string_view only_pipeline) {
  return names[resolve(text, {names, only_pipeline})];
}

double figure(const Summary& summary, std::string_view name) {
  std::vector<std::string> names;
  std::vector<double> values;
  for_each_figure(summary, [&](const Figure& figure) {
    names.push_back(figure.name);
    values.push_back(figure.value);
  });
  return values[resolve(name, {names, summary.only_pipeline})];
}

}  // namespace gpushare
