#pragma once

#include "gpushare/summary.hpp"

namespace gpushare::test {

/// Every figure has a value of its own.
inline Summary numbered() {
  Summary s;
  s.only_pipeline = "voice";
  s.duration_s = 1;
  s.arrived = 2, s.completed = 3, s.rejected = 4, s.failed = 5, s.skipped = 6, s.unfinished = 7;
  s.request_throughput = 8, s.output_token_throughput = 9, s.success_rate = 0.10;
  s.late = 62, s.offered_rate = 63, s.backlog = 64, s.backlog_growth = 65;
  s.stranded_sms = 66, s.stranded_memory_bytes = 67;
  s.goodput = 0.60, s.goodput_rate = 61;
  s.timed_out = 68, s.retried = 69;
  s.faults = 70, s.failed_by_faults = 71, s.error_budget_used = 0.72, s.time_out_of_objectives = 0.82;
  s.gpus_used = 11, s.gpus_freed = 12, s.request_throughput_per_gpu = 13;
  s.gpu_hours = 14, s.cost = 79, s.cost_per_month = 15, s.cost_per_1000_requests = 16;
  s.energy_kwh = 75, s.mean_power_w = 76, s.energy_per_1000_requests_kwh = 77, s.co2_kg = 78;
  s.vram_used_bytes = 17, s.vram_allocated_bytes = 18;
  s.audio_gap_s_per_request = 19, s.audio_gap_rate = 0.20, s.events = 21;
  s.conservation_error = 22, s.littles_law_error = 23, s.work_conservation_error = 24;
  s.latencies = {{"e2e_latency", 30, 31, 32, 33, 34, 35, 36, 37}};
  s.partitions.resize(1);
  PartitionSummary& part = s.partitions[0];
  part.name = "gpu0/3g.40gb@0";
  part.busy = 0.40, part.switching = 0.41, part.compute_utilisation = 0.42, part.bandwidth_utilisation = 0.43;
  part.memory_used_bytes = 44, part.memory_allocated_bytes = 45;
  s.services.resize(1);
  ServiceSummary& service = s.services[0];
  service.name = "llm";
  service.replicas = 50, service.mean_in_system = 51, service.mean_batch = 52, service.steps = 53;
  service.rejected = 55, service.busy = 0.59;
  service.availability = 0.73, service.any_replica_up = 0.74;
  service.counts = {{"rejected_over_context", 61}, {"rejected_over_cache", 62},
                    {"rejected_queue_full", 63},   {"longest_sequence_tokens", 64},
                    {"max_num_seqs", 65},          {"max_num_batched_tokens", 66},
                    {"preemptions", 54},           {"prefix_prompt_tokens", 80},
                    {"prefix_hit_tokens", 56},     {"draft_tokens", 100},
                    {"accepted_tokens", 58},       {"prefix_evicted_blocks", 57}};
  return s;
}

/// Two pipelines that both visit "llm", one of them "tts" too.
inline Summary two_pipelines() {
  Summary summary = numbered();
  summary.only_pipeline.clear();
  summary.latencies = {{"e2e_latency", 9, 1},
                       {"chat.llm.ttft", 9, 2},
                       {"voice.llm.ttft", 9, 3},
                       {"voice.tts.latency", 9, 4},
                       {"llm.itl", 9, 5}};
  return summary;
}

}  // namespace gpushare::test
