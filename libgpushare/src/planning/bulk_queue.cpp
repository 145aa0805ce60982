#include "planning/bulk_queue.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gpushare::planning {
namespace {

constexpr std::size_t kMostStates = 160;
constexpr int kSweeps = 120;
constexpr double kSettled = 1e-5;
constexpr double kRare = 1e-5, kNothing = 1e-7;
constexpr double kOverflow = 0.02;  // share of steps that begin with more than is counted
constexpr double kAlike = 1.35;     // factors that are taken together

// P(n) of a Poisson count, as far as it is not next to nothing and below `most`; what is beyond counts as the last.
void poisson(double mean, std::size_t most, std::vector<double>& shares) {
  shares.clear();
  double term = std::exp(-mean);
  double sum = 0;
  while (shares.size() + 1 < most && sum < 1 - kNothing) {
    shares.push_back(term);
    sum += term;
    term *= mean / static_cast<double>(shares.size());
  }
  shares.push_back(std::max(0.0, 1 - sum));
}

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

class Chain {
 public:
  /// Found the faster, the more it is like another.
  explicit Chain(const BulkQueue& queue, const Chain* like = nullptr)
      : queue_(queue), most_(queue.step_s.size() - 1), parts_(static_cast<std::size_t>(queue.parts)) {
    const double reached = 6 * even_places(queue) + 24.0 * queue.parts;
    states_ = static_cast<std::size_t>(std::min<double>(reached, kMostStates)) + 2;
    most_ = std::min(most_, states_ - 1);
    arrivals_.resize(most_ + 1);
    for (std::size_t b = 0; b <= most_; ++b)
      poisson(queue.rate * queue.step_s[b], states_ / parts_ + 2, arrivals_[b]);
    poisson(queue.rate * queue.delay_s, states_ / parts_ + 2, beside_first_);
    settle(like);
  }

  [[nodiscard]] BulkQueue::Answer account() const;
  /// Of jobs, all longer by that factor than here.
  [[nodiscard]] Latencies latencies(double factor) const;
  [[nodiscard]] bool overflows() const { return !keeps_up() || shares_[states_ - 1] > kOverflow; }

 private:
  // `weight` of all jobs, of `own` parts; all latencies by that factor.
  void add_latencies(const BulkQueue::Answer& steps, std::size_t own, double weight, double factor,
                     Latencies& latencies) const;
  [[nodiscard]] Latencies behind_others(const BulkQueue::Answer& steps, const Latencies& single,
                                        double factor) const;
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
        spread(from[q], parts_, beside_first_, to);
      } else {
        spread(from[q], q - batch(q), arrivals_[batch(q)], to);
      }
    }
  }
  void spread(double weight, std::size_t left, const std::vector<double>& arrivals,
              std::vector<double>& to) const {
    for (std::size_t n = 0; n < arrivals.size(); ++n) {
      to[std::min(left + n * parts_, states_ - 1)] += weight * arrivals[n];
    }
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
        next[q] = (next[q] + shares_[q]) / 2;  // a chain may be periodic
        moved += std::abs(next[q] - shares_[q]);
      }
      shares_.swap(next);
      if (moved < kSettled) break;
    }
    for (std::size_t q = 0; q < states_; ++q)
      total_s_ +=
          shares_[q] * (q == 0 && is_idle() ? 1 / queue_.rate + queue_.delay_s : queue_.step_s[batch(q)]);
  }
  // From the first step that serves some of these to the end of the last.
  [[nodiscard]] double steps_for(std::size_t places) const {
    const std::size_t full = (places - 1) / most_;
    return static_cast<double>(full) * queue_.step_s[most_] + queue_.step_s[places - full * most_];
  }
  void add_idle(std::size_t own, double weight, double factor, Latencies& latencies) const;
  void add_arrivals_during(std::size_t q, std::size_t own, double weight, double factor, double later_s,
                           Latencies& latencies) const;

  const BulkQueue& queue_;
  std::size_t most_, parts_, states_ = 0;
  std::vector<std::vector<double>> arrivals_;  // in a step of b
  std::vector<double> beside_first_;
  double total_s_ = 0;          // of a step and what lies before the next, on average
  std::vector<double> shares_;  // of the beginnings of steps
};

