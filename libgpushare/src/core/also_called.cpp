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
    Called{"units",
           " unit passages documents docs texts pairs images items candidates top_k num_documents batch_size "
           "batch "},
    Called{"users", " concurrency clients vus "},
    Called{"max_concurrency", " concurrency users in_flight "},
    Called{"think_s", " think_time think_time_s pause_s "},
    Called{"tensor_parallel",
           " tp tp_size tensor_parallel_size tensor_model_parallel_size nim_tensor_parallel_size num_shard "},
    Called{"precision", " dtype quantization quant weight_format "},
    Called{"replicas", " count copies instances instance_count "},
    Called{"memory_bytes", " memory memory_limit memory_limit_bytes gpu_memory vram gpumem "},
    Called{"max_num_seqs",
           " max_batch_size max_batch batch_size max_running_requests max_concurrent_requests "
           "max_concurrent_seqs "
           "nim_max_num_seqs num_parallel ollama_num_parallel parallel n_parallel "},
    Called{"max_num_batched_tokens",
           " max_num_tokens max_prefill_tokens max_batch_prefill_tokens chunked_prefill_size token_budget "},
    Called{"max_model_len",
           " max_seq_len max_sequence_length context_length max_context n_ctx ctx_size nim_max_model_len "
           "num_ctx "
           "ollama_context_length "},
    Called{
        "gpu_memory_utilization",
        " mem_fraction_static free_gpu_memory_fraction kv_cache_free_gpu_mem_fraction cuda_memory_fraction "
        "nim_kvcache_percent "},
    Called{"prefix_caching", " enable_kv_cache_reuse enable_prefix_caching enable_block_reuse radix_cache "},
    Called{"kv_blocks", " num_gpu_blocks_override "},
    Called{"max_queue_delay_s", " max_queue_delay_microseconds max_queue_delay batch_timeout_s "},
    Called{"preferred_batch", " preferred_batch_size "},
    Called{"enforce_eager", " disable_cuda_graph cuda_graph use_cuda_graph "},
    Called{"kv_cache_dtype",
           " kv_dtype kv_cache_quant_algo fp8_kv_cache ollama_kv_cache_type cache_type_k "
           "cache_type_v "},
    Called{"model", " model_id model_name model_path served_model_name repository hf_model "},
    Called{"duration_s", " duration horizon_s horizon runtime_s run_time max_seconds "},
    Called{"objectives", " slo slos sla targets goals "},
    Called{"arrivals", " rate_per_s rate qps rps request_rate "},
    Called{"sizes", " input_tokens output_tokens isl osl prompt_tokens max_tokens "},
    Called{"services", " model models engine server "},
    Called{"placement", " num_gpus gpu_count layout mig sharing "},
    // What follows the load: HorizontalPodAutoscaler, KEDA, the cluster autoscaler, Karpenter.
    Called{"min", " min_replicas min_replica_count min_nodes min_size min_count lower "},
    Called{"max", " max_replicas max_replica_count max_nodes max_size max_count upper "},
    Called{
        "replicas",
        " min_replicas max_replicas min_replica_count max_replica_count idle_replica_count scale_to_zero "},
    Called{"autoscaling", " hpa keda autoscaler triggers metrics behavior scaling "},
    Called{"target",
           " target_value target_average_value target_average_utilization average_value average_utilization "
           "threshold lag_threshold activation_threshold value "},
    Called{"every_s", " polling_interval sync_period interval interval_s scan_interval "},
    Called{"down",
           " scale_down scale_down_delay scale_down_delay_s cooldown cooldown_s cooldown_period "
           "stabilization_window_seconds "},
    Called{"up", " scale_up "},
    Called{"window_s", " stabilization_window_seconds stabilization_window stabilization_window_s cooldown "},
    Called{"nodes",
           " boot boot_s boot_time remove_after_s scale_down_delay scale_down_delay_s "
           "scale_down_unneeded_time consolidate_after count size node_count "},
    Called{"boot_s", " boot boot_time boot_time_s startup_s provisioning_time provision_s "},
    Called{"remove_after_s",
           " scale_down_unneeded_time scale_down_delay scale_down_delay_s scale_down_after_s "
           "consolidate_after ttl_seconds_after_empty cooldown cooldown_s "},
    Called{"remove_after_add_s", " scale_down_delay_after_add "},
    Called{"needed_from", " scale_down_utilization_threshold utilization_threshold "},
    Called{"cold_start", " image_bytes engine_s warm_up_s startup startup_s start_up_s "},
    Called{"grace_s", " termination_grace_period_seconds drain_s drain_timeout "},
    Called{"gpu", " instance_type machine_type accelerator gpu_type card "},
    Called{"seats", " time_slicing_replicas slots "},
    // What fails, and how.
    Called{
        "mtbf_s",
        " mtbf mtbf_h mttf mttf_s mttf_h mean_time_between_failures mean_time_to_failure rate_per_s rate "},
    Called{"restart_s", " mttr mttr_s mean_time_to_repair downtime downtime_s recovery_s "},
    Called{"kind", " xid error type cause "},
    Called{"metric", " metrics triggers trigger "},
    Called{"at_s", " at time time_s when cron start "},
    Called{"each", " all every any * "},
    // Values.
    Called{"in-system",
           " queue queue_length queue_depth queue_size concurrency requests in_flight pending "
           "num_requests_waiting num_requests_running "},
    Called{"rate", " rps qps request_rate requests_per_second throughput "},
    Called{"busy",
           " cpu gpu gpu_util gpu_utilization gpu_utilisation utilization utilisation duty_cycle "
           "dcgm_fi_dev_gpu_util dcgm_fi_prof_gr_engine_active "},
    Called{"allocation", " oom oom_killed out_of_memory cuda_oom memory "},
    // Xid errors: those that end a process, and those that mostly take a reset of the GPU (docs/failures.md).
    Called{"context",
           " xid13 xid31 xid43 xid45 xid94 illegal_access illegal_memory_access page_fault segfault process "
           "crash exit killed sigkill sigsegv "},
    Called{"device",
           " xid48 xid62 xid64 xid74 xid79 xid95 xid119 xid120 ecc double_bit_error fallen_off_the_bus "},
};

/// Without capitals and without what stands between words, so that minReplicas and --min-replicas are one.
std::string as_key(std::string_view word) {
  std::string key;
  for (const char c : word)
    if (c != '-' && c != '_' && c != ' ')
      key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
    const std::string_view word = words.substr(0, words.find(' '));
    if (!word.empty() && as_key(word) == wanted) return true;
    words.remove_prefix(word.size());
  }
  return false;
}

}  // namespace

bool same_key(std::string_view a, std::string_view b) { return as_key(a) == as_key(b); }

bool also_called(std::string_view word, std::string_view key) {
  const std::string wanted = as_key(word);
  return std::any_of(kCalled.begin(), kCalled.end(), [&](const Called& called) {
    return called.key == key && has_word(called.words, wanted);
  });
}

}  // namespace gpushare::json
