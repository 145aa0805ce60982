#include "simulation/stage_waits.hpp"

#include <algorithm>

namespace gpushare {

void Delays::start(Time now, const StageVisit& visit, double seconds) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(delays_.size()));
    const Kernel::Slot timer = add_slot(kernel_, kDelayEvent, Part::delay, delays_.size());
    delays_.emplace_back().slot = timer;
  }
  Delay& delay = delays_[free_.back()];
  free_.pop_back();
  delay.visit = visit;
  delay.running = true;
  kernel_.set(delay.slot, now + duration_from_seconds(seconds));
}

StageVisit Delays::take(std::uint32_t index) {
  delays_[index].running = false;
  free_.push_back(index);
  return delays_[index].visit;
}

bool Delays::cancel(const StageVisit& visit) {
  const auto found = std::find_if(delays_.begin(), delays_.end(),
                                  [&](const Delay& delay) { return delay.running && delay.visit == visit; });
  if (found == delays_.end()) return false;
  kernel_.cancel(found->slot);
  static_cast<void>(take(static_cast<std::uint32_t>(found - delays_.begin())));
  return true;
}

bool Workers::take(std::size_t pipeline, const StageVisit& visit) {
  if (!pipelines_[pipeline].stages[visit.stage].worker) return true;
  Pool& pool = pools_[pipeline];
  if (pool.busy == pipelines_[pipeline].workers) {
    pool.waiting.push_back(visit);
    return false;
  }
  ++pool.busy;
  return true;
}

std::optional<StageVisit> Workers::release(std::size_t pipeline, std::uint8_t stage) {
  if (!pipelines_[pipeline].stages[stage].worker) return std::nullopt;
  Pool& pool = pools_[pipeline];
  if (pool.waiting.empty()) {
    --pool.busy;
    return std::nullopt;
  }
  const StageVisit next = pool.waiting.front();
  pool.waiting.pop_front();
  return next;
}

bool Workers::cancel(std::size_t pipeline, const StageVisit& visit) {
  return std::erase(pools_[pipeline].waiting, visit) > 0;
}

}  // namespace gpushare
