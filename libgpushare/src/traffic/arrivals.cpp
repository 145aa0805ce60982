#include "gpushare/arrivals.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "gpushare/errors.hpp"
#include "traffic/arrivals_parts.hpp"

namespace gpushare {
namespace {

using Kind = ArrivalProcess::Kind;

constexpr double kNoEnd = std::numeric_limits<double>::infinity();
double piece_end_s(const ArrivalProcess& p, std::size_t piece) {
  if (piece + 1 < p.starts_s.size()) return p.starts_s[piece + 1];
  return p.period_s > 0 ? p.period_s : kNoEnd;
}

void require_states(const ArrivalProcess& p) {
  const std::size_t others = p.kind == Kind::on_off      ? p.hold_s.size()
                             : p.kind == Kind::piecewise ? p.starts_s.size()
                                                         : p.transitions.size();
  if (p.rates.empty() || others != p.rates.size())
    throw ScenarioError("arrival process", "rates: expected as many as hold_s, starts_s or transitions");
}

double arrivals_per_period(const ArrivalProcess& p) {
  double count = 0;
  for (std::size_t i = 0; i < p.rates.size(); ++i) count += p.rates[i] * (piece_end_s(p, i) - p.starts_s[i]);
  return count;
}

/// An index with probability proportional to its weight.
std::size_t draw(const std::vector<double>& weights, Stream& stream) {
  double left = stream.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t index = 0;
  while (index + 1 < weights.size() && left >= weights[index]) left -= weights[index++];
  return index;
}

double weibull_gap(double shape, Stream& stream) {
  return std::pow(stream.exponential(), 1 / shape) / std::tgamma(1 + 1 / shape);
}

/// Requests that fill a window; the product of a rate and a window made from it may be off by a rounding.
double filling_count(double mean) { return std::ceil(mean * (1 - 1e-12)); }

}  // namespace

double arrivals::leaving_rate(const ArrivalProcess& p, std::size_t state) {
  double rate = 0;
  for (std::size_t j = 0; j < p.transitions[state].size(); ++j)
    if (j != state) rate += p.transitions[state][j];
  return rate;
}

// The elimination of Grassmann, Taksar and Heyman (1985): no subtraction, so no cancellation.
std::vector<double> arrivals::stationary_shares(const ArrivalProcess& p) {
  auto q = p.transitions;
  const std::size_t n = q.size();
  for (std::size_t k = n; k-- > 1;) {
    const double out = std::accumulate(q[k].begin(), q[k].begin() + static_cast<std::ptrdiff_t>(k), 0.0);
    for (std::size_t i = 0; i < k; ++i) q[i][k] /= out;
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t j = 0; j < k; ++j)
        if (i != j) q[i][j] += q[i][k] * q[k][j];
  }
  std::vector<double> shares(n, 1);
  for (std::size_t k = 1; k < n; ++k) {
    shares[k] = 0;
    for (std::size_t i = 0; i < k; ++i) shares[k] += shares[i] * q[i][k];
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

double ArrivalProcess::mean_rate() const {
  switch (kind) {
    case Kind::on_off:
      require_states(*this);
      return std::inner_product(rates.begin(), rates.end(), hold_s.begin(), 0.0) /
             std::accumulate(hold_s.begin(), hold_s.end(), 0.0);
    case Kind::piecewise:
      require_states(*this);
      return period_s > 0 ? arrivals_per_period(*this) / period_s : rates.back();
    case Kind::mmpp: {
      require_states(*this);
      const std::vector<double> shares = arrivals::stationary_shares(*this);
      return std::inner_product(rates.begin(), rates.end(), shares.begin(), 0.0);
    }
    case Kind::mixture:
      return std::accumulate(
          clients.begin(), clients.end(), 0.0,
          [](double sum, const ArrivalProcess& client) { return sum + client.mean_rate(); });
    case Kind::constant:
    case Kind::poisson:
    case Kind::gamma:
    case Kind::weibull:
    case Kind::gamma_poisson:
      break;
  }
  return rate_per_s;
}

ArrivalGenerator::ArrivalGenerator(ArrivalProcess process, Stream stream)
    : process_(std::move(process)), stream_(stream) {
  arrivals::check(process_);
  const bool for_ever = process_.kind != Kind::piecewise || process_.period_s > 0;
  silent_ = for_ever && !(process_.mean_rate() > 0);
  if (silent_) return;
  switch (process_.kind) {
    case Kind::on_off:
      state_ = draw(process_.hold_s, stream_);
      state_rate_ = process_.rates[state_];
      state_until_s_ = process_.hold_s[state_] * stream_.exponential();
      break;
    case Kind::mmpp:
      state_ = draw(arrivals::stationary_shares(process_), stream_);
      enter_state();
      break;
    case Kind::piecewise:
      if (process_.period_s > 0) period_count_ = arrivals_per_period(process_);
      state_until_s_ = process_.starts_s.front();
      break;
    case Kind::mixture:
      add_clients();
      break;
    default:
      break;
  }
}

void ArrivalGenerator::add_clients() {
  for (std::size_t i = 0; i < process_.clients.size(); ++i) {
    clients_.emplace_back(process_.clients[i], stream_.at(i + 1));
    const Time first = clients_.back().next();
    if (first != kNever) due_.emplace_back(first, i);
  }
  std::make_heap(due_.begin(), due_.end(), std::greater<>());
}

Time ArrivalGenerator::next() {
  silent_ = silent_ || (process_.count > 0 && made_ == process_.count);
  if (silent_) return kNever;
  ++made_;
  if (process_.kind == Kind::mixture) return mixed_arrival();
  now_s_ = arrival_s();
  silent_ = !(now_s_ < to_seconds(kForever));
  return silent_ ? kNever : Time{} + duration_from_seconds(now_s_);
}

Time ArrivalGenerator::mixed_arrival() {
  if (due_.empty()) return kNever;
  std::pop_heap(due_.begin(), due_.end(), std::greater<>());
  const auto [at, client] = due_.back();
  due_.pop_back();
  const Time following = clients_[client].next();
  if (following == kNever) return at;
  due_.emplace_back(following, client);
  std::push_heap(due_.begin(), due_.end(), std::greater<>());
  return at;
}

double ArrivalGenerator::arrival_s() {
  if (process_.window_s > 0) return windowed_arrival_s();
  switch (process_.kind) {
    case Kind::constant:
      // A count instead of a sum of gaps, so that no rounding builds up.
      return ++rounds_ / process_.rate_per_s;
    case Kind::poisson:
    case Kind::gamma:
    case Kind::weibull:
      return now_s_ + unit_gap(stream_) / process_.rate_per_s;
    default:
      return modulated_arrival_s();
  }
}

/// A gap of mean one, of the family and shape in force.
double ArrivalGenerator::unit_gap(Stream& stream) const {
  switch (process_.kind) {
    case Kind::gamma:
      return stream.gamma(process_.shape) / process_.shape;
    case Kind::weibull:
      return weibull_gap(process_.shape, stream);
    case Kind::gamma_poisson:
      if (process_.gap_shape == 1) break;
      return stream.gamma(process_.gap_shape) / process_.gap_shape;
    case Kind::piecewise: {
      if (process_.gap_shapes.empty() || state_ == 0) break;
      const double shape = process_.gap_shapes[state_ - 1];
      const bool weibull =
          !process_.gap_kinds.empty() && process_.gap_kinds[state_ - 1] == ArrivalProcess::Gaps::weibull;
      if (shape == 1) break;
      return weibull ? weibull_gap(shape, stream) : stream.gamma(shape) / shape;
    }
    default:
      break;
  }
  return stream.exponential();
}

// The gaps of a window are drawn twice: once for their sum, from a copy of the stream, and once each as it is due.
double ArrivalGenerator::windowed_arrival_s() {
  while (in_window_ == 0) {
    now_s_ = state_until_s_;
    if (!(now_s_ < to_seconds(kForever))) return kNoEnd;
    enter_window();
  }
  const double at = now_s_ + gap_scale_s_ * unit_gap(stream_);
  return --in_window_ == 0 ? state_until_s_ : std::min(at, state_until_s_);
}

void ArrivalGenerator::enter_window() {
  if (process_.kind == Kind::piecewise) {
    enter_piece();
  } else {
    state_rate_ = process_.rate_per_s;
    state_until_s_ = ++rounds_ * process_.window_s;
  }
  in_window_ = filling_count(state_rate_ * (state_until_s_ - now_s_));
  Stream copy = stream_;
  double sum = 0;
  for (std::uint64_t i = 0; static_cast<double>(i) < in_window_; ++i) sum += unit_gap(copy);
  gap_scale_s_ = sum > 0 ? (state_until_s_ - now_s_) / sum : 0;
}

// Inversion of the cumulative rate: a gap of mean one, in expected arrivals, is used up state by state.
double ArrivalGenerator::modulated_arrival_s() {
  double left = unit_gap(stream_);
  while (now_s_ < to_seconds(kForever)) {
    const double in_state = state_rate_ > 0 ? state_rate_ * (state_until_s_ - now_s_) : 0;
    if (left < in_state) return std::min(now_s_ + left / state_rate_, state_until_s_);
    left -= in_state;
    now_s_ = state_until_s_;
    if (process_.kind == Kind::piecewise) left = skip_periods(left);
    enter_next_state();
  }
  return kNoEnd;
}

// A rate that is low against the period must not cost a loop over every empty period.
double ArrivalGenerator::skip_periods(double left) {
  if (!(period_count_ > 0) || state_ != process_.rates.size() || left < period_count_) return left;
  const double periods = std::floor(left / period_count_);
  rounds_ += periods;
  return std::max(left - periods * period_count_, 0.0);
}

void ArrivalGenerator::enter_next_state() {
  switch (process_.kind) {
    case Kind::on_off:
      state_ = (state_ + 1) % process_.rates.size();
      state_rate_ = process_.rates[state_];
      state_until_s_ = now_s_ + process_.hold_s[state_] * stream_.exponential();
      break;
    case Kind::gamma_poisson:
      state_rate_ = process_.rate_per_s * stream_.gamma(process_.shape) / process_.shape;
      state_until_s_ = ++rounds_ * process_.block_s;
      break;
    case Kind::mmpp: {
      std::vector<double> ways = process_.transitions[state_];
      ways[state_] = 0;
      state_ = draw(ways, stream_);
      enter_state();
      break;
    }
    case Kind::piecewise:
      enter_piece();
      break;
    default:
      break;
  }
}

void ArrivalGenerator::enter_state() {
  const double leaving = arrivals::leaving_rate(process_, state_);
  state_rate_ = process_.rates[state_];
  state_until_s_ = leaving > 0 ? now_s_ + stream_.exponential() / leaving : kNoEnd;
}

void ArrivalGenerator::enter_piece() {
  if (state_ < process_.rates.size()) {
    state_rate_ = process_.rates[state_];
    state_until_s_ = rounds_ * process_.period_s + piece_end_s(process_, state_);
    ++state_;
    return;
  }
  state_ = 0;
  state_rate_ = 0;
  state_until_s_ = ++rounds_ * process_.period_s + process_.starts_s.front();
}

}  // namespace gpushare
