#include "core/also_called.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace gpushare::json {
namespace {

struct Called {
  std::string_view key;
  std::string_view words;  ///< a blank before and after each
};

constexpr std::array kCalled{
    Called{"rate_per_s", " rate qps rps request_rate requests_per_second arrival_rate lambda "},
    Called{"input_tokens",
           " isl input_len input_length prompt_tokens prompt_len prompt_length random_input_len "},
    Called{"output_tokens",
           " osl output_len output_length completion_tokens max_tokens max_new_tokens random_output_len "},
    Called{"users", " concurrency clients vus "},
    Called{"max_concurrency", " concurrency users in_flight "},
    Called{"think_s", " think_time think_time_s pause_s "},
    Called{"tensor_parallel", " tp tp_size tensor_model_parallel_size "},
    Called{"precision", " dtype quantization quant weight_format "},
    Called{"replicas", " count copies instances instance_count "},
    Called{"memory_bytes", " memory memory_limit memory_limit_bytes gpu_memory "},
    Called{"max_num_seqs", " max_batch_size max_batch batch_size max_running_requests "},
    Called{"max_num_batched_tokens", " max_num_tokens max_prefill_tokens chunked_prefill_size token_budget "},
    Called{"max_model_len", " max_seq_len max_sequence_length context_length max_context n_ctx ctx_size "},
    Called{"gpu_memory_utilization",
           " mem_fraction_static free_gpu_memory_fraction kv_cache_free_gpu_mem_fraction "},
    Called{"prefix_caching", " enable_kv_cache_reuse radix_cache "},
    Called{"objectives", " slo slos sla targets goals "},
    Called{"arrivals", " rate_per_s rate qps rps request_rate "},
    Called{"sizes", " input_tokens output_tokens isl osl prompt_tokens max_tokens "},
    Called{"services", " model models engine server "},
    Called{"placement", " num_gpus gpu_count layout mig sharing "},
};

/// As keys are written: no capitals, no hyphens, no "--" before.
std::string as_key(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  std::string key(word);
  for (char& c : key) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

}  // namespace

bool also_called(std::string_view word, std::string_view key) {
  const std::string wanted = " " + as_key(word) + " ";
  return std::any_of(kCalled.begin(), kCalled.end(), [&](const Called& called) {
    return called.key == key && called.words.find(wanted) != std::string_view::npos;
  });
}

}  // namespace gpushare::json
