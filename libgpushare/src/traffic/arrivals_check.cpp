
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <string_view>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traffic/arrivals_parts.hpp"

namespace gpushare::arrivals {
namespace {

using Kind = ArrivalProcess::Kind;

constexpr double kMaxRate = 1e9;  // one arrival per tick of the clock
constexpr double kMinShape = 1e-3;
constexpr double kMinSpan = 1e-9;
constexpr double kMaxChangesPerArrival = 1e6;
constexpr double kMostInWindow = 1e8;

void require(bool legal, std::string_view what, double found, std::string_view expected) {
  if (!legal) {
    throw ScenarioError("arrival process", text::format("{}: expected {}, found {}", what, expected, found));
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
        text::format("{}: expected {} values, one for each of rates, found {}", what, rates, found));
  }
}

// Such a process is a Poisson process to any observer, at a cost that looks like a hang.
void require_slow_changes(double changes_per_s, double rate) {
  if (rate > 0 && changes_per_s > kMaxChangesPerArrival * rate) {
    throw ScenarioError(
        "arrival process",
        text::format("the rate changes {:.3g} times between two requests; use poisson with the mean "
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

void check_mmpp(const ArrivalProcess& p) {
  require_as_many(p.transitions.size(), p.rates.size(), "transitions");
  for (const double rate : p.rates) require_rate(rate, "rates");
  for (std::size_t i = 0; i < p.rates.size(); ++i) {
    require_as_many(p.transitions[i].size(), p.rates.size(), "transitions");
    for (const double change : p.transitions[i]) require_rate(change, "transitions");
    require(p.rates.size() == 1 || leaving_rate(p, i) > 0, "transitions", leaving_rate(p, i),
            text::format("a way out of state {}", i));
  }
  double changes = 0;
  const std::vector<double> shares = stationary_shares(p);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    require(std::isfinite(shares[i]), "transitions", shares[i], "a way from every state to every other");
    changes += shares[i] * leaving_rate(p, i);
  }
  require_slow_changes(changes, p.mean_rate());
}

void check_gap_shapes(const ArrivalProcess& p) {
  if (p.gap_shapes.empty() && p.gap_kinds.empty()) return;
  require_as_many(p.gap_shapes.size(), p.rates.size(), "gap_shapes");
  for (const double shape : p.gap_shapes) require_shape(shape, "gap_shapes");
  if (!p.gap_kinds.empty()) require_as_many(p.gap_kinds.size(), p.rates.size(), "gap_kinds");
}

void check_window(const ArrivalProcess& p) {
  if (p.window_s == 0) return;
  require_span(p.window_s, "window_s");
  const bool repeats = p.kind != Kind::piecewise || p.period_s > 0;
  require(repeats, "period_s", p.period_s, "a period, so that the last piece has an end to fill");
  const double span_s = p.kind == Kind::piecewise ? p.period_s : p.window_s;
  const double rate =
      p.kind == Kind::piecewise ? *std::max_element(p.rates.begin(), p.rates.end()) : p.rate_per_s;
  require(rate * span_s <= kMostInWindow, "window_s", rate * span_s, "at most 1e8 requests in a window");
}

void check_mixture(const ArrivalProcess& p) {
  if (p.clients.empty()) throw ScenarioError("arrival process", "clients: expected at least one, found none");
  for (const ArrivalProcess& client : p.clients) {
    if (client.kind == Kind::mixture)
      throw ScenarioError("arrival process", "clients: a mixture cannot be part of a mixture");
    check(client);
  }
}

void check_piecewise(const ArrivalProcess& p) {
  require_as_many(p.starts_s.size(), p.rates.size(), "starts_s");
  for (const double rate : p.rates) require_rate(rate, "rates");
  check_gap_shapes(p);
  double last = -1;
  for (const double start : p.starts_s) {
    require(start >= 0 && start > last && std::isfinite(start), "starts_s", start,
            "ascending seconds from 0 on");
    last = start;
  }
  if (p.period_s == 0) return;
  require_span(p.period_s, "period_s");
  require(p.period_s > last, "period_s", p.period_s,
          text::format("more than the last of starts_s, {}", last));
}

}  // namespace

void check(const ArrivalProcess& p) {
  switch (p.kind) {
    case Kind::on_off:
      return check_on_off(p);
    case Kind::piecewise:
      check_piecewise(p);
      return check_window(p);
    case Kind::mmpp:
      return check_mmpp(p);
    case Kind::mixture:
      return check_mixture(p);
    case Kind::weibull:
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
  check_window(p);
}

}  // namespace gpushare::arrivals
