#include "control/replica_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gpushare::control {
namespace {

// How far the looser of a rule's limits goes in a period; infinite without one. Upwards a share counts as the next whole
// number, so that one replica may become two.
double reach(const ScalingRule& rule, int at_beginning) {
  if (!rule.replicas && !rule.percent) return std::numeric_limits<double>::infinity();
  const double share = rule.percent ? std::ceil(at_beginning * *rule.percent / 100) : 0;
  return std::max(rule.replicas.value_or(0), share);
}

}  // namespace

int ReplicaPolicy::wanted(double metric, int replicas) const {
  const double needed = metric / scaling_.target;
  if (replicas > 0 && std::abs(needed / replicas - 1) <= scaling_.tolerance) return replicas;
  // A sum of averages is a whole number only up to rounding.
  const double whole = std::ceil(needed - 1e-9 * std::max(1.0, needed));
  return static_cast<int>(std::clamp(whole, double{0}, static_cast<double>(max_)));
}

int ReplicaPolicy::stabilised(double now_s, int wanted, int replicas) {
  const double longest = std::max(scaling_.up.window_s, scaling_.down.window_s);
  while (!wishes_.empty() && wishes_.front().first < now_s - longest) wishes_.pop_front();
  wishes_.emplace_back(now_s, wanted);
  int least = wanted, most = wanted;
  for (const auto& [when, wish] : wishes_) {
    if (when >= now_s - scaling_.up.window_s) least = std::min(least, wish);
    if (when >= now_s - scaling_.down.window_s) most = std::max(most, wish);
  }
  return std::min(std::max(replicas, least), std::max(least, most));
}

int ReplicaPolicy::moved_since(double then_s, bool up) const {
  int moved = 0;
  for (const auto& [when, by] : moves_)
    if (when > then_s && (by > 0) == up) moved += std::abs(by);
  return moved;
}

int ReplicaPolicy::limited(double now_s, int wanted, int replicas) const {
  if (wanted == replicas) return wanted;
  const bool up = wanted > replicas;
  const ScalingRule& rule = up ? scaling_.up : scaling_.down;
  const int moved = moved_since(now_s - rule.period_s, up);
  const int at_beginning = up ? replicas - moved : replicas + moved;
  const double far = reach(rule, at_beginning);
  const double limit = up ? at_beginning + far : at_beginning - far;
  const double kept = up ? std::min<double>(wanted, std::max<double>(limit, replicas))
                         : std::max<double>(wanted, std::min<double>(limit, replicas));
  return static_cast<int>(kept);
}

int ReplicaPolicy::decide(double now_s, double metric, int replicas) {
  const int stable = stabilised(now_s, wanted(metric, replicas), replicas);
  const int chosen = std::clamp(limited(now_s, std::clamp(stable, min_, max_), replicas), min_, max_);
  const double longest = std::max(scaling_.up.period_s, scaling_.down.period_s);
  while (!moves_.empty() && moves_.front().first <= now_s - longest) moves_.pop_front();
  if (chosen != replicas) moves_.emplace_back(now_s, chosen - replicas);
  return chosen;
}

}  // namespace gpushare::control
