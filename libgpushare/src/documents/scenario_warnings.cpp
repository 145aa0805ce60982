#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <span>

#include "core/json_reader.hpp"
#include "core/limited_mean.hpp"
#include "core/plausible.hpp"
#include "core/text.hpp"
#include "documents/idle_warnings.hpp"
#include "documents/parallel_warnings.hpp"
#include "documents/service_warnings.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/warnings.hpp"
#include "serving/engine_options.hpp"

namespace gpushare {
namespace {

using nlohmann::ordered_json;

/// Warnings in the order in which they are found, none twice.
class Found {
 public:
  void add(std::string where, std::string text) {
    Warning warning{std::move(where), std::move(text)};
    if (std::find(all_.begin(), all_.end(), warning) == all_.end()) all_.push_back(std::move(warning));
  }
  void check(const Plausible* range, const std::string& where, double value) {
    if (range == nullptr) return;
    if (auto odd = implausible(*range, value)) add(where, std::move(*odd));
  }
  [[nodiscard]] std::vector<Warning> take() { return std::move(all_); }

 private:
  std::vector<Warning> all_;
};

// ---- Numbers of a document ----

// Members that are in the unit of what they belong to: of a distribution, and of a figure with its source.
constexpr std::array<std::string_view, 8> kOfOwner{"value", "mean", "low",    "high",
                                                   "min",   "max",  "values", "scale"};
// Its members are named by kinds of GPU.
constexpr std::string_view kByGpu = "price_per_gpu_hour";
// What is read elsewhere: other modes, and bounds by figure.
constexpr std::array<std::string_view, 3> kElsewhere{"modes", "undo", "objectives"};

bool among(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Plausible* range_of(std::string_view key, const Plausible* of_owner) {
  if (const Plausible* own = plausible_range(key)) return own;
  const bool shared = among(kOfOwner, key) || (of_owner != nullptr && of_owner->key == kByGpu);
  return shared ? of_owner : nullptr;
}

void check_numbers(const ordered_json& value, const ordered_json::json_pointer& at, const Plausible* range,
                   Found& found) {
  if (value.is_number()) return found.check(range, at.to_string(), value.get<double>());
  if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i) check_numbers(value[i], at / i, range, found);
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.items())
    if (!among(kElsewhere, key)) check_numbers(member, at / key, range_of(key, range), found);
}

// A distribution whose limits leave little of the mean that it is given by.
void check_limits(const ordered_json& value, const ordered_json::json_pointer& at, Found& found) {
  constexpr double kMost = 0.1;  // by which limits may move a mean without a word
  if (value.is_object() && value.contains("mean") && value.contains("kind") && value.at("mean").is_number() &&
      (value.contains("max") || value.contains("min"))) {
    const nlohmann::json plain(value);
    const double mean = plain.at("mean").get<double>();
    const double limited = limited_mean(json::Reader(plain, "", {}).distribution());
    if (std::abs(limited - mean) > kMost * mean)
      found.add(at.to_string(),
                text::format("samples {} are {} it, so their mean is {:.4g} and not {:.4g}",
                             limited < mean ? text::format("above {:.6g}", plain.at("max").get<double>())
                                            : text::format("below {:.6g}", plain.at("min").get<double>()),
                             limited < mean ? "lowered to" : "raised to", limited, mean));
  }
  if (!value.is_structured()) return;
  for (const auto& [key, member] : value.items())
    if (!among(kElsewhere, key)) check_limits(member, at / key, found);
}

// Of a run as long as its traffic says: a day's or a week's pattern, or a file's, is a reason for a long one.
bool has_long_traffic(const Workload& workload) {
  return std::any_of(workload.traffic.begin(), workload.traffic.end(), [](const Traffic& traffic) {
    return traffic.kind != Traffic::Kind::closed && traffic.kind != Traffic::Kind::open;
  });
}

void check_document(const Scenario& scenario, const ordered_json& document, Found& found) {
  if (scenario.document.empty()) return;
  check_numbers(document, ordered_json::json_pointer(), nullptr, found);
  check_limits(document, ordered_json::json_pointer(), found);
  constexpr double kLongRun = 2 * 86400.0;
  const double duration_s = scenario.workload.duration_s;
  const bool daily = scenario.document.find("\"hourly\"") != std::string::npos ||
                     scenario.document.find("\"period_s\"") != std::string::npos;
  if (duration_s > kLongRun && duration_s <= plausible_range("duration_s")->most && !daily &&
      !has_long_traffic(scenario.workload))
    found.add("/duration_s", text::format("{:.6g} seconds are {:.1f} days of steady traffic; if it is in "
                                          "milliseconds, write {:.6g}",
                                          duration_s, duration_s / 86400, duration_s / 1000));
}

// ---- Files that it names ----

double number_of(const FieldValue& value) {
  return std::visit([](const auto& held) { return static_cast<double>(held); }, value);
}

void check_figures(const std::string& file, const std::vector<ProvenanceEntry>& figures, Found& found) {
  for (const ProvenanceEntry& figure : figures) {
    const auto value = ordered_json::parse(figure.value, nullptr, false);
    const std::string key = figure.pointer.substr(figure.pointer.rfind('/') + 1);
    if (value.is_number())
      found.check(plausible_range(key), file + "#" + figure.pointer, value.get<double>());
  }
}

// Options that a preset gives: those of the document stand in it.
void check_engine(const ordered_json& document, const Service& service, Found& found) {
  const auto at = ordered_json::json_pointer("/services") / service.name / "engine";
  FieldValues values;
  std::visit([&]<class Options>(
                 const Options& options) { append_values<Options>(values, table_of(options), options); },
             service.engine.options);
  append_values<Engine>(values, kEngineFields, service.engine);
  const ordered_json own = document.contains(at) ? document.at(at) : ordered_json::object();
  if (!own.is_object() || !own.contains("preset")) return;
  for (const auto& [name, value] : values)
    if (!own.contains(name))
      found.check(plausible_range(name), (at / "preset").to_string() + "#/" + std::string(name),
                  number_of(value));
}

void check_files(const Scenario& scenario, const ordered_json& document, Found& found) {
  std::set<const void*> seen;
  for (const Service& service : scenario.workload.services) {
    const auto at = ordered_json::json_pointer("/services") / service.name / "model";
    const bool in_document = document.contains(at) && document.at(at).is_object();
    if (!in_document && seen.insert(service.model.get()).second)
      check_figures(service.model->name, service.model->provenance, found);
    check_engine(document, service, found);
  }
  for (const GpuPlacement& gpu : scenario.placement.gpus)
    if (seen.insert(gpu.cut->profile.get()).second)
      check_figures(gpu.profile().name, gpu.profile().provenance, found);
}

// ---- Traffic ----

// A beginning that is longer than the prompts: they are alike, and a prefix cache finds all of them.
void check_system_prompt(const Traffic& traffic, const std::string& where, Found& found) {
  const double tokens = traffic.system_prompt_tokens, prompt = traffic.sizes.input_tokens.mean();
  if (tokens > 0 && tokens > prompt)
    found.add(
        where + "/system_prompt_tokens",
        text::format("{:.6g} tokens are more than the {:.6g} of a prompt in the mean, and input_tokens "
                     "counts them: all prompts are alike; if users say {:.6g} beside them, input_tokens "
                     "is {:.6g}",
                     tokens, prompt, prompt, tokens + prompt));
}

// Rates of a real service; slower is a file with another unit, or a very long sample.
constexpr double kSlowest = 0.02;  // requests a second
constexpr std::size_t kFew = 20;   // requests, of which no rate is to be taken
constexpr double kMostTokensPerS = 5e6;

// What the reason says from the part with such words on; empty where none has them.
std::string_view told_with(std::string_view words, const TraceOrigin& origin) {
  const std::string_view reason = origin.reason;
  const std::size_t at = reason.find(words);
  return at == std::string_view::npos ? std::string_view{} : reason.substr(reason.rfind(';', at) + 2);
}

void check_trace(const Traffic& traffic, const std::string& where, Found& found) {
  const Trace& trace = *traffic.trace;
  const TraceOrigin& origin = trace.origin;
  const double span_s = trace.arrival_s.back() / traffic.speed;
  if (origin.guessed_unit)
    found.add(
        where,
        text::format("no name of trace {} says the unit of its arrivals; as seconds they would be no date of "
                     "our time, so they are taken for {} since 1970 and last {:.4g} seconds; \"time_unit\" "
                     "says it",
                     trace.name, origin.time_unit, span_s));
  if (const auto told = told_with("taken for tokens", origin); !told.empty())
    found.add(where,
              text::format("trace {}: {}; if they count bytes or seconds, \"columns\" says what holds tokens",
                           trace.name, told));
  if (const auto told = told_with("is taken for the arrival", origin); !told.empty())
    found.add(where, text::format("trace {}: {}", trace.name, told));
  if (trace.size() < kFew || span_s <= 0 || origin.format.empty() || origin.time_unit == "date") return;
  const double per_s = static_cast<double>(trace.size() - 1) / span_s;
  const double tokens = std::accumulate(trace.output_tokens.begin(), trace.output_tokens.end(), 0.0) / span_s;
  if (per_s < kSlowest || tokens > kMostTokensPerS)
    found.add(where,
              text::format(
                  "trace {} has {:.3g} requests and {:.3g} output tokens a second if its arrivals count {}, "
                  "{:.4g} seconds in all; if that cannot be, say \"time_unit\": \"{}\"",
                  trace.name, per_s, tokens, origin.time_unit, span_s, per_s < kSlowest ? "ms" : "s"));
}

// Of calls that were handed over: how fast both sides speak.
void check_calls(const std::vector<VoiceCall>& calls, const std::string& where, Found& found) {
  double audio_s = 0, replied = 0, speech_s = 0, said = 0;
  for (const VoiceCall& call : calls)
    for (const CallTurn& turn : call.turns) {
      audio_s += turn.audio_s, replied += turn.reply_tokens;
      speech_s += turn.speech_s, said += turn.user_tokens;
    }
  if (replied > 0) found.check(plausible_range("audio_s_per_token"), where + ", audio_s", audio_s / replied);
  if (speech_s > 0)
    found.check(plausible_range("user_tokens_per_s"), where + ", user_tokens", said / speech_s);
}

void check_traffic(const Scenario& scenario, Found& found) {
  for (std::size_t i = 0; i < scenario.workload.traffic.size(); ++i) {
    const Traffic& traffic = scenario.workload.traffic[i];
    const std::string where = text::format("/traffic/{}", i);
    check_system_prompt(traffic, where, found);
    if (traffic.trace != nullptr) check_trace(traffic, where, found);
    if (traffic.calls != nullptr) check_calls(*traffic.calls, where, found);
  }
}

// ---- Placement and objectives ----

void check_caps(const Scenario& scenario, Found& found) {
  for (const GpuPlacement& gpu : scenario.placement.gpus)
    for (const PartitionPlacement& part : gpu.partitions)
      for (const ProcessPlacement& process : part.processes)
        if (part.sharing.mode == SharingMode::mps && scenario.mode.find("mps:") != std::string::npos)
          found.check(plausible_range("active_thread_percentage"), "mode " + scenario.mode,
                      process.active_thread_percentage);
}

bool is_free(const Scenario& scenario) {
  const Prices& prices = scenario.workload.prices;
  const auto priced = [](const NodePool& pool) {
    return pool.spot || pool.price_per_gpu_hour || pool.reserved;
  };
  const bool pools =
      scenario.control && std::any_of(scenario.control->pools.begin(), scenario.control->pools.end(), priced);
  return prices.by_gpu.empty() && prices.any_gpu == 0 && !pools;
}

constexpr Plausible kLatencyBound{"", 1e-5, 300, "seconds", "bounds of latencies"};
constexpr double kSmallShare = 0.1;  // less than that of what is to be much was probably said in per cent

// What is better than a bound of the better side fails it; between two bounds that is meant.
bool is_of_better_side(const FigureInfo& info, const FigureBound& bound, const Objectives& objectives) {
  if (info.better != (bound.at_most ? Better::higher : Better::lower)) return false;
  return std::none_of(objectives.figures.begin(), objectives.figures.end(), [&](const FigureBound& other) {
    return other.name == bound.name && other.at_most != bound.at_most;
  });
}

void check_side(const FigureInfo& info, const FigureBound& bound, const Objectives& objectives,
                Found& found) {
  const std::string where = "/objectives/" + bound.name;
  if (is_of_better_side(info, bound, objectives))
    found.add(where, text::format("bounds it where it is good: {} of it is better, and what is better than "
                                  "the bound fails. For the other side write \"{}\" (--slo '{}{}...')",
                                  bound.at_most ? "more" : "less", bound.at_most ? "at_least" : "at_most",
                                  bound.name, bound.at_most ? ">=" : "<="));
  else if (info.kind == FigureKind::share && !bound.at_most && bound.value > 0 && bound.value < kSmallShare)
    found.add(where, text::format("at least {:.3g} % is asked; for {:.3g} % write {:.3g}", 100 * bound.value,
                                  1e4 * bound.value, 100 * bound.value));
}

void check_objectives(const Scenario& scenario, Found& found) {
  for (const FigureBound& bound : scenario.workload.objectives.figures) {
    const auto info = figure_info(bound.name);
    if (!info) continue;
    check_side(*info, bound, scenario.workload.objectives, found);
    if (info->kind == FigureKind::time) found.check(&kLatencyBound, "/objectives/" + bound.name, bound.value);
    if (bound.name.starts_with("cost") && is_free(scenario))
      found.add("/objectives/" + bound.name,
                "no GPU has a price, so this is 0 whatever is done; say price_per_gpu_hour (--price)");
  }
}

}  // namespace

std::string to_string(const Warning& warning) {
  return warning.where.empty() ? warning.text : warning.where + ": " + warning.text;
}

std::vector<Warning> warnings_of(const Scenario& scenario) {
  Found found;
  const ordered_json document =
      scenario.document.empty() ? ordered_json::object() : ordered_json::parse(scenario.document);
  check_document(scenario, document, found);
  check_files(scenario, document, found);
  check_traffic(scenario, found);
  for (Warning& warning : scenario::service_warnings(scenario)) found.add(warning.where, warning.text);
  for (Warning& warning : scenario::parallel_warnings(scenario)) found.add(warning.where, warning.text);
  check_caps(scenario, found);
  for (Warning& warning : scenario::idle_warnings(scenario)) found.add(warning.where, warning.text);
  check_objectives(scenario, found);
  return found.take();
}

}  // namespace gpushare
