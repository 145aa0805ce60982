#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// How a trace was read.
struct TraceOrigin {
  std::string format;     ///< azure, burstgpt, csv, mooncake, ...; empty for a trace that was made
  std::string time_unit;  ///< of its arrivals: date, s, ms, us or ns
  std::string delimiter;  ///< of a table: comma, semicolon, tab or bar; empty otherwise
  std::string columns;    ///< which name holds what, as TraceOptions::columns has them
  std::string reason;     ///< why this format and unit, for people
  bool guessed_unit =
      false;             ///< no name says the unit, and as seconds the first arrival would be no date of ours
  std::size_t rows = 0;  ///< requests in the file, before any was dropped
  std::size_t empty_outputs = 0;  ///< of those, without output tokens
  std::size_t inversions = 0;     ///< of those, before the one above them
  std::size_t estimated = 0;      ///< of those, with prompt tokens estimated from text, at four bytes a token
  std::size_t assumed = 0;  ///< of those, without an output length: they got TraceOptions::output_tokens
  std::size_t failed = 0;   ///< of those, that say an error or have no lengths; they count as without output
  bool is_log = false;      ///< lines are written when requests end, so rows out of order were put in order
};

/// A request trace, columnar; arrivals ascending, seconds from the first request.
struct Trace {
  std::vector<double> arrival_s;
  std::vector<std::int32_t> input_tokens;
  std::vector<std::int32_t> output_tokens;
  std::string name;  ///< of the file, without folder and extension

  // Each of these is empty where the format does not have it.
  std::vector<std::int32_t> session{};  ///< number of the conversation, by first appearance; -1: none
  std::vector<std::int32_t>
      parent{};                   ///< number of the request that it follows in the conversation; -1: none
  std::vector<double> delay_s{};  ///< from the end of the parent to this request; -1: its arrival is known
  std::vector<std::int32_t> images{};
  /// Ids of the prompt's blocks of block_tokens tokens: those of request i are hash_ids[hash_starts[i]] up to before
  /// hash_ids[hash_starts[i + 1]]. Equal ids mean equal prompts up to and with that block.
  std::vector<std::int64_t> hash_ids{};
  std::vector<std::int64_t> hash_starts{};
  std::int32_t block_tokens = 0;
  TraceOrigin origin{};

  [[nodiscard]] std::size_t size() const { return arrival_s.size(); }
};

struct TraceOptions {
  /// auto, or one of trace_formats(); auto looks at the header line or the first object.
  std::string format = "auto";
  bool keep_empty = false;  ///< keep rows with zero output tokens (failures in most traces)
  bool sort = false;        ///< put rows in order of arrival instead of refusing those that go back in time
  std::string time_unit = "auto";  ///< of arrivals that are numbers: auto (the format's), s, ms, us, ns
  std::int32_t block_tokens = 0;   ///< of hash_ids; 0: the format's
  std::int32_t output_tokens = 0;  ///< of JSON lines that leave the output length open; 0: they are refused
  /// Which name holds what, where names do not say it: "arrival=ts,input=in,output=out,session=user". A number stands for
  /// as many tokens in all requests ("input=1000"), #2 for the second column, of a file without a header line too, and
  /// usage.total for a member inside another.
  std::string columns;
};

/// The names of the formats, auto first.
[[nodiscard]] const std::vector<std::string>& trace_formats();

/// Reads a table with a header line (Azure's, BurstGPT's, or any file with known column names), its fields separated by
/// commas, semicolons, tabs or bars; or JSON (Mooncake, AIPerf, Bailian, vLLM's timed_trace, LLMServingSim, or any with known
/// member names): an object a line, objects over several lines, or an array of them. Names match in any case, and however
/// their words are separated; members inside members count where no outer one has the meaning.
/// Arrivals are dates, or numbers of seconds unless the name ends in _ms, _us or _ns or the format says otherwise:
/// whole "timestamp" beside "hash_ids" (Mooncake) and those of AIPerf count milliseconds. A first arrival without a unit
/// that is a date from 2001 to 2100 only in ms, us or ns since 1970 counts that.
/// A request with a delay instead of an arrival is placed that long after the one before it in its session.
/// Throws TraceError with file and line: missing file, unknown columns, bad number, unsorted or empty trace.
/// The file is read in blocks: memory grows with what is kept, not with its text.
[[nodiscard]] Trace load_trace(const std::string& path, const TraceOptions& options = {});
/// The same for text that `block` hands over: it fills up to `size` bytes and says how many, 0 at the end.
[[nodiscard]] Trace read_trace(const std::function<std::size_t(char* to, std::size_t size)>& block,
                               const std::string& source, const TraceOptions& options = {});
/// The same for text in memory; `source` stands for the file name in errors.
[[nodiscard]] Trace parse_trace(std::string_view text, const std::string& source,
                                const TraceOptions& options = {});
/// Writes the canonical CSV (arrival_s,input_tokens,output_tokens and, where the trace has them, session, parent,
/// delay_s and images), or JSON lines where the path ends in .jsonl, which keep the block ids too. Atomic; reading it
/// back gives the same trace.
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
  std::size_t sessions = 0;    ///< conversations; 0 where the trace does not tell
  double prefix_blocks = 0;    ///< prompt blocks in all; 0 without block ids
  double prefix_hit_rate = 0;  ///< share of them seen before, with a cache that forgets nothing
  double output_mean = 0, output_p50 = 0, output_p90 = 0, output_p99 = 0, output_max = 0;
};
[[nodiscard]] TraceSummary inspect(const Trace& trace);

}  // namespace gpushare
