#include "simulation/trace_replay.hpp"

#include <algorithm>

namespace gpushare {

TraceReplay::TraceReplay(const Trace& trace, double speed, bool follow_parents, Time end_of_arrivals)
    : trace_(&trace), speed_(speed) {
  while (end_ < trace.size() && scheduled(end_) <= end_of_arrivals) ++end_;
  left_ = end_;
  if (follow_parents && !trace.parent.empty()) {
    first_child_.assign(end_, -1);
    next_sibling_.assign(end_, -1);
    for (std::size_t row = end_; row-- > 0;) {
      if (trace.parent[row] < 0) continue;
      std::int32_t& first = first_child_[static_cast<std::size_t>(trace.parent[row])];
      next_sibling_[row] = std::exchange(first, static_cast<std::int32_t>(row));
    }
  }
  skip_to_root();
}

Time TraceReplay::scheduled(std::size_t row) const {
  return Time{} + duration_from_seconds(trace_->arrival_s[row] / speed_);
}

void TraceReplay::skip_to_root() {
  while (root_ < end_ && !is_root(root_)) ++root_;
}

Time TraceReplay::next() const {
  const Time due = due_.empty() ? kNever : due_.top().first;
  return root_ < end_ ? std::min(due, scheduled(root_)) : due;
}

std::size_t TraceReplay::take() {
  --left_;
  const bool root = root_ < end_ && (due_.empty() || Due{scheduled(root_), root_} < due_.top());
  if (!root) {
    const std::size_t row = due_.top().second;
    due_.pop();
    return row;
  }
  const std::size_t row = root_++;
  skip_to_root();
  return row;
}

void TraceReplay::answered(std::size_t row, Time now) {
  if (first_child_.empty()) return;
  for (std::int32_t next = first_child_[row]; next >= 0;
       next = next_sibling_[static_cast<std::size_t>(next)]) {
    const auto child = static_cast<std::size_t>(next);
    const double delay_s = trace_->delay_s.empty() ? -1 : trace_->delay_s[child];
    due_.emplace(delay_s < 0 ? std::max(now, scheduled(child)) : now + duration_from_seconds(delay_s), child);
  }
}

std::vector<std::size_t> TraceReplay::give_up(std::size_t row) {
  std::vector<std::size_t> lost;
  if (first_child_.empty()) return lost;
  std::vector<std::size_t> parents{row};
  while (!parents.empty()) {
    const std::size_t parent = parents.back();
    parents.pop_back();
    for (std::int32_t child = first_child_[parent]; child >= 0;
         child = next_sibling_[static_cast<std::size_t>(child)]) {
      lost.push_back(static_cast<std::size_t>(child));
      parents.push_back(static_cast<std::size_t>(child));
    }
  }
  std::sort(lost.begin(), lost.end());
  left_ -= lost.size();
  return lost;
}

}  // namespace gpushare