// Of jobs of `own` parts that arrive in a step which begins with q: the rest of it, `later_s`, and the steps up to their own.
void Chain::add_arrivals_during(std::size_t q, std::size_t own, double weight, double factor, double later_s,
                                Latencies& latencies) const {
  const std::size_t b = batch(q);
  const double step_s = queue_.step_s[b];
  const auto& others = arrivals_[b];
  for (std::size_t n = 0; n < others.size(); ++n) {  // beside the one that is looked at
    if (others[n] < 1e-3) continue;
    const std::size_t all = (q - b) + n * parts_ + own;
    if (all <= most_) {  // they share a step, whatever their order
      const double wait_s = later_s + queue_.step_s[all];
      latencies.add(factor * wait_s, factor * (wait_s + step_s), weight * others[n]);
      continue;
    }
    for (std::size_t j = 0; j <= n; ++j) {  // its place among them
      const std::size_t last = (q - b) + j * parts_ + own;
      const std::size_t full = (last - 1) / most_;  // steps before its last one
      const double own_s = queue_.step_s[std::min(most_, all - full * most_)];
      const double wait_s = later_s + static_cast<double>(full) * queue_.step_s[most_] + own_s;
      const double share = 1.0 / static_cast<double>(n + 1);
      const double from = 1 - static_cast<double>(j + 1) * share;
      latencies.add(factor * (wait_s + from * step_s), factor * (wait_s + (from + share) * step_s),
                    weight * others[n] * share);
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
  const double first = weight * shares_[0] / queue_.rate / total_s_;
  for (std::size_t n = 0; n < beside_first_.size(); ++n)
    if (beside_first_[n] > kRare)
      latencies.add(factor * (queue_.delay_s + steps_for(n * parts_ + own)), first * beside_first_[n]);
  const double during = weight * shares_[0] * queue_.delay_s / total_s_;
  const double own_s = steps_for(parts_ + own);
  if (during > 0) latencies.add(factor * own_s, factor * (queue_.delay_s + own_s), during);
}

void Chain::add_latencies(const BulkQueue::Answer& steps, std::size_t own, double weight, double factor,
                          Latencies& latencies) const {
  const double later_s = queue_.late_steps * steps.mean_step_s;
  for (std::size_t q = 0; q < states_; ++q) {
    if (shares_[q] < kRare) continue;
    if (q == 0 && is_idle()) {
      add_idle(own, weight, factor, latencies);
      continue;
    }
    const double there = q == 0 ? 1 - queue_.idle : 1;
    const double share = weight * shares_[q] * queue_.step_s[batch(q)] / total_s_;
    add_arrivals_during(q, own, there * share, factor, later_s, latencies);
    if (there < 1) latencies.add(factor * steps_for(own), (1 - there) * share);
  }
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
  for (const Luck& size : queue_.sizes.empty() ? std::vector<Luck>{{}} : queue_.sizes) {
    const double own = std::max(1.0, std::round(static_cast<double>(parts_) * size.factor));
    add_latencies(steps, static_cast<std::size_t>(own), size.share, factor, single);
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
  const Chain chain(*this);
  Answer answer = chain.account();
  if (chain.overflows()) {
    answer.p95_s = std::numeric_limits<double>::infinity();
    return answer;
  }
  Latencies latencies;
  for (const Luck& luck : lucks.empty() ? std::vector<Luck>{{}} : grouped(lucks)) {
    BulkQueue slowed = *this;
    for (double& seconds : slowed.step_s) seconds *= luck.factor;
    const Chain own(slowed, &chain);
    latencies.add(own.overflows() ? chain.latencies(luck.factor) : own.latencies(1), luck.share);
  }
  answer.p95_s = latencies.after(waiting).quantile(kPredictedQuantile, {}) + told_s;
  return answer;
}

}  // namespace gpushare::planning
