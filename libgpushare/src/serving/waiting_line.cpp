#include "serving/waiting_line.hpp"

#include <algorithm>
#include <utility>

namespace gpushare {

void WaitingLine::put_back(Sequence&& sequence) {
  auto place = preempted_.begin();
  if (by_priority_)
    place = std::find_if(preempted_.begin(), preempted_.end(),
                         [&](const Sequence& other) { return sequence.before(other); });
  preempted_.insert(place, std::move(sequence));
}

bool WaitingLine::resumes() const {
  if (preempted_.empty()) return false;
  if (!by_priority_ || jobs_.empty()) return true;
  Sequence head;
  head.job = jobs_.front();
  return !head.before(preempted_.front());
}

bool WaitingLine::leads(const Job& arrived) const {
  const Job& head = jobs_.front();
  return (preempted_.empty() || by_priority_) && head.request == arrived.request &&
         head.stage == arrived.stage;
}

bool WaitingLine::remove(std::uint32_t request, std::uint8_t stage) {
  const auto is_its = [&](const Sequence& sequence) { return is_of(sequence.job, request, stage); };
  return std::erase_if(preempted_, is_its) > 0 || jobs_.remove(request, stage);
}

void WaitingLine::fail(Outbox& out) {
  for (const Sequence& sequence : preempted_) out.push_back(tell(sequence.job, Signal::failed));
  while (!jobs_.empty()) out.push_back(tell(jobs_.pop(), Signal::failed));
  preempted_.clear();
}

}  // namespace gpushare
