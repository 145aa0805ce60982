
#include <algorithm>
#include <filesystem>

#include "core/text.hpp"
#include "documents/scenario_document.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"
#include "placement/memory_parts.hpp"

namespace gpushare {

namespace scenario {
namespace {

constexpr int kMostReplicas = 1000;
constexpr int kMostItems = 1'000'000;  // of batches, streams and sequences: beyond any server
constexpr int kMostGuesses = 64;       // of an iteration: likewise
constexpr std::string_view kLookup = "ngram";

int whole(const Reader& reader, std::string_view key, int otherwise, int min, int max = kMostItems) {
  return static_cast<int>(reader.integer(key, otherwise, min, max));
}

void name_inline(nlohmann::json& model, const std::string& service) {
  for (const char* key : {"name", "title"})
    if (!model.contains(key)) model[key] = service;
}

// A model written in the scenario: its errors point into the scenario.
Model inline_model(const Reader& reader, const std::string& service) {
  nlohmann::json model = reader.raw();
  name_inline(model, service);
  const std::string where = reader.where();
  try {
    return parse_model(model.dump(), where);
  } catch (const ModelError& error) {
    const std::string what = std::string(error.what()).substr(error.where().size());
    const bool inside = error.where().starts_with(where + "#");
    throw ScenarioError(inside ? where + error.where().substr(where.size() + 1) : where,
                        what.starts_with(": ") ? what.substr(2) : what);
  }
}

std::shared_ptr<const Model> read_model(const Reader& reader, const std::string& service) {
  if (reader.is_object()) return std::make_shared<const Model>(inline_model(reader, service));
  if (!reader.is_string())
    reader.fail("expected a model's name, the path of its file, or the model itself (an object)");
  const std::string name = reader.string();
  if (is_path(name)) {
    if (!std::filesystem::exists(name)) reader.fail(text::format("there is no model file \"{}\"", name));
  } else if (const auto names = model_names(); std::find(names.begin(), names.end(), name) == names.end()) {
    reader.fail(unknown_name("model", name, names) + "; or give the path of a .json file");
  }
  return std::make_shared<const Model>(load_model(name));
}

Names precisions_of(const Model& model) {
  if (const auto* llm = std::get_if<LlmModel>(&model.cost)) {
    Names names;
    for (const WeightFormat& format : llm->formats)
      if (names.empty() || names.back() != to_string(format.name)) names.emplace_back(to_string(format.name));
    return names;
  }
  if (const auto* batch = std::get_if<BatchModel>(&model.cost))
    return {std::string(to_string(batch->precision))};
  return {std::string(to_string(Precision::fp16))};
}

Precision precision_named(const std::string& name) {
  for (std::size_t i = 0; i < kPrecisionCount; ++i)
    if (name == to_string(static_cast<Precision>(i))) return static_cast<Precision>(i);
  return Precision::fp16;
}

Precision read_precision(const Reader& owner, const Model& model) {
  const Names legal = precisions_of(model);
  const auto reader = owner.find("precision");
  if (!reader) {
    const bool has_fp16 = std::find(legal.begin(), legal.end(), "fp16") != legal.end();
    return precision_named(has_fp16 ? "fp16" : legal.front());
  }
  const std::string name = reader->string();
  if (std::find(legal.begin(), legal.end(), name) == legal.end()) {
    const auto near = json::nearest(name, legal);
    reader->fail(text::format("model {} has no weights in \"{}\"{} It has {}", model.name, name,
                              near ? text::format("; did you mean \"{}\"?", *near) : ".",
                              text::join(legal, ", ")));
  }
  return precision_named(name);
}

std::vector<EngineKind> engines_for(const Model& model) {
  if (std::holds_alternative<LlmModel>(model.cost)) return {EngineKind::continuous_batching};
  if (std::holds_alternative<StreamingAsrModel>(model.cost)) return {EngineKind::stream_batching};
  if (std::holds_alternative<AutoregressiveTtsModel>(model.cost)) return {EngineKind::autoregressive_slots};
  return {EngineKind::fifo, EngineKind::dynamic_batching};
}

EngineKind read_kind(const Reader& engine, const Model& model) {
  const auto fitting = engines_for(model);
  const auto reader = engine.find("kind");
  if (!reader) return fitting.front();
  const auto kind = static_cast<EngineKind>(reader->choice(
      {"fifo", "dynamic-batching", "stream-batching", "autoregressive-slots", "continuous-batching"}));
  if (std::find(fitting.begin(), fitting.end(), kind) == fitting.end()) {
    Names names;
    for (const EngineKind fit : fitting) names.emplace_back(to_string(fit));
    reader->fail(text::format("model {} is of kind {}, which needs {}, not \"{}\"", model.name,
                              kind_of(model), text::join(names, " or "), to_string(kind)));
  }
  return kind;
}

void read_preferred(const Reader& reader, Engine& engine) {
  const auto list = reader.find("preferred_batch");
  if (!list) return;
  if (!list->is_array()) list->fail("expected an array of batch sizes");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Reader size = list->at(i);
    const auto value = static_cast<int>(size.integer(1, kMostItems));
    if (value > engine.max_batch)
      size.fail(text::format("a preferred batch of {} is more than max_batch {}", value, engine.max_batch));
    if (!engine.preferred_batch.empty() && value <= engine.preferred_batch.back())
      size.fail(text::format("preferred sizes must ascend, found {} after {}", value,
                             engine.preferred_batch.back()));
    engine.preferred_batch.push_back(value);
  }
}

void read_slots(const Reader& reader, const Model& model, Engine& engine) {
  engine.slots = whole(reader, "slots", engine.slots, 0);
  const auto& profiles = std::get<AutoregressiveTtsModel>(model.cost).batch_profiles;
  const bool known =
      std::any_of(profiles.begin(), profiles.end(), [&](const auto& p) { return p.batch == engine.slots; });
  if (engine.slots == 0 || known) return;
  Names sizes;
  for (const auto& profile : profiles) sizes.push_back(std::to_string(profile.batch));
  reader.at("slots").fail(
      text::format("model {} has no batch profile of {} slots; it has {}, and 0 takes the largest that fits",
                   model.name, engine.slots, text::join(sizes, ", ")));
}

void read_schedule(const Reader& reader, Engine& engine) {
  engine.chunked_prefill = reader.boolean("chunked_prefill", engine.chunked_prefill);
  engine.prefill_first = reader.boolean("prefill_first", engine.prefill_first);
  engine.reserve_output = reader.boolean("reserve_output", engine.reserve_output);
  engine.async_scheduling = reader.boolean("async_scheduling", engine.async_scheduling);
  engine.async_output = reader.boolean("async_output", engine.async_output);
  engine.priority_scheduling = reader.boolean("priority_scheduling", engine.priority_scheduling);
  engine.max_num_partial_prefills =
      whole(reader, "max_num_partial_prefills", engine.max_num_partial_prefills, 1);
  engine.long_prefill_token_threshold =
      whole(reader, "long_prefill_token_threshold", engine.long_prefill_token_threshold, 0);
  engine.cuda_graph_max_batch = whole(reader, "cuda_graph_max_batch", engine.cuda_graph_max_batch, 0);
}

void read_prefix_cache(const Reader& reader, Engine& engine) {
  const auto share = reader.find("prefix_cache_share");
  engine.prefix_caching = reader.boolean("prefix_caching", engine.prefix_caching && !share);
  if (!share) return;
  if (engine.prefix_caching) share->fail("prefix_caching finds the share by itself; give one of them");
  engine.prefix_cache_share = share->number(json::kFraction);
}

Engine preset_named(const Reader& reader) {
  const auto names = engine_preset_names();
  const std::string name = reader.string();
  if (std::find(names.begin(), names.end(), name) == names.end())
    reader.fail(unknown_name("engine preset", name, names));
  return load_engine_preset(name).engine;
}

Speculation read_speculation(const Reader& reader, const std::string& service) {
  Speculation speculation;
  speculation.tokens = static_cast<int>(reader.at("tokens").integer(1, kMostGuesses));
  speculation.acceptance = reader.at("acceptance").number(json::kFraction);
  const Reader draft = reader.at("draft");
  if (draft.is_string() && draft.string() == kLookup) {
    if (const auto precision = reader.find("precision"))
      precision->fail("guesses that are looked up (\"draft\": \"ngram\") have no weights");
  } else {
    speculation.draft = read_model(draft, service + " draft");
    const Model& model = *speculation.draft;
    if (!std::holds_alternative<LlmModel>(model.cost))
      draft.fail(text::format("model {} is of kind {}; a draft is an LLM, or \"{}\" for a lookup in the text",
                              model.name, kind_of(model), kLookup));
    speculation.precision = read_precision(reader, model);
  }
  reader.finish();
  return speculation;
}

void check_budget(const Reader& reader, const Engine& engine) {
  if (engine.max_num_seqs > engine.max_num_batched_tokens)
    reader.fail(text::format(
        "max_num_seqs {} is more than max_num_batched_tokens {}: an iteration could not give every "
        "running sequence its token",
        engine.max_num_seqs, engine.max_num_batched_tokens));
  const int guesses = engine.speculation.tokens;
  const std::int64_t verified = std::int64_t{engine.max_num_seqs} * (1 + guesses);
  if (guesses > 0 && verified > engine.max_num_batched_tokens)
    reader.at("speculation")
        .fail(text::format("{} guesses and a token of {} sequences are {} tokens, more than "
                           "max_num_batched_tokens {}; lower tokens or max_num_seqs",
                           guesses, engine.max_num_seqs, verified, engine.max_num_batched_tokens));
}

void read_continuous(const Reader& reader, const std::string& service, Engine& engine) {
  engine.max_num_seqs = whole(reader, "max_num_seqs", engine.max_num_seqs, 1);
  engine.max_num_batched_tokens = whole(reader, "max_num_batched_tokens", engine.max_num_batched_tokens, 1);
  engine.block_size = whole(reader, "block_size", engine.block_size, 1, 1024);
  engine.gpu_memory_utilization = reader.number("gpu_memory_utilization", 0, {0, 1, true});
  engine.kv_blocks = reader.integer("kv_blocks", 0, 0, std::int64_t{1} << 32);
  engine.watermark = reader.number("watermark", engine.watermark, json::kFraction);
  const json::Range host = json::kNonNegative;
  engine.host_per_step_s = reader.number("host_per_step_s", engine.host_per_step_s, host);
  engine.host_per_sequence_s = reader.number("host_per_sequence_s", engine.host_per_sequence_s, host);
  engine.frontend_request_s = reader.number("frontend_request_s", engine.frontend_request_s, host);
  engine.frontend_token_s = reader.number("frontend_token_s", engine.frontend_token_s, host);
  read_schedule(reader, engine);
  read_prefix_cache(reader, engine);
  if (const auto speculation = reader.find("speculation"))
    engine.speculation = read_speculation(*speculation, service);
  check_budget(reader, engine);
}

void read_fields(const Reader& reader, const Service& service, Engine& engine) {
  switch (engine.kind) {
    case EngineKind::fifo:
      engine.concurrency = whole(reader, "concurrency", engine.concurrency, 1);
      break;
    case EngineKind::dynamic_batching:
      engine.max_batch = whole(reader, "max_batch", engine.max_batch, 1);
      read_preferred(reader, engine);
      engine.max_queue_delay_s = reader.number("max_queue_delay_s", 0, json::kNonNegative);
      break;
    case EngineKind::stream_batching:
      engine.max_batch = whole(reader, "max_batch", engine.max_batch, 1);
      engine.chunk_s = reader.number("chunk_s", engine.chunk_s, {0.001, 3600});
      engine.speech_speed = reader.number("speech_speed", engine.speech_speed, json::kPositive);
      engine.max_streams = whole(reader, "max_streams", engine.max_streams, 0);
      engine.max_queue_delay_s = reader.number("max_queue_delay_s", 0, json::kNonNegative);
      engine.overlap_decoding = reader.boolean("overlap_decoding", false);
      break;
    case EngineKind::autoregressive_slots:
      read_slots(reader, *service.model, engine);
      engine.first_chunk_frames = reader.number("first_chunk_frames", engine.first_chunk_frames, {1, 1e6});
      engine.chunk_frames = reader.number("chunk_frames", engine.chunk_frames, {1, 1e6});
      engine.chunk_growth = reader.number("chunk_growth", 0, json::kNonNegative);
      break;
    case EngineKind::continuous_batching:
      read_continuous(reader, service.name, engine);
      break;
  }
}

Engine read_engine(const Reader& reader, const Service& service) {
  Engine engine;
  engine.kind = read_kind(reader, *service.model);
  if (engine.kind == EngineKind::continuous_batching)
    if (const auto preset = reader.find("preset")) engine = preset_named(*preset);
  engine.queue_limit = reader.integer("queue_limit", -1, -1);
  engine.request_overhead_s =
      reader.number("request_overhead_s", engine.request_overhead_s, json::kNonNegative);
  read_fields(reader, service, engine);
  reader.finish();
  return engine;
}

int read_tensor_parallel(const Reader& service, const Model& model) {
  const int ranks = whole(service, "tensor_parallel", 1, 1, kMostRanks);
  const auto fail = [&](const std::string& what) { service.at("tensor_parallel").fail(what); };
  if ((ranks & (ranks - 1)) != 0)
    fail(text::format("expected 1, 2, 4 or 8, which divide the heads of a network evenly; found {}", ranks));
  if (ranks > 1 && !std::holds_alternative<LlmModel>(model.cost))
    fail(text::format("only LLMs run over several GPUs; model {} is of kind {}", model.name, kind_of(model)));
  return ranks;
}

Service read_service(const Reader& reader, const std::string& name) {
  Service service;
  service.name = name;
  service.model = read_model(reader.at("model"), name);
  service.precision = read_precision(reader, *service.model);
  service.replicas = whole(reader, "replicas", kDefaultReplicas, 1, kMostReplicas);
  service.tensor_parallel = read_tensor_parallel(reader, *service.model);
  if (const auto routing = reader.find("routing"))
    service.routing =
        static_cast<Routing>(routing->choice({"round-robin", "least-outstanding", "shared-queue",
                                              "user-affinity", "random", "power-of-two", "prefix-affine"}));
  service.memory_bytes = reader.number("memory_bytes", 0, json::kPositive);
  if (const auto engine = reader.find("engine")) {
    service.engine = read_engine(*engine, service);
  } else {
    service.engine.kind = engines_for(*service.model).front();
  }
  if (service.memory_bytes > 0 && service.engine.kv_blocks > 0)
    reader.at("memory_bytes")
        .fail("memory_bytes and engine/kv_blocks both set the size of the cache; give one");
  reader.finish();
  return service;
}

}  // namespace

std::vector<Service> read_services(const Reader& services, const Names& order) {
  if (services.keys().empty()) services.fail("a scenario needs at least one service");
  std::vector<Service> read;
  for (const std::string& name : order) read.push_back(read_service(services.at(name), name));
  return read;
}

}  // namespace scenario
}  // namespace gpushare
