#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// A request trace, columnar; arrivals ascending, seconds from the first request.
struct Trace {
  std::vector<double> arrival_s;
  std::vector<std::int32_t> input_tokens;
  std::vector<std::int32_t> output_tokens;
  std::string name;  ///< of the file, without folder and extension
  /// Ids of the prompt's blocks of block_tokens tokens: those of request i are hash_ids[hash_starts[i]] up to before
  /// hash_ids[hash_starts[i + 1]]. Equal ids mean equal prompts up to and with that block. Empty: none.
  std::vector<std::int64_t> hash_ids{};
  std::vector<std::int64_t> hash_starts{};
  std::int32_t block_tokens = 0;

  [[nodiscard]] std::size_t size() const { return arrival_s.size(); }
};

struct TraceOptions {
  std::string format = "auto";  ///< auto (by the first character: "{" means jsonl), azure, csv, jsonl
  bool keep_empty = false;      ///< keep rows with zero output tokens (failures in most traces)
};

/// Reads a CSV with a header line (Azure's TIMESTAMP,ContextTokens,GeneratedTokens, or any file with known column
/// names) or JSON lines ({"timestamp"|"arrival_s": ..., "input_tokens"|"input_length": ..., "output_tokens"|
/// "output_length": ...}). Names match in any case. Arrivals are dates, or numbers of seconds unless the name ends in
/// _ms, _us or _ns; the integer "timestamp" of Mooncake's JSON lines (those with "hash_ids") counts milliseconds.
/// Throws TraceError with file and line: missing file, unknown columns, bad number, unsorted or empty trace.
[[nodiscard]] Trace load_trace(const std::string& path, const TraceOptions& options = {});
/// The same for text in memory; `source` stands for the file name in errors.
[[nodiscard]] Trace parse_trace(std::string_view text, const std::string& source,
                                const TraceOptions& options = {});
/// Writes the canonical CSV (arrival_s,input_tokens,output_tokens), atomically; reading it back gives the same trace.
void save_trace(const Trace& trace, const std::string& path);

/// A synthetic hour with the statistics of the Azure 2023 conversation trace (Patel et al., Splitwise, ISCA'24):
/// gamma-modulated arrivals (60 s blocks), its token length distributions and their correlation.
[[nodiscard]] Trace azure_conversation_like(std::uint64_t seed, double duration_s = 3501.7,
                                            double rate_per_s = 5.53);

/// What `trace inspect` prints.
struct TraceSummary {
  std::size_t requests = 0;
  double duration_s = 0;  ///< from the first arrival to the last
  double rate_per_s = 0;  ///< one over the mean inter-arrival time
  double gap_cv = 0;      ///< coefficient of variation of the inter-arrival times
  /// Variance / mean of the counts in whole windows of 1, 10 and 60 s; zero for a trace under two windows long.
  double dispersion_1s = 0;
  double dispersion_10s = 0;
  double dispersion_60s = 0;
  std::size_t ties = 0;  ///< arrivals equal to the one before
  std::size_t empty_outputs = 0;
  double input_mean = 0, input_p50 = 0, input_p90 = 0, input_p99 = 0, input_max = 0;
  double output_mean = 0, output_p50 = 0, output_p90 = 0, output_p99 = 0, output_max = 0;
};
[[nodiscard]] TraceSummary inspect(const Trace& trace);

}  // namespace gpushare
