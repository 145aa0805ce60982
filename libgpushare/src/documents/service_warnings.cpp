#include "documents/service_warnings.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "core/limited_mean.hpp"
#include "core/text.hpp"
#include "gpushare/fits.hpp"
#include "serving/engine_options.hpp"

namespace gpushare::scenario {
namespace {

using nlohmann::ordered_json;

// ---- Weights that the GPU cannot multiply in

// What servers do there, as their documents have it (vLLM 0.32, FP8; TensorRT-LLM 0.19, support matrix).
std::string what_servers_do(const Service& service, Precision format) {
  if (format != Precision::fp8) return "";
  const auto* options = std::get_if<ContinuousOptions>(&service.engine.options);
  const std::string preset = options == nullptr ? "" : options->preset;
  if (preset.starts_with("tensorrt-llm") || preset.starts_with("nim"))
    return "; TensorRT-LLM has no such kernels and refuses FP8 before Ada and Hopper";
  return "; vLLM does so from compute capability 7.5 on (T4, A100), its older releases from 8.0, and refuses "
         "FP8 "
         "before; TensorRT-LLM has FP8 from Ada and Hopper on";
}

void add_weight_only(const Service& service, const GpuProfile& gpu, std::vector<Warning>& found) {
  const auto* model = std::get_if<LlmModel>(&service.model->cost);
  if (model == nullptr) return;
  const WeightFormat* used = model->format_for(service.precision, gpu);
  const auto native = std::find_if(model->formats.begin(), model->formats.end(),
                                   [&](const WeightFormat& one) { return one.name == service.precision; });
  if (native == model->formats.end() || native->compute == used->compute) return;
  const std::string_view format = to_string(service.precision), products = to_string(used->compute);
  const bool same_cache = native->kv_bytes_per_token == used->kv_bytes_per_token;
  found.push_back(
      {text::format("/services/{}/precision", service.name),
       text::format("{} cannot multiply in {}: weights are kept in it and expanded, products run at the rate "
                    "of {}{}{}",
                    gpu.name, format, products,
                    same_cache ? "" : text::format(", and keys and values stay in {}", products),
                    what_servers_do(service, service.precision))});
}

// ---- Contexts that the cache does not hold

void add_context(const Service& service, const MemoryNeed& need, const GpuProfile& gpu,
                 std::vector<Warning>& found) {
  const auto* options = std::get_if<ContinuousOptions>(&service.engine.options);
  if (options == nullptr || options->max_model_len == 0) return;
  const std::int64_t cached = need.kv_blocks * options->block_size;
  if (cached >= options->max_model_len) return;
  found.push_back(
      {text::format("/services/{}/engine/max_model_len", service.name),
       text::format("one request of {} tokens is more than the cache on {} holds, {} tokens: vLLM does not "
                    "start so; choose at most {}, or give it more memory",
                    options->max_model_len, gpu.name, cached, cached)});
}

// ---- Sizes that nothing takes

std::vector<std::string_view> taken_by(Role role) {
  switch (role) {
    case Role::generates:
      return {"input_tokens", "output_tokens"};
    case Role::recognises:
      return {"speech_s"};
    case Role::speaks:
      return {"output_tokens", "units"};
    case Role::counts:
      return {"units"};
    case Role::waits:
    case Role::draws:
      break;
  }
  return {};
}

std::string what_it_takes(const Service& service, const Stage& stage) {
  const Role role = stage.role;
  std::string name = text::format("{} ({})", service.name, service.model->name);
  if (stage.units) return text::format("{} takes the units of its stage", name);
  if (const auto* batch = std::get_if<BatchModel>(&service.model->cost);
      role == Role::counts && batch != nullptr)
    return text::format("{} takes units, and one is a {}", name, batch->unit);
  const auto taken = taken_by(role);
  return taken.empty() ? name + " takes none" : text::format("{} takes {}", name, text::join(taken, " and "));
}

void add_ignored_sizes(const Scenario& scenario, const ordered_json& document, std::vector<Warning>& found) {
  const Workload& workload = scenario.workload;
  for (std::size_t i = 0; i < workload.traffic.size(); ++i) {
    const ordered_json::json_pointer at = ordered_json::json_pointer("/traffic") / i / "sizes";
    if (!document.contains(at)) continue;
    std::vector<std::string_view> taken;
    std::vector<std::string> takers;
    for (const Stage& stage :
         workload.pipelines[static_cast<std::size_t>(workload.traffic[i].pipeline)].stages) {
      if (stage.service < 0) continue;
      if (!stage.units)
        for (const std::string_view key : taken_by(stage.role)) taken.push_back(key);
      takers.push_back(what_it_takes(workload.services[static_cast<std::size_t>(stage.service)], stage));
    }
    for (const char* key : {"input_tokens", "output_tokens", "speech_s", "units"})
      if (document.at(at).contains(key) && std::find(taken.begin(), taken.end(), key) == taken.end())
        found.push_back(
            {(at / key).to_string(), text::format("changes nothing: {}", text::join(takers, "; "))});
  }
}

// ---- Requests that no context holds

double usual(const Distribution& size) { return std::clamp(size.mean(), size.low, size.high); }

std::int64_t longest_of(const Service& service) {
  const auto* options = std::get_if<ContinuousOptions>(&service.engine.options);
  const auto* model = std::get_if<LlmModel>(&service.model->cost);
  if (options == nullptr || model == nullptr) return 0;
  return context_of(*options, *model);
}

void add_long_requests(const Workload& workload, std::vector<Warning>& found) {
  for (std::size_t i = 0; i < workload.traffic.size(); ++i) {
    const Traffic& traffic = workload.traffic[i];
    if (traffic.kind == Traffic::Kind::trace || traffic.kind == Traffic::Kind::calls) continue;
    const double tokens = usual(traffic.sizes.input_tokens) + usual(traffic.sizes.output_tokens);
    for (const Stage& stage : workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages) {
      if (stage.service < 0) continue;
      const Service& service = workload.services[static_cast<std::size_t>(stage.service)];
      if (const std::int64_t context = longest_of(service);
          context > 0 && tokens > static_cast<double>(context))
        found.push_back(
            {text::format("/traffic/{}/sizes", i),
             text::format("{:.0f} tokens of prompt and reply, on average, are more than the context of {} "
                          "({}), {} tokens: longer requests are rejected",
                          tokens, service.name, service.model->name, context)});
    }
  }
}

// ---- Latencies that count what a user says

// Whether a figure is a latency of such a stage, or of its pipeline, from the request's arrival: when the user begins.
bool counts_speech(std::string_view figure, const Pipeline& pipeline, const Stage& stage, bool only) {
  const std::size_t dot = figure.rfind('.');
  const std::string_view of = dot == std::string_view::npos ? "" : figure.substr(0, dot);
  const std::string_view metric = dot == std::string_view::npos ? figure : figure.substr(dot + 1);
  if (metric.starts_with("e2e_latency_")) return of == pipeline.name || (only && of.empty());
  if (!metric.starts_with("latency_")) return false;
  return of == text::format("{}.{}", pipeline.name, stage.name) || of == stage.name;
}

double spoken_s(const Traffic& traffic, const Service& service) {
  const auto* streams = std::get_if<StreamOptions>(&service.engine.options);
  const double speed = streams != nullptr && streams->speech_speed > 0 ? streams->speech_speed : 1;
  return limited_mean(traffic.sizes.speech_s) / speed;
}

void add_bounds_of_speech(const Workload& workload, std::vector<Warning>& found) {
  const bool only = workload.pipelines.size() == 1;
  for (const Traffic& traffic : workload.traffic) {
    if (traffic.kind == Traffic::Kind::calls) continue;  // whose turns have utterances of their own
    const Pipeline& pipeline = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)];
    for (const Stage& stage : pipeline.stages) {
      if (stage.role != Role::recognises) continue;
      const double speech_s = spoken_s(traffic, workload.services[static_cast<std::size_t>(stage.service)]);
      for (const FigureBound& bound : workload.objectives.figures)
        if (bound.at_most && bound.value < speech_s && counts_speech(bound.name, pipeline, stage, only))
          found.push_back(
              {"/objectives/" + bound.name,
               text::format(
                   "counts the speech itself, from when the user begins: {:.3g} s on average, longer than "
                   "the {:.3g} s that are asked for; {}.after_speech is from its end, and voice_to_voice "
                   "to the first sound of a spoken reply",
                   speech_s, bound.value, stage.name)});
    }
  }
}

}  // namespace

std::vector<Warning> service_warnings(const Scenario& scenario) {
  std::vector<Warning> found;
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    const auto needs = memory_needs(scenario.workload.services, gpu);
    for (std::size_t part = 0; part < needs.size(); ++part)
      for (std::size_t i = 0; i < needs[part].size(); ++i) {
        const int index = gpu.partitions[part].processes[i].service;
        const Service& service = scenario.workload.services[static_cast<std::size_t>(index)];
        add_weight_only(service, gpu.profile(), found);
        add_context(service, needs[part][i], gpu.profile(), found);
      }
  }
  add_long_requests(scenario.workload, found);
  add_bounds_of_speech(scenario.workload, found);
  if (!scenario.document.empty()) add_ignored_sizes(scenario, ordered_json::parse(scenario.document), found);
  return found;
}

}  // namespace gpushare::scenario
