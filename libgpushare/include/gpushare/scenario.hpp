#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/fits.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/workload.hpp"

namespace gpushare {

/// A process that fails at a time, or when a leak has filled its memory.
struct Fault {
  int service = 0;
  int replica = 0;
  double at_s = 0;  ///< start of the leak when leak_bytes_per_s > 0
  double leak_bytes_per_s = 0;
  double restart_s = 60;
  bool contained = false;  ///< time-slicing: only this process dies, not all that share the partition
};

/// A workload and where it runs, with a seed: one document.
struct Scenario {
  std::string name;
  std::string description;
  std::string mode;  ///< as shown in tables: "dedicated", "mig:3g.40gb+3g.40gb", ...
  Workload workload;
  Placement placement;
  std::vector<Fault> faults;
  PlacementOptions placing;  ///< what its modes place on and let share
  int baseline_gpus = 0;     ///< GPUs of the dedicated placement, for `gpus_freed`
  std::uint64_t seed = 1;
  std::vector<std::string> modes;  ///< the document's own named modes, in its order
  std::string document;            ///< the JSON it was read from, with the mode applied
};

/// Its placement's; see there.
inline void check_memory(const Scenario& scenario) { check_memory(scenario.workload, scenario.placement); }

/// How the files are read that a document names. A program that knows more formats than the library puts its own here.
struct FileReaders {
  std::vector<std::string> trace_formats = gpushare::trace_formats();  ///< legal as a trace's "format"
  std::function<Trace(const std::string& path, const std::string& format)> trace =
      [](const std::string& path, const std::string& format) {
        TraceOptions options;
        options.format = format;
        return load_trace(path, options);
      };
  std::function<std::vector<VoiceCall>(const std::string& path)> calls = load_calls;
};

/// Reads a scenario by file path or by name ("voice-heavy"), with the document's own placement or another mode:
/// a mode of the document, or "dedicated", "time-slicing[:REPLICAS]", "mps[:PERCENT/PERCENT...]", "mig:LAYOUT[/time-slicing|/mps]".
/// Relative paths in it (traces, models) start at the document's folder. Throws ScenarioError with file and JSON pointer.
[[nodiscard]] Scenario load_scenario(const std::string& name_or_path, const std::string& mode = {},
                                     const FileReaders& files = {});
[[nodiscard]] Scenario parse_scenario(std::string_view json, const std::string& mode = {},
                                      const std::string& source = {}, const std::string& folder = {},
                                      const FileReaders& files = {});
[[nodiscard]] std::vector<std::string> scenario_names();

}  // namespace gpushare
