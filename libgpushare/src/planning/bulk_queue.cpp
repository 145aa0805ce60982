#include "planning/bulk_queue.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "planning/arrivals.hpp"

namespace gpushare::planning {
namespace {

constexpr std::size_t kMostStates = 160;
constexpr int kSweeps = 120;
constexpr double kSettled = 1e-5, kStep = 0.8;
constexpr double kRare = 1e-5, kNothing = 1e-6;
constexpr double kOverflow = 0.02;  // share of steps that begin with more than is counted
constexpr double kAlike = 1.25;     // factors that are taken together

// Places that a step has where all steps are alike.
double even_places(const BulkQueue& queue) {
  const auto most = static_cast<double>(queue.step_s.size() - 1);
  double places = queue.parts;
  for (int i = 0; i < 10; ++i) {
    const auto b = static_cast<std::size_t>(std::min(most, places));
    places = std::max(1.0, queue.rate * queue.parts * queue.step_s[std::max<std::size_t>(b, 1)]);
  }
  return places;
}

double mean_of(const std::vector<double>& shares) {
  double mean = 0;
  for (std::size_t n = 0; n < shares.size(); ++n) mean += static_cast<double>(n) * shares[n];
  return mean;
}

class Chain {
 public:
  /// Found the faster, the more it is like another.
  Chain(const BulkQueue& queue, const Arrivals& arrivals, const Chain* like = nullptr)
      : queue_(queue),
        jobs_(arrivals),
        most_(queue.step_s.size() - 1),
        parts_(static_cast<std::size_t>(queue.parts)) {
    const double reached = 6 * even_places(queue) + 24.0 * queue.parts;
    states_ = static_cast<std::size_t>(std::min<double>(reached, kMostStates)) + 2;
    most_ = std::min(most_, states_ - 1);
    incoming_.resize(most_ + 1);
    beside_first_ = jobs_.jobs(queue.rate * queue.delay_s, jobs_.right_after(), most_jobs());
    after_first_ = jobs_.places(beside_first_, states_);
    settle(like);
  }

  [[nodiscard]] BulkQueue::Answer account() const;
  /// Of jobs, all longer by that factor than here.
  [[nodiscard]] Latencies latencies(double factor) const;
  [[nodiscard]] bool overflows() const { return !keeps_up() || shares_[states_ - 1] > kOverflow; }

 private:
  // `weight` of all jobs, of `own` parts; all latencies by that factor. Those that come in a step apart.
  void add_latencies(std::size_t own, double weight, double factor, Latencies& at_once,
                     Latencies& late) const;
  // A few kinds of step, with their share of all.
  struct Between {
    double share = 0, seconds = 0;
  };
  [[nodiscard]] std::vector<Between> steps_between() const;
  [[nodiscard]] Latencies behind_others(const BulkQueue::Answer& steps, const Latencies& single,
                                        double factor) const;
  // What comes in a step.
  struct Incoming {
    std::vector<double> places, beside;  // chances of so many places, and of so many jobs beside one
    double jobs = 0;                     // on average
  };
  // In a step of b. After one that is mostly of a single job, for which an idle server waited, the next may be far.
  [[nodiscard]] const Incoming& incoming(std::size_t b) const {
    std::optional<Incoming>& known = incoming_[b];
    if (!known) {
      const bool is_lone = is_idle() && b < 2 * parts_;
      const double mean = queue_.rate * queue_.step_s[b];
      std::vector<double> jobs =
          jobs_.jobs(mean, is_lone ? jobs_.right_after() : jobs_.any_time(), most_jobs());
      std::vector<double> places = jobs_.places(jobs, states_);
      known = Incoming{std::move(places), Arrivals::beside(jobs), is_lone ? mean_of(jobs) : mean};
    }
    return *known;
  }
  [[nodiscard]] std::size_t most_jobs() const { return states_ / parts_ + 2; }
  // Whether its largest steps would do.
  [[nodiscard]] bool keeps_up() const {
    const auto places = static_cast<double>(queue_.step_s.size() - 1);
    return queue_.rate * queue_.parts * queue_.step_s.back() < places;
  }
  [[nodiscard]] std::size_t batch(std::size_t waiting) const { return std::min(waiting, most_); }
  [[nodiscard]] bool is_idle() const { return queue_.step_s[0] <= 0; }
  // One step on from `from`.
  void advance(const std::vector<double>& from, std::vector<double>& to) const {
    to.assign(states_, 0);
    for (std::size_t q = 0; q < states_; ++q) {
      if (from[q] < kNothing) continue;
      if (q == 0 && is_idle()) {
        for (const Arrivals::Size& size : jobs_.sizes())
          spread(from[q] * size.share, size.places, after_first_, to);
      } else {
        spread(from[q], q - batch(q), incoming(batch(q)).places, to);
      }
    }
  }
  void spread(double weight, std::size_t left, const std::vector<double>& arrivals,
              std::vector<double>& to) const {
    left = std::min(left, states_ - 1);
    const std::size_t most = std::min(arrivals.size(), states_ - 1 - left);
    double* reached = to.data() + left;
    for (std::size_t k = 0; k < most; ++k) reached[k] += weight * arrivals[k];
    for (std::size_t k = most; k < arrivals.size(); ++k) to[states_ - 1] += weight * arrivals[k];
  }
  void settle(const Chain* like) {
    shares_ = like != nullptr ? like->shares_ : std::vector<double>{1};
    for (std::size_t q = states_; q < shares_.size(); ++q) shares_[states_ - 1] += shares_[q];
    shares_.resize(states_);
    std::vector<double> next;
    for (int i = 0; i < kSweeps; ++i) {
      advance(shares_, next);
      double moved = 0;
      for (std::size_t q = 0; q < states_; ++q) {
        next[q] = kStep * next[q] + (1 - kStep) * shares_[q];  // a chain may be periodic
        moved += std::abs(next[q] - shares_[q]);
      }
      shares_.swap(next);
      if (moved < kSettled) break;
    }
    for (std::size_t q = 0; q < states_; ++q)
      total_jobs_ +=
          shares_[q] * (q == 0 && is_idle() ? 1 + mean_of(beside_first_) : incoming(batch(q)).jobs);
    total_s_ = total_jobs_ / queue_.rate;
  }
  // From the first step that serves some of these to the end of the last.
  [[nodiscard]] double steps_for(std::size_t places) const {
    const std::size_t full = (places - 1) / most_;
    return static_cast<double>(full) * queue_.step_s[most_] + queue_.step_s[places - full * most_];
  }
  void add_idle(std::size_t own, double weight, double factor, Latencies& latencies) const;
  void add_arrivals_during(std::size_t q, std::size_t own, double weight, double factor,
                           Latencies& latencies) const;

