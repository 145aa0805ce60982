#include "results/load_meter.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {
namespace {

constexpr double kFewest = 20;       // arrivals, of which nothing is concluded
constexpr double kLeastGrowth = 10;  // requests
// Of the square root of what arrived: a queue of random arrivals and times near its capacity wanders by 1.4 of it.
constexpr double kChance = 1.5;
constexpr double kLeastShare = 0.02;  // of what arrived in the window
// Where servers keep up, what is left at the end leaves as fast as it came, or at 0.7 of that where latencies are
// exponential; where they do not, at the rate that they serve.
constexpr double kSlowDrain = 0.95, kVerySlowDrain = 0.6;
constexpr double kWaiting = 0.25;  // of a request's time, before its first step
// From one quarter of the window to another: what chance does not do to waits of servers with capacity to spare.
constexpr double kUnsettled = 2;
constexpr double kLeastLonger_s = 0.05;

double wait_of(const Request& request) {
  double wait_s = 0;
  for (const StageState& stage : request.stages)
    if (stage.queued != kNever && stage.started != kNever) wait_s += to_seconds(stage.started - stage.queued);
  return wait_s;
}

bool are_alike(const std::array<double, 4>& waits_s) {
  const auto [least, most] = std::minmax_element(waits_s.begin(), waits_s.end());
  return *most <= kUnsettled * *least || *most <= *least + kLeastLonger_s;
}

}  // namespace

LoadMeter::LoadMeter(const Workload& workload) : workload_(workload), entries_(workload.traffic.size()) {}

void LoadMeter::set_window(Time begin, Time end) {
  begin_ = begin, end_ = end;
  const double window_s = to_seconds(end - begin);
  for (std::size_t mark = 0; mark <= kParts; ++mark)
    marks_[mark] =
        begin + duration_from_seconds(window_s * static_cast<double>(mark) / static_cast<double>(kParts));
}

std::size_t LoadMeter::first_mark_from(Time time) const {
  return static_cast<std::size_t>(std::lower_bound(marks_.begin(), marks_.end(), time) - marks_.begin());
}

void LoadMeter::finish(const Request& request, Time now) {
  Entry& entry = entries_[static_cast<std::size_t>(request.traffic)];
  ++entry.change[first_mark_from(request.arrival)];
  --entry.change[first_mark_from(now)];
  const bool completed = request.status == RequestStatus::completed;
  if (completed && now >= begin_ && now <= end_) ++entry.served;
  if (completed && now > end_) ++entry.late;
  if (now > end_) entry.left.add(now - end_);
  if (request.arrival < begin_ || request.arrival > end_) return;
  ++entry.arrived;
  count(entry, request);
  if (request.arrival < marks_[kParts / 2]) return;
  ++entry.arrived_late;
  if (!completed) return;
  entry.wait_s += wait_of(request);
  entry.stay_s += to_seconds(now - request.arrival);
}

void LoadMeter::sent_again(const Request& request, Time now) {
  if (now >= begin_ && now <= end_) ++entries_[static_cast<std::size_t>(request.traffic)].retried;
}

void LoadMeter::count(Entry& entry, const Request& request) const {
  entry.rejected += request.status == RequestStatus::rejected ? 1 : 0;
  entry.failed += request.status == RequestStatus::failed ? 1 : 0;
  entry.timed_out += request.timed_out ? 1 : 0;
  if (request.status != RequestStatus::completed) return;
  const std::size_t part = first_mark_from(request.arrival);
  const std::size_t quarter = part == 0 ? 0 : (part - 1) * kQuarters / kParts;
  entry.waits_s[quarter] += wait_of(request);
  ++entry.answered[quarter];
}

bool LoadMeter::keeps_up(const Entry& entry, const std::array<double, kParts + 1>& present) const {
  const double arrived = static_cast<double>(entry.arrived);
  const double end = present[kParts], middle = present[kParts / 2], growth = end - present[0];
  if (arrived < kFewest ||
      growth < std::max({kLeastGrowth, kLeastShare * arrived, kChance * std::sqrt(arrived)}))
    return true;
  // All along, and not in one burst: a third of it by the middle of the window, or of what came by then.
  const bool steady = middle >= end / 4 && present[3 * kParts / 4] >= end / 2 && end >= 1.4 * middle;
  if (!steady) return true;
  const double half_s = to_seconds(end_ - begin_) / 2;
  const double drain = end / 2 / std::max(1e-9, entry.left.quantile_s(0.5));
  const double came = static_cast<double>(entry.arrived_late) / half_s;
  const bool waiting = entry.stay_s > 0 && entry.wait_s > kWaiting * entry.stay_s;
  return drain >= (waiting ? kSlowDrain : kVerySlowDrain) * came;
}

TrafficSummary LoadMeter::summary_of(std::size_t index) const {
  const Entry& entry = entries_[index];
  const Traffic& traffic = workload_.traffic[index];
  std::array<double, kParts + 1> present{};
  std::int64_t sum = 0;
  for (std::size_t mark = 0; mark <= kParts; ++mark)
    present[mark] = static_cast<double>(sum += entry.change[mark]);
  const double window_s = to_seconds(end_ - begin_);
  TrafficSummary summary;
  summary.name = traffic.name;
  summary.kind = Traffic::kKinds[static_cast<std::size_t>(traffic.kind)];
  summary.offered_rate = window_s > 0 ? static_cast<double>(entry.arrived + entry.retried) / window_s : 0;
  summary.served_rate = window_s > 0 ? static_cast<double>(entry.served) / window_s : 0;
  summary.backlog = static_cast<std::uint64_t>(present[kParts]);
  summary.backlog_in_middle = static_cast<std::uint64_t>(present[kParts / 2]);
  summary.late = entry.late;
  summary.cleared_after_s = entry.left.count() > 0 ? entry.left.max_s() : 0;
  summary.rejected = entry.rejected;
  summary.failed = entry.failed;
  if (traffic.client) summary.timed_out = entry.timed_out, summary.retried = entry.retried;
  for (std::size_t q = 0; q < kQuarters; ++q)
    summary.waits_s[q] = entry.answered[q] > 0 ? entry.waits_s[q] / entry.answered[q] : 0;
  const bool enough = *std::min_element(entry.answered.begin(), entry.answered.end()) >= kFewest;
  summary.settles = traffic.kind != Traffic::Kind::calls || !enough || are_alike(summary.waits_s);
  const bool open = traffic.kind == Traffic::Kind::open || traffic.kind == Traffic::Kind::trace;
  summary.keeps_up = !open || window_s <= 0 || keeps_up(entry, present);
  return summary;
}

std::vector<TrafficSummary> LoadMeter::summaries() const {
  std::vector<TrafficSummary> all;
  for (std::size_t i = 0; i < entries_.size(); ++i) all.push_back(summary_of(i));
  return all;
}

}  // namespace gpushare
