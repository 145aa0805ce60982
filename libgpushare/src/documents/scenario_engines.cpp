#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "documents/other_flags.hpp"
#include "documents/scenario_parts.hpp"
#include "models/model_kind.hpp"
#include "models/model_reader.hpp"
#include "placement/served_by.hpp"
#include "serving/engine_options.hpp"

// A service's engine: the options of its kind by their table, and what a table cannot say.

namespace gpushare::scenario {
namespace {

constexpr int kMostGuesses = 64;  // of an iteration: beyond any server
constexpr std::string_view kLookup = "ngram";

EngineKind read_kind(const Reader& engine, const Model& model) {
  const auto reader = engine.find("kind");
  if (!reader) return engines_for(model).front();
  const auto kind = static_cast<EngineKind>(reader->choice(kEngineNames));
  if (const auto refusal = engine_refusal(model, kind); !refusal.empty()) reader->fail(refusal);
  return kind;
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
    speculation.draft = named_model(draft, service + " draft");
    const Model& model = *speculation.draft;
    if (role_of(model) != Role::generates)
      draft.fail(text::format("model {} is of kind {}; a draft is an LLM, or \"{}\" for a lookup in the text",
                              model.name, kind_of(model), kLookup));
    speculation.precision = read_precision(reader, model);
  }
  reader.finish();
  return speculation;
}

// A server that finds its prompts by itself does not take a share that is given.
void read_prefix_cache(const Reader& reader, ContinuousOptions& options) {
  const auto share = reader.find("prefix_cache_share");
  if (!share) return;
  if (!reader.has("prefix_caching")) options.prefix_caching = false;
  if (options.prefix_caching) share->fail("prefix_caching finds the share by itself; give one of them");
}

void check_budget(const Reader& reader, const ContinuousOptions& options) {
  if (options.max_num_seqs > options.max_num_batched_tokens)
    reader.fail(text::format(
        "max_num_seqs {} is more than max_num_batched_tokens {}: an iteration could not give every "
        "running sequence its token",
        options.max_num_seqs, options.max_num_batched_tokens));
  const int guesses = options.speculation.tokens;
  const std::int64_t verified = std::int64_t{options.max_num_seqs} * (1 + guesses);
  if (guesses > 0 && verified > options.max_num_batched_tokens)
    reader.at("speculation")
        .fail(text::format("{} guesses and a token of {} sequences are {} tokens, more than "
                           "max_num_batched_tokens {}; lower tokens or max_num_seqs",
                           guesses, options.max_num_seqs, verified, options.max_num_batched_tokens));
}

// What a table cannot say: members that are read by hand, and checks of several together. Most kinds have none.
template <class Options>
void finish(const Reader&, const Service&, Options&) {}

void finish(const Reader& reader, const Service&, BatchOptions& options) {
  const auto list = reader.find("preferred_batch");
  if (!list) return;
  if (!list->is_array()) list->fail("expected an array of batch sizes");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Reader size = list->at(i);
    int value = 0;
    fields::read(size, options::kItems, value);
    if (value > options.max_batch)
      size.fail(text::format("a preferred batch of {} is more than max_batch {}", value, options.max_batch));
    if (!options.preferred_batch.empty() && value <= options.preferred_batch.back())
      size.fail(text::format("preferred sizes must ascend, found {} after {}", value,
                             options.preferred_batch.back()));
    options.preferred_batch.push_back(value);
  }
}

void finish(const Reader& reader, const Service& service, SlotOptions& options) {
  const auto& profiles = std::get<AutoregressiveTtsModel>(service.model->cost).batch_profiles;
  const bool known = std::any_of(profiles.begin(), profiles.end(),
                                 [&](const auto& profile) { return profile.batch == options.slots; });
  if (options.slots == 0 || known) return;
  Names sizes;
  for (const auto& profile : profiles) sizes.push_back(std::to_string(profile.batch));
  reader.at("slots").fail(
      text::format("model {} has no batch profile of {} slots; it has {}, and 0 takes the largest that fits",
                   service.model->name, options.slots, text::join(sizes, ", ")));
}

// Between 4.9e-5 (TensorRT-LLM) and 8.9e-5 (vLLM 0.24), measured of prompts outside CUDA graphs: presets of these names.
constexpr double kAssumedEagerKernel_s = 6.6e-5;

// A limit that the document states holds on every card.
void keep_stated_limits(const Reader& reader, ContinuousOptions& options) {
  if (reader.has("max_num_seqs") && !reader.has("large_card_max_num_seqs"))
    options.large_card_max_num_seqs = 0;
  if (reader.has("max_num_batched_tokens") && !reader.has("large_card_max_num_batched_tokens"))
    options.large_card_max_num_batched_tokens = 0;
}

void check_length(const Reader& reader, const Service& service, const ContinuousOptions& options) {
  const int context = std::get<LlmModel>(service.model->cost).context_tokens;
  if (context == 0 || options.max_model_len <= context) return;
  reader.at("max_model_len")
      .fail(text::format("{} is more than the context of {}, {} tokens, and servers refuse to start with it",
                         options.max_model_len, service.model->name, context));
}

void finish(const Reader& reader, const Service& service, ContinuousOptions& options) {
  if (options.enforce_eager && options.eager_kernel_s == 0) options.eager_kernel_s = kAssumedEagerKernel_s;
  keep_stated_limits(reader, options);
  check_length(reader, service, options);
  read_prefix_cache(reader, options);
  if (const auto speculation = reader.find("speculation"))
    options.speculation = read_speculation(*speculation, service.name);
  check_budget(reader, options);
}

// Before the options: what they are unless the document says so.
Engine starting_point(const Reader& reader, const Model& model) {
  const bool kind_named = reader.has("kind");
  const EngineKind kind = read_kind(reader, model);
  if (kind != EngineKind::continuous_batching && reader.raw().contains("preset"))
    reader.at("preset").fail(
        text::format("presets are of servers of language models; the server of {} is of kind \"{}\"",
                     model.name, kEngineNames[static_cast<std::size_t>(kind)]));
  if (kind == EngineKind::continuous_batching)
    if (const auto preset = reader.find("preset")) return named_preset(*preset).engine;
  return kind_named ? engine_of(kind) : usual_engine(model);
}

}  // namespace

bool keeps_cache_in_8_bits(const Reader& engine) {
  const auto dtype = engine.find("kv_cache_dtype");
  return dtype && dtype->choice({"auto", "fp8", "fp8_e4m3", "fp8_e5m2"}) > 0;
}

Engine read_engine(const Reader& reader, const Service& service) {
  Engine engine = starting_point(reader, *service.model);
  read_fields<Engine>(reader, kEngineFields, engine);
  std::visit(
      [&]<class Options>(Options& options) {
        read_fields<Options>(reader, table_of(options), options);
        finish(reader, service, options);
      },
      engine.options);
  refuse_flags_in_engine(reader);
  reader.finish();
  return engine;
}

}  // namespace gpushare::scenario
