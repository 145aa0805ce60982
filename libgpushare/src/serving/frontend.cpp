#include "serving/frontend.hpp"

#include <algorithm>

namespace gpushare {

Time Frontend::work(Time now, Duration duration) {
  busy_ = std::max(busy_, now) + duration;
  return busy_;
}

void Frontend::take(const Job& job) { taking_.emplace_back(work(job.queued, request_), job); }

Time Frontend::send(Time now, std::uint32_t tokens) { return present() ? work(now, token_ * tokens) : now; }

void Frontend::tell(Time now, Time at, const Outcome& outcome, Outbox& out) {
  if (at > now) {
    sending_.emplace_back(at, outcome);
  } else {
    out.push_back(outcome);
  }
}

void Frontend::deliver(Time now, Outbox& out) {
  for (; !sending_.empty() && sending_.front().first <= now; sending_.pop_front())
    out.push_back(sending_.front().second);
}

bool Frontend::next(Time now, Job& job) {
  if (taking_.empty() || taking_.front().first > now) return false;
  job = taking_.front().second;
  job.queued = taking_.front().first;
  taking_.pop_front();
  return true;
}

bool Frontend::remove(std::uint32_t request, std::uint8_t stage) {
  bool over =
      std::erase_if(taking_, [&](const auto& taken) { return is_of(taken.second, request, stage); }) > 0;
  std::erase_if(sending_, [&](const auto& sent) {
    const Outcome& outcome = sent.second;
    if (!is_of(outcome, request, stage)) return false;
    over = over || outcome.signal == Signal::finished;
    return true;
  });
  return over;
}

Time Frontend::wake() const {
  const Time taken = taking_.empty() ? kNever : taking_.front().first;
  return sending_.empty() ? taken : std::min(taken, sending_.front().first);
}

void Frontend::fail(Outbox& out) {
  for (const auto& [at, job] : taking_) out.push_back(gpushare::tell(job, Signal::failed));
  for (auto [at, outcome] : sending_) {
    if (outcome.signal != Signal::finished) continue;
    outcome.signal = Signal::failed;
    out.push_back(outcome);
  }
  taking_.clear();
  sending_.clear();
  busy_ = {};
}

}  // namespace gpushare