  const BulkQueue& queue_;
  const Arrivals& jobs_;
  std::size_t most_, parts_, states_ = 0;
  mutable std::vector<std::optional<Incoming>> incoming_;  // each worked out when it is asked for
  std::vector<double> beside_first_, after_first_;         // jobs and places in the delay of an idle server
  double total_jobs_ = 0;
  double total_s_ = 0;          // of a step and what lies before the next, on average
  std::vector<double> shares_;  // of the beginnings of steps
};

// Of jobs of `own` parts that arrive in a step which begins with q: the rest of it, and the steps up to their own.
void Chain::add_arrivals_during(std::size_t q, std::size_t own, double weight, double factor,
                                Latencies& latencies) const {
  const std::size_t b = batch(q);
  const double step_s = queue_.step_s[b];
  const auto& others = incoming(b).beside;
  for (std::size_t n = 0; n < others.size(); ++n) {  // beside the one that is looked at
    if (others[n] < 1e-3) continue;
    const std::size_t all = (q - b) + n * parts_ + own;
    if (all <= most_) {  // they share a step, whatever their order
      const double wait_s = queue_.step_s[all];
      latencies.add(factor * wait_s, factor * (wait_s + step_s), weight * others[n]);
      continue;
    }
    for (std::size_t j = 0; j <= n;) {  // its place among them: those that end in the same step together
      const std::size_t last = (q - b) + j * parts_ + own;
      const std::size_t full = (last - 1) / most_;  // steps before its last one
      const std::size_t alike = std::min(n + 1 - j, ((full + 1) * most_ - last) / parts_ + 1);
      const double own_s = queue_.step_s[std::min(most_, all - full * most_)];
      const double wait_s = static_cast<double>(full) * queue_.step_s[most_] + own_s;
      const double each = 1.0 / static_cast<double>(n + 1);
      const double share = static_cast<double>(alike) * each;
      const double from = 1 - static_cast<double>(j + alike) * each;
      latencies.add(factor * (wait_s + from * step_s), factor * (wait_s + (from + share) * step_s),
                    weight * others[n] * share);
      j += alike;
    }
  }
}

BulkQueue::Answer Chain::account() const {
  BulkQueue::Answer answer;
  answer.share_of_time.assign(most_ + 1, 0);
  double steps = 0, places = 0, busy_s = 0;
  for (std::size_t q = 0; q < states_; ++q) {
    if (q == 0 && is_idle()) continue;
    const double spent_s = shares_[q] * queue_.step_s[batch(q)];
    answer.share_of_time[batch(q)] += spent_s / total_s_;
    busy_s += spent_s;
    steps += shares_[q];
    places += shares_[q] * static_cast<double>(batch(q));
  }
  answer.busy = busy_s / total_s_ - queue_.idle * answer.share_of_time[0];
  answer.mean_step_s = busy_s / steps;
  answer.mean_batch = places / steps;
  return answer;
}

void Chain::add_idle(std::size_t own, double weight, double factor, Latencies& latencies) const {
  const double first = weight * shares_[0] / total_jobs_;
  for (std::size_t n = 0; n < beside_first_.size(); ++n)
    if (beside_first_[n] > kRare)
      latencies.add(factor * (queue_.delay_s + steps_for(n * parts_ + own)), first * beside_first_[n]);
  const double during = first * mean_of(beside_first_);
  const double own_s = steps_for(parts_ + own);
  if (during > 0) latencies.add(factor * own_s, factor * (queue_.delay_s + own_s), during);
}

void Chain::add_latencies(std::size_t own, double weight, double factor, Latencies& at_once,
                          Latencies& late) const {
  for (std::size_t q = 0; q < states_; ++q) {
    if (shares_[q] < kRare) continue;
    if (q == 0 && is_idle()) {
      add_idle(own, weight, factor, at_once);
      continue;
    }
    const double there = q == 0 ? 1 - queue_.idle : 1;
    const double share = weight * shares_[q] * incoming(batch(q)).jobs / total_jobs_;
    add_arrivals_during(q, own, there * share, factor, late);
    if (there < 1) at_once.add(factor * steps_for(own) + queue_.start_s, (1 - there) * share);
  }
}

// Steps as they follow each other, the shorter first: a few, each for as many others.
std::vector<Chain::Between> Chain::steps_between() const {
  constexpr std::size_t kGroups = 4;
  std::vector<Between> groups;
  double share = 0, sum_s = 0, below = 0;
  for (std::size_t q = 0; q < states_; ++q) {
    if (q == 0 && is_idle()) continue;
    share += shares_[q];
    sum_s += shares_[q] * queue_.step_s[batch(q)];
    below += shares_[q];
    if (below * kGroups < static_cast<double>(groups.size() + 1) && q + 1 < states_) continue;
    if (share > 0) groups.push_back({share, sum_s / share});
    share = sum_s = 0;
  }
  return groups;
}

// A job whose forerunner is not told yet goes into the step after that: the one that runs then, if any, and its own.
Latencies Chain::behind_others(const BulkQueue::Answer& steps, const Latencies& single, double factor) const {
  const double step_s = factor * steps.mean_step_s;
  const double next_s = step_s + (queue_.told_s > 0 ? std::max(0.0, step_s - queue_.told_s) : 0);
  const double idle_s = factor * (queue_.delay_s + steps_for(parts_));
  const double least_s = queue_.after_least_s, most_s = queue_.after_most_s;
  Latencies all;
  single.each([&](double latency_s, double weight) {
    const double told_s = latency_s + queue_.told_s;
    const double waits =
        most_s > least_s ? std::clamp((told_s - least_s) / (most_s - least_s), 0.0, 1.0) : told_s > least_s;
    all.add(latency_s, weight * (1 - waits));
    if (waits <= 0) return;
    const double from_s = told_s - std::min(told_s, most_s), to_s = told_s - least_s;
    all.add(from_s + next_s, to_s + next_s, weight * waits * steps.busy);
    all.add(from_s + idle_s, to_s + idle_s, weight * waits * (1 - steps.busy));
  });
  return all;
}

Latencies Chain::latencies(double factor) const {
  const BulkQueue::Answer steps = account();
  Latencies single;
  Latencies late;
  for (const Arrivals::Size& size : jobs_.sizes())
    add_latencies(size.places, size.share, factor, single, queue_.late_steps > 0 ? late : single);
  if (queue_.late_steps > 0) {
    const std::vector<Between> between = steps_between();
    late.each([&](double latency_s, double weight) {
      for (const Between& step : between)
        single.add(latency_s + factor * queue_.late_steps * step.seconds, weight * step.share);
    });
  }
  return queue_.after_most_s > 0 ? behind_others(steps, single, factor) : single;
}

// Those with about the same factor together.
std::vector<Luck> grouped(std::vector<Luck> lucks) {
  std::sort(lucks.begin(), lucks.end(), [](const Luck& a, const Luck& b) { return a.factor < b.factor; });
  std::vector<Luck> groups;
  for (const Luck& luck : lucks) {
    if (groups.empty() || luck.factor > kAlike * groups.back().factor) {
      groups.push_back(luck);
      continue;
    }
    Luck& group = groups.back();
    group.factor = (group.share * group.factor + luck.share * luck.factor) / (group.share + luck.share);
    group.share += luck.share;
  }
  return groups;
}

}  // namespace

// While its neighbours are at one thing the server is a queue with steps of that length; where it could not keep up so,
// they do not last long enough for that, and all it does is longer.
BulkQueue::Answer BulkQueue::answer() const {
  const Arrivals arrivals(static_cast<std::size_t>(parts), sizes, in_turn);
  const Chain chain(*this, arrivals);
  Answer answer = chain.account();
  if (chain.overflows()) {
    answer.p95_s = std::numeric_limits<double>::infinity();
    return answer;
  }
  Latencies latencies;
  for (const Luck& luck : lucks.empty() ? std::vector<Luck>{{}} : grouped(lucks)) {
    BulkQueue slowed = *this;
    for (double& seconds : slowed.step_s) seconds *= luck.factor;
    const Chain own(slowed, arrivals, &chain);
    latencies.add(own.overflows() ? chain.latencies(luck.factor) : own.latencies(1), luck.share);
  }
  answer.p95_s = latencies.after(waiting).quantile(kPredictedQuantile, {}) + told_s;
  return answer;
}

}  // namespace gpushare::planning
