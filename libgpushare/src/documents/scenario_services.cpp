#include <algorithm>
#include <map>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "documents/other_flags.hpp"
#include "documents/scenario_parts.hpp"
#include "models/model_kind.hpp"
#include "models/model_reader.hpp"
#include "placement/memory_parts.hpp"
#include "placement/served_by.hpp"
#include "serving/engine_options.hpp"

namespace gpushare::scenario {
namespace {

constexpr int kMostReplicas = 1000;

int whole(const Reader& reader, std::string_view key, int otherwise, int min, int max) {
  return static_cast<int>(reader.integer(key, otherwise, min, max));
}

}  // namespace

namespace {

// As servers and repositories call them: 16 bits of either kind cost the same, and so do all ways to 4 and to 8 bits.
std::string usual_precision(const std::string& said) {
  static const std::map<std::string, std::string, std::less<>> others{
      {"bf16", "fp16"},       {"bfloat16", "fp16"},     {"float16", "fp16"},    {"half", "fp16"},
      {"awq", "int4"},        {"gptq", "int4"},         {"w4a16", "int4"},      {"w8a8", "int8"},
      {"fp8_e4m3", "fp8"},    {"float8", "fp8"},        {"e4m3", "fp8"},        {"nf4", "int4"},
      {"fp8_e5m2", "fp8"},    {"e5m2", "fp8"},          {"mxfp4", "int4"},      {"q8_0", "int8"},
      {"fp8_dynamic", "fp8"}, {"float8_e4m3fn", "fp8"}, {"float8_e5m2", "fp8"}, {"gptq_int4", "int4"},
      {"awq_int4", "int4"},   {"int4_awq", "int4"},     {"w4a16_awq", "int4"},  {"gptq_int8", "int8"},
      {"int8_sq", "int8"},    {"w8a16", "int8"},        {"4bit", "int4"},       {"8bit", "int8"}};
  const std::size_t module = said.starts_with("torch.") ? said.find('.') + 1 : 0;  // "torch.bfloat16"
  std::string lower = text::lower_case(said.substr(module));
  for (char& c : lower)
    if (c == '-' || c == ' ') c = '_';
  if (lower.starts_with("q4_")) return "int4";  // of GGUF files
  const auto found = others.find(lower);
  return found == others.end() ? lower : found->second;
}

// What is a way to store weights, and none of the formats that models have.
std::string format_hint(const std::string& name) {
  if (name.starts_with("nvfp4"))
    return "; \"int4\" is as large, and multiplies in 16 bits: FP4 arithmetic of Blackwell cards is not "
           "described.";
  for (const std::string_view way :
       {"bitsandbytes", "gguf", "compressed_tensors", "marlin", "modelopt", "exl2"})
    if (name.starts_with(way))
      return "; that says how weights are stored, not in how many bits: write those.";
  return {};
}

}  // namespace

Precision read_precision(const Reader& owner, const Model& model) {
  const auto legal = precisions_of(model);
  const auto reader = owner.find("precision");
  if (!reader) {
    if (const auto* llm = std::get_if<LlmModel>(&model.cost); llm != nullptr && llm->published_format)
      return *llm->published_format;
    const bool has_fp16 = std::find(legal.begin(), legal.end(), Precision::fp16) != legal.end();
    return has_fp16 ? Precision::fp16 : legal.front();
  }
  const std::string said = reader->string();
  const std::string name = usual_precision(said);
  Names names;
  for (const Precision precision : legal) {
    if (name == to_string(precision)) return precision;
    names.emplace_back(to_string(precision));
  }
  const std::string hint = format_hint(name);
  reader->fail(text::format("model {} has no weights in \"{}\"{} It has {}", model.name, said,
                            hint.empty() ? did_you_mean(said, names, ".") : hint, text::join(names, ", ")));
}

namespace {

// As any of the model's formats at most has it, halved: caches are of 16 bits otherwise.
std::shared_ptr<const Model> with_8_bit_cache(const Model& model) {
  auto made = std::make_shared<Model>(model);
  auto& formats = std::get<LlmModel>(made->cost).formats;
  double most = 0;
  for (const WeightFormat& format : formats) most = std::max(most, format.kv_bytes_per_token);
  for (WeightFormat& format : formats)
    format.kv_bytes_per_token = std::min(format.kv_bytes_per_token, most / 2);
  return made;
}

int read_tensor_parallel(const Reader& service, const Model& model) {
  const int ranks = whole(service, "tensor_parallel", 1, 1, kMostRanks);
  const auto fail = [&](const std::string& what) { service.at("tensor_parallel").fail(what); };
  if ((ranks & (ranks - 1)) != 0)
    fail(text::format("expected 1, 2, 4 or 8, which divide the heads of a network evenly; found {}", ranks));
  if (ranks > 1 && !splits_over_gpus(model))
    fail(text::format("only LLMs run over several GPUs; model {} is of kind {}", model.name, kind_of(model)));
  return ranks;
}

Service read_service(const Reader& reader, const std::string& name) {
  Service service;
  service.name = name;
  service.model = named_model(reader.at("model"), name);
  service.precision = read_precision(reader, *service.model);
  service.replicas = whole(reader, "replicas", kDefaultReplicas, 1, kMostReplicas);
  service.tensor_parallel = read_tensor_parallel(reader, *service.model);
  if (const auto routing = reader.find("routing"))
    service.routing =
        static_cast<Routing>(routing->choice({"round-robin", "least-outstanding", "shared-queue",
                                              "user-affinity", "random", "power-of-two", "prefix-affine"}));
  service.memory_bytes = json::bytes(reader, "memory_bytes", 0);
  const auto engine = reader.find("engine");
  const bool small_cache =
      engine && role_of(*service.model) == Role::generates && keeps_cache_in_8_bits(*engine);
  service.engine = engine ? read_engine(*engine, service) : usual_engine(*service.model);
  auto* cache = std::get_if<ContinuousOptions>(&service.engine.options);
  if (small_cache) {
    service.model = with_8_bit_cache(*service.model);
    if (cache->speculation.draft) cache->speculation.draft = with_8_bit_cache(*cache->speculation.draft);
  }
  if (service.memory_bytes > 0 && cache != nullptr && cache->kv_blocks > 0)
    reader.at("memory_bytes")
        .fail("memory_bytes and engine/kv_blocks both set the size of the cache; give one");
  refuse_flags_in_service(reader);
  reader.finish();
  return service;
}

}  // namespace

std::vector<Service> read_services(const Reader& services, const Names& order) {
  if (services.keys().empty()) services.fail("a scenario needs at least one service");
  std::vector<Service> read;
  for (const std::string& name : order)
    if (name.empty()) services.fail("a service needs a name, found \"\"");
  for (const std::string& name : order) read.push_back(read_service(services.at(name), name));
  return read;
}

}  // namespace gpushare::scenario
