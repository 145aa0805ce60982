#include "documents/other_flags.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/also_called.hpp"
#include "core/text.hpp"

namespace gpushare::scenario {
namespace {

constexpr auto kOfServices =
    std::to_array<std::string_view>({"tensor_parallel", "precision", "replicas", "memory_bytes", "model"});
constexpr auto kOfEngines =
    std::to_array<std::string_view>({"preset", "max_num_seqs", "max_num_batched_tokens", "max_model_len",
                                     "gpu_memory_utilization", "prefix_caching", "chunked_prefill",
                                     "enforce_eager", "kv_cache_dtype", "kv_blocks", "max_queue_delay_s"});

struct Flag {
  std::string_view name;
  std::string_view told;
};
constexpr std::string_view kNoEffect = "it changes nothing that is simulated; leave it out";
constexpr std::string_view kAllLayers =
    "all layers are on the GPU; what part of a model on the host costs is not simulated";
constexpr auto kFlags = std::to_array<Flag>(
    {{"data_parallel_size", "copies of the whole server are \"replicas\" of the service"},
     {"pipeline_parallel_size",
      "pipelines of layers are not simulated; \"tensor_parallel\" of the service is"},
     {"enable_expert_parallel",
      "experts on GPUs of their own are not simulated; \"tensor_parallel\" of the service is"},
     {"speculative_config",
      "guesses are \"speculation\": {\"tokens\": 4, \"acceptance\": 0.7, \"draft\": \"ngram\"}"},
     {"max_total_tokens", "tokens of the cache are \"kv_blocks\" times \"block_size\""},
     {"max_batch_total_tokens", "tokens of the cache are \"kv_blocks\" times \"block_size\""},
     {"max_tokens_in_paged_kv_cache", "tokens of the cache are \"kv_blocks\" times \"block_size\""},
     {"ollama_max_loaded_models", "each model is a service; what shares a card is the placement's mode"},
     {"num_gpu", kAllLayers},
     {"n_gpu_layers", kAllLayers},
     {"ngl", kAllLayers},
     {"ollama_max_queue", "requests that may wait are \"queue_limit\""},
     {"ollama_flash_attention", kNoEffect},
     {"ollama_keep_alive", kNoEffect},
     {"num_thread", kNoEffect},
     {"num_scheduler_steps", kNoEffect},
     {"swap_space", kNoEffect},
     {"attention_backend", kNoEffect},
     {"disable_log_requests", kNoEffect},
     {"trust_remote_code", kNoEffect},
     {"served_model_name", kNoEffect},
     {"tokenizer", kNoEffect},
     {"host", kNoEffect},
     {"port", kNoEffect}});

bool is_called(std::string_view word, std::string_view key) {
  return json::same_key(word, key) || json::also_called(word, key);
}

template <std::size_t Size>
std::string_view key_among(const std::array<std::string_view, Size>& keys, std::string_view word) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](std::string_view key) { return is_called(word, key); });
  return found == keys.end() ? std::string_view{} : *found;
}

void refuse_flag(const Reader& reader, std::string_view word) {
  for (const Flag& flag : kFlags)
    if (json::same_key(word, flag.name)) reader.fail(text::format("unknown key \"{}\"; {}", word, flag.told));
}

}  // namespace

void refuse_flags_in_engine(const Reader& engine) {
  for (const std::string& word : engine.unknown_keys()) {
    if (const auto key = key_among(kOfServices, word); !key.empty())
      engine.fail(
          text::format("unknown key \"{}\"; it is \"{}\" of the service, beside \"engine\"", word, key));
    refuse_flag(engine, word);
  }
}

void refuse_flags_in_service(const Reader& service) {
  for (const std::string& word : service.unknown_keys()) {
    if (!key_among(kOfServices, word).empty()) continue;
    if (const auto key = key_among(kOfEngines, word); !key.empty())
      service.fail(text::format("unknown key \"{}\"; it is \"{}\" of the service's \"engine\"", word, key));
    refuse_flag(service, word);
  }
}

}  // namespace gpushare::scenario
