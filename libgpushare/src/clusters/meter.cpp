#include "clusters/meter.hpp"

#include <cmath>

namespace gpushare::clusters {

namespace {

/// The figures that are real numbers: the others are counts.
constexpr double ClusterSample::*kRates[] = {&ClusterSample::allocation,       &ClusterSample::held,
                                             &ClusterSample::fragmentation,    &ClusterSample::stranded,
                                             &ClusterSample::stranded_for_cpu, &ClusterSample::cpu,
                                             &ClusterSample::waiting_gpus};

}  // namespace

ClusterMeter::ClusterMeter(const ClusterState& cluster, const FragmentMeter& fragments)
    : cluster_(cluster), fragments_(fragments), nodes_(cluster.nodes().size()) {
  for (std::size_t n = 0; n < nodes_.size(); ++n) changed(static_cast<int>(n), 0);
}

ClusterMeter::OfNode ClusterMeter::measure(int node) const {
  return {fragments_.of(cluster_.node(node)), fragments_.stranded(cluster_.node(node))};
}

void ClusterMeter::changed(int node, int pods) {
  OfNode& known = nodes_[static_cast<std::size_t>(node)];
  const OfNode now = measure(node);
  sum_.fragment += now.fragment - known.fragment;
  sum_.stranded.all += now.stranded.all - known.stranded.all;
  sum_.stranded.for_cpu += now.stranded.for_cpu - known.stranded.for_cpu;
  known = now;
  running_ += pods;
}

void ClusterMeter::waits(std::int64_t milli, int pods) {
  waiting_ += pods;
  waiting_milli_ += pods * milli;
}

ClusterSample ClusterMeter::sample() const {
  const double capacity = std::max(1.0, static_cast<double>(cluster_.capacity_milli()));
  ClusterSample now;
  now.at_s = now_s_;
  now.allocation = static_cast<double>(cluster_.asked_milli()) / capacity;
  now.held = static_cast<double>(cluster_.held_milli()) / capacity;
  now.fragmentation = sum_.fragment / capacity;
  now.stranded = sum_.stranded.all / capacity;
  now.stranded_for_cpu = sum_.stranded.for_cpu / capacity;
  now.cpu =
      static_cast<double>(cluster_.cpu_taken()) / std::max(1.0, static_cast<double>(cluster_.cpu_capacity()));
  now.running = running_;
  now.waiting = waiting_;
  now.waiting_gpus = static_cast<double>(waiting_milli_) / 1000;
  return now;
}

void ClusterMeter::advance(double now_s) {
  const double span = now_s - now_s_;
  if (span > 0) {
    const ClusterSample now = sample();
    for (const auto rate : kRates) integral_.*rate += span * now.*rate;
    running_s_ += span * static_cast<double>(running_);
    waiting_s_ += span * static_cast<double>(waiting_);
  }
  now_s_ = now_s;
}

ClusterSample ClusterMeter::mean() const {
  ClusterSample mean;
  mean.at_s = now_s_;
  if (now_s_ == 0) return sample();
  for (const auto rate : kRates) mean.*rate = integral_.*rate / now_s_;
  mean.running = std::llround(running_s_ / now_s_);
  mean.waiting = std::llround(waiting_s_ / now_s_);
  return mean;
}

}  // namespace gpushare::clusters
