#include "gpushare/actions.hpp"

#include <algorithm>

#include "gpushare/errors.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

Sharing sharing_of(const std::string& word) {
  const auto& modes = sharing_modes();
  Sharing sharing;
  sharing.mode = static_cast<SharingMode>(std::find(modes.begin(), modes.end(), word) - modes.begin());
  return sharing;
}

control::StartServer start_of(const py::dict& given) {
  ProcessPlacement process;
  process.service = given["service"].cast<int>();
  process.active_thread_percentage = given["active_thread_percentage"].cast<double>();
  process.memory_limit_bytes = given["memory_limit_bytes"].cast<double>();
  control::StartServer start;
  for (const auto& gpu : given["gpus"].cast<py::list>())
    start.ranks.push_back({gpu.cast<std::uint32_t>(), given["partition"].cast<std::string>(), process});
  start.sharing = sharing_of(given["sharing"].cast<std::string>());
  return start;
}

control::Recut recut_of(const py::dict& given, const Scenario& scenario) {
  const auto gpu = given["gpu"].cast<std::uint32_t>();
  const GpuProfile& profile = scenario.placement.gpus[gpu].profile();
  return {gpu, parse_layout(profile, given["layout"].cast<std::string>())};
}

control::Action action_of(const py::dict& given, const Scenario& scenario) {
  const auto kind = given["kind"].cast<std::string>();
  if (kind == "start") return start_of(given);
  if (kind == "recut") return recut_of(given, scenario);
  const auto service = given["service"].cast<int>();
  const auto replica = given["replica"].cast<int>();
  if (kind == "drain") return control::DrainServer{service, replica};
  return control::StopServer{service, replica, given["moves_requests"].cast<bool>()};
}

}  // namespace

std::vector<control::TimedAction> actions_of(const py::list& given, const Scenario& scenario) {
  std::vector<control::TimedAction> actions;
  for (const auto& item : given) {
    const auto one = item.cast<py::dict>();
    actions.push_back({one["at_s"].cast<double>(), action_of(one, scenario)});
  }
  return actions;
}

}  // namespace gpushare::python
