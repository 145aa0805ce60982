#include "gpushare/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

using Kind = ArrivalProcess::Kind;

constexpr double kNoEnd = std::numeric_limits<double>::infinity();
constexpr double kMaxRate = 1e9;  // one arrival per tick of the clock
constexpr double kMinShape = 1e-3;
constexpr double kMinSpan = 1e-9;
constexpr double kMaxChangesPerArrival = 1e6;

void require(bool legal, std::string_view what, double found, std::string_view expected) {
  if (!legal) {
    throw ScenarioError("arrival process", fmt::format("{}: expected {}, found {}", what, expected, found));
  }
}

void require_rate(double rate, std::string_view what) {
  require(rate >= 0 && rate <= kMaxRate, what, rate, "requests a second from 0 to 1e9");
}

void require_shape(double shape, std::string_view what) {
  require(shape >= kMinShape && std::isfinite(shape), what, shape, "a shape of at least 0.001");
}

void require_span(double seconds, std::string_view what) {
  require(seconds >= kMinSpan && std::isfinite(seconds), what, seconds, "seconds, at least a nanosecond");
}

void require_as_many(std::size_t found, std::size_t rates, std::string_view what) {
  if (rates == 0) throw ScenarioError("arrival process", "rates: expected at least one rate, found none");
  if (found != rates) {
    throw ScenarioError(
        "arrival process",
        fmt::format("{}: expected {} values, one for each of rates, found {}", what, rates, found));
  }
}

// Such a process is a Poisson process to any observer, at a cost that looks like a hang.
void require_slow_changes(double changes_per_s, double rate) {
  if (rate > 0 && changes_per_s > kMaxChangesPerArrival * rate) {
    throw ScenarioError(
        "arrival process",
        fmt::format("the rate changes {:.3g} times between two requests; use poisson with the mean "
                    "rate {:.3g} instead",
                    changes_per_s / rate, rate));
  }
}

void check_on_off(const ArrivalProcess& p) {
  require_as_many(p.hold_s.size(), p.rates.size(), "hold_s");
  for (const double rate : p.rates) require_rate(rate, "rates");
  for (const double hold : p.hold_s) require_span(hold, "hold_s");
  const double cycle_s = std::accumulate(p.hold_s.begin(), p.hold_s.end(), 0.0);
  require_slow_changes(static_cast<double>(p.rates.size()) / cycle_s, p.mean_rate());
}

void check_piecewise(const ArrivalProcess& p) {
  require_as_many(p.starts_s.size(), p.rates.size(), "starts_s");
  for (const double rate : p.rates) require_rate(rate, "rates");
  double last = -1;
  for (const double start : p.starts_s) {
    require(start >= 0 && start > last && std::isfinite(start), "starts_s", start,
            "ascending seconds from 0 on");
    last = start;
  }
  if (p.period_s == 0) return;
  require_span(p.period_s, "period_s");
  require(p.period_s > last, "period_s", p.period_s, fmt::format("more than the last of starts_s, {}", last));
}

void check(const ArrivalProcess& p) {
  switch (p.kind) {
    case Kind::on_off:
      return check_on_off(p);
    case Kind::piecewise:
      return check_piecewise(p);
    case Kind::gamma:
      require_shape(p.shape, "shape");
      break;
    case Kind::gamma_poisson:
      require_shape(p.shape, "shape");
      require_shape(p.gap_shape, "gap_shape");
      require_span(p.block_s, "block_s");
      require_slow_changes(1 / p.block_s, p.rate_per_s);
      break;
    case Kind::constant:
    case Kind::poisson:
      break;
  }
  require_rate(p.rate_per_s, "rate_per_s");
}

double piece_end_s(const ArrivalProcess& p, std::size_t piece) {
  if (piece + 1 < p.starts_s.size()) return p.starts_s[piece + 1];
  return p.period_s > 0 ? p.period_s : kNoEnd;
}

double arrivals_per_period(const ArrivalProcess& p) {
  double count = 0;
  for (std::size_t i = 0; i < p.rates.size(); ++i) count += p.rates[i] * (piece_end_s(p, i) - p.starts_s[i]);
  return count;
}

std::size_t stationary_state(const ArrivalProcess& p, Stream& stream) {
  double left = stream.uniform() * std::accumulate(p.hold_s.begin(), p.hold_s.end(), 0.0);
  std::size_t state = 0;
  while (state + 1 < p.hold_s.size() && left >= p.hold_s[state]) left -= p.hold_s[state++];
  return state;
}

}  // namespace

double ArrivalProcess::mean_rate() const {
  switch (kind) {
    case Kind::on_off:
      require_as_many(hold_s.size(), rates.size(), "hold_s");
      return std::inner_product(rates.begin(), rates.end(), hold_s.begin(), 0.0) /
             std::accumulate(hold_s.begin(), hold_s.end(), 0.0);
    case Kind::piecewise:
      require_as_many(starts_s.size(), rates.size(), "starts_s");
      return period_s > 0 ? arrivals_per_period(*this) / period_s : rates.back();
    case Kind::constant:
    case Kind::poisson:
    case Kind::gamma:
    case Kind::gamma_poisson:
      break;
  }
  return rate_per_s;
}

ArrivalGenerator::ArrivalGenerator(ArrivalProcess process, Stream stream)
    : process_(std::move(process)), stream_(stream) {
  check(process_);
  const bool for_ever = process_.kind != Kind::piecewise || process_.period_s > 0;
  silent_ = for_ever && !(process_.mean_rate() > 0);
  if (silent_) return;
  if (process_.kind == Kind::on_off) {
    state_ = stationary_state(process_, stream_);
    state_rate_ = process_.rates[state_];
    state_until_s_ = process_.hold_s[state_] * stream_.exponential();
  } else if (process_.kind == Kind::piecewise) {
    if (process_.period_s > 0) period_count_ = arrivals_per_period(process_);
    state_until_s_ = process_.starts_s.front();
  }
}

Time ArrivalGenerator::next() {
  if (silent_) return kNever;
  switch (process_.kind) {
    case Kind::constant:
      // A count instead of a sum of gaps, so that no rounding builds up.
      now_s_ = ++rounds_ / process_.rate_per_s;
      break;
    case Kind::poisson:
      now_s_ += stream_.exponential() / process_.rate_per_s;
      break;
    case Kind::gamma:
      now_s_ += stream_.gamma(process_.shape) / (process_.shape * process_.rate_per_s);
      break;
    case Kind::on_off:
    case Kind::piecewise:
    case Kind::gamma_poisson:
      now_s_ = modulated_arrival_s();
      break;
  }
  silent_ = !(now_s_ < to_seconds(kForever));
  return silent_ ? kNever : Time{} + duration_from_seconds(now_s_);
}

// Inversion of the cumulative rate: a gap of mean one, in expected arrivals, is used up state by state.
double ArrivalGenerator::modulated_arrival_s() {
  const bool poisson = process_.kind != Kind::gamma_poisson || process_.gap_shape == 1;
  double left = poisson ? stream_.exponential() : stream_.gamma(process_.gap_shape) / process_.gap_shape;
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
    case Kind::piecewise:
      enter_piece();
      break;
    case Kind::constant:
    case Kind::poisson:
    case Kind::gamma:
      break;
  }
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
