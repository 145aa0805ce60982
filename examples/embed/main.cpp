#include <cstdio>
#include <exception>

#include "gpushare/gpushare.hpp"

// A planner in a page: which way of sharing serves the voice pipeline, and what does it cost its users?
int main() {
  try {
    const gpushare::GpuProfile a100 = gpushare::load_profile("a100");
    std::printf("%s can be cut in %zu maximal ways\n\n", a100.title.c_str(),
                gpushare::maximal_layouts(a100).size());
    std::printf("%-20s %5s %6s %8s %12s %10s\n", "mode", "GPUs", "freed", "req/s", "e2e p95 s", "$ a month");
    for (const char* mode : {"dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"}) {
      const gpushare::Summary summary =
          gpushare::simulate(gpushare::load_scenario("voice-light", mode)).summary;
      std::printf("%-20s %5d %6d %8.3f %12.2f %10.0f\n", mode, summary.gpus_used, summary.gpus_freed,
                  summary.request_throughput, summary.latency("e2e_latency")->p95, summary.cost_per_month);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
