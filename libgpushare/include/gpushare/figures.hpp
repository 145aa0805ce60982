#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/objectives.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/summary.hpp"

namespace gpushare {

// A figure is a number of a Summary with a name: "request_throughput" of the run, "tts.first_audio_p95_s" of a latency,
// "gpu0/whole.busy" of a partition, "llm.preemptions" of a service. Names say the unit where it is one of time or memory.

// --- The table of figures

enum class FigureKind : std::uint8_t {
  time,
  rate,
  share,   ///< of 1
  count,   ///< whole numbers
  number,  ///< other numbers
  bytes,
  money
};
[[nodiscard]] std::string_view to_string(FigureKind kind);

/// Which direction is better.
enum class Better : std::uint8_t { neither, lower, higher };
[[nodiscard]] std::string_view to_string(Better better);

/// What a figure is of.
enum class FigureScope : std::uint8_t { run, latency, partition, service };
[[nodiscard]] std::string_view to_string(FigureScope scope);

/// What a figure is, whatever its value.
struct FigureInfo {
  std::string_view name;  ///< last part of canonical names: "busy"; of a latency the statistic: "p95_s"
  std::string_view unit;  ///< "s", "bytes", "requests/s", "$/month", ...; empty for plain numbers
  FigureKind kind = FigureKind::number;
  Better better = Better::neither;
  std::string_view title;  ///< heading of a table, which may break at the line breaks
  double scale = 1;        ///< what a table shows is the value times this, so that shares become per cent
  int decimals = -1;       ///< that a table shows; -1: as many as three significant digits need
  std::string_view meaning;
  bool notable = false;  ///< tables show it: comparisons that of services which is not zero everywhere
};
/// In the order in which summaries list them.
[[nodiscard]] std::vector<FigureInfo> figures_of(FigureScope scope);

/// A latency's metric: what its name ends with.
struct LatencyMetric {
  std::string_view name;  ///< "ttft"
  std::string_view title;
  bool felt = false;  ///< by users: comparisons show it
  std::string_view meaning;
};
[[nodiscard]] std::span<const LatencyMetric> latency_metrics();
/// Of "chat.llm.ttft"; nullptr for a metric that the library does not measure.
[[nodiscard]] const LatencyMetric* metric_of(std::string_view latency);

/// Of a canonical name, in whatever run; nullopt for a name that no run has.
[[nodiscard]] std::optional<FigureInfo> figure_info(std::string_view name);

// --- Values

/// A figure of a part by the last part of its name: figure(partition, "busy"), figure(latency, "p95_s"). Without a value
/// where there is no such figure, or nothing to take it of (no token was guessed).
[[nodiscard]] std::optional<double> figure(const LatencySummary& latency, std::string_view name);
[[nodiscard]] std::optional<double> figure(const PartitionSummary& partition, std::string_view name);
[[nodiscard]] std::optional<double> figure(const ServiceSummary& service, std::string_view name);

struct Figure {
  std::string name;  ///< canonical
  double value = 0;  ///< NaN of a latency that nobody had
  const FigureInfo* info = nullptr;
  FigureScope scope = FigureScope::run;
  std::size_t index = 0;  ///< into Summary::latencies, partitions or services
};
/// Every figure of the run, its latencies, its partitions and its services, in this order, those without a value left out.
void for_each_figure(const Summary& summary, const std::function<void(const Figure&)>& visitor);

/// By a name that resolve_figure takes, which is also the source of its errors.
[[nodiscard]] double figure(const Summary& summary, std::string_view name);

// --- Names

/// Canonical names of the figures that a run of the workload there has, in their order; with latencies that nobody may
/// come to have. `faults`: something is to fail in it; `control`: its fleet follows its load.
[[nodiscard]] std::vector<std::string> figure_names(const Workload& workload, const Placement& placement,
                                                    bool faults = false, bool control = false);

/// The canonical name. Text is one already, or lacks parts before a dot where the rest is unique: "ttft_p95_s",
/// "llm.ttft_p95_s" for "chat.llm.ttft_p95_s". The name of the only pipeline may stand before latencies, and that of one
/// which is called as its only stage twice: "llm.llm.ttft_p95_s". Throws FigureError for a name that is unknown, with the
/// nearest, or ambiguous, with the choices: ten at most.
[[nodiscard]] std::string resolve_figure(const Summary& summary, std::string_view text);
[[nodiscard]] std::string resolve_figure(std::span<const std::string> names, std::string_view text,
                                         std::string_view only_pipeline = {});

/// Reads "llm.ttft_p95=500ms", "success_rate>=99%", "gpus_used<=2". A figure before = has its worse side bounded. Units
/// are ns, us, ms, s, min, h; %; B, kB, MB, GB, TB, KiB, MiB, GiB, TiB; /s, /min, /h with or without what is counted
/// (req/s, tok/s); $. With one the name may lack its own. Throws FigureError.
[[nodiscard]] FigureBound parse_bound(const Summary& summary, std::string_view text);
[[nodiscard]] FigureBound parse_bound(std::span<const std::string> names, std::string_view text,
                                      std::string_view only_pipeline = {});

}  // namespace gpushare
