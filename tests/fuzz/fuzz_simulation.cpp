// Whatever scenario can be read can be simulated, up to a budget of events: in a result whose figures can be, or in one of
// the library's errors, none of which says that the simulator is wrong.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gpushare/errors.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/simulation.hpp"

namespace {

constexpr int kReports = 8;  // of 4,096 events each
constexpr double kRequests = 20000;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool is_share(double x) { return x >= 0 && x <= 1 + 1e-9; }

void check_figures(const gpushare::Summary& summary) {
  require(summary.arrived == summary.completed + summary.rejected + summary.failed + summary.skipped,
          "requests got lost");
  require(is_share(summary.success_rate), "success_rate is no share");
  require(std::isfinite(summary.cost) && summary.cost >= 0, "cost");
  for (const gpushare::LatencySummary& latency : summary.latencies) {
    require(latency.p50 <= latency.p95 && latency.p95 <= latency.p99, "percentiles do not ascend");
    require(latency.mean >= 0 && std::isfinite(latency.mean), "mean latency");
  }
  for (const gpushare::PartitionSummary& part : summary.partitions) {
    require(is_share(part.busy) && is_share(part.switching) && is_share(part.busy + part.switching),
            "a partition is busy for more than all of the time");
  }
  for (const gpushare::ServiceSummary& service : summary.services) {
    require(is_share(service.busy), "a service is busy for more than all of the time");
    require(service.mean_in_system >= 0, "mean_in_system");
  }
}

// Of partitions as they are placed; under control they come and go.
void check_memory(const gpushare::Scenario& scenario, const gpushare::Summary& summary) {
  if (scenario.control) return;
  for (const gpushare::PartitionSummary& summed : summary.partitions) {
    for (const gpushare::Partition& part :
         scenario.placement.gpus[static_cast<std::size_t>(summed.gpu)].parts()) {
      if (!summed.name.ends_with("/" + part.name)) continue;
      require(summed.memory_used_bytes <= part.memory_bytes, "more memory is in use than there is");
    }
  }
}

void run(const gpushare::Scenario& scenario) {
  gpushare::RunOptions options;
  options.most_requests = kRequests;
  int reports = 0;
  options.progress = [&](double) { return ++reports < kReports; };
  try {
    const gpushare::Summary summary = gpushare::simulate(scenario, options).summary;
    check_figures(summary);
    check_memory(scenario, summary);
  } catch (const gpushare::Error& error) {
    require(std::string_view(error.what()).find("defect") == std::string_view::npos, error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');  // the first line is the mode
  if (line == std::string_view::npos) return 0;
  try {
    run(gpushare::parse_scenario(text.substr(line + 1), std::string(text.substr(0, line)), "fuzz"));
  } catch (const gpushare::Error&) {
  }
  return 0;
}
