#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gpushare/clusters.hpp"

namespace gpushare {

/// Pods come when they are created, wait in a line, run for their time and leave.
struct TimedOptions {
  PackingOptions packing;
  /// Pods behind one that fits nowhere may start before it; otherwise nobody passes.
  bool backfill = true;
  /// GPU milli that the running pods of a group may ask for together; groups that are not in it have no limit.
  std::map<std::string, std::int64_t> quotas;
  double sample_s = 3600;  ///< between two rows of the series
  double until_s = std::numeric_limits<double>::infinity();
};

/// What became of each pod, by the order in which they were given.
struct PodTimes {
  double started_s = std::numeric_limits<double>::quiet_NaN();  ///< NaN: it never started
  double ended_s =
      std::numeric_limits<double>::quiet_NaN();  ///< NaN: it still ran at the end, or never started
  int node = -1;
  std::vector<int> devices;            ///< of the node, from 0
  std::vector<std::string> instances;  ///< "3g.40gb@4" on each of them, where its share is an instance
};

/// A cluster at one time; GPU figures are shares of all GPUs.
struct ClusterSample {
  double at_s = 0;
  double allocation = 0;
  double held = 0;
  double fragmentation = 0;
  double stranded = 0;          ///< GPUs left that no class of pods could use now
  double stranded_for_cpu = 0;  ///< the part that more CPU would make useful
  double cpu = 0;               ///< of all cores
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  double waiting_gpus = 0;  ///< that waiting pods ask for
};

struct TimedRun {
  std::vector<PodTimes> pods;
  std::vector<ClusterSample> series;  ///< at 0, sample_s, 2 sample_s, ... until the last pod has come or gone
  ClusterSample mean;                 ///< over time
  std::int64_t started = 0;
  std::int64_t impossible =
      0;  ///< pods that not even the empty cluster could take: they do not wait in the line
  std::map<std::string, std::int64_t>
      peak_of_group;  ///< GPU milli asked for at a time, of groups with a quota
};

/// Runs pods of higher priority first, then in order of creation; a gang waits until all of it has been created and then
/// starts together, all of it or nothing. Throws SimulationError when interrupted.
[[nodiscard]] TimedRun replay_timed(const std::vector<ClusterNode>& nodes,
                                    const std::vector<ClusterPod>& pods, const TimedOptions& options);

}  // namespace gpushare
