#include "planning/places.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare::planning {
namespace {

constexpr double kFull = 0.97;  // share of what can leave beyond which it counts as too much
constexpr double kMostSlowing = 0.8;

}  // namespace

bool Places::suffice() const { return rate * full_s < kFull * most; }

Waiting Places::waiting() const {
  if (taken <= 0) return {};
  if (!suffice()) return {1, 0};
  const double jobs = most / uneven, arriving = rate / uneven;
  const double slope_s = most > taken ? (full_s - taken_s) / (most - taken) : 0;
  double state = 1,
         below = 0;  // the chance of so many jobs, and of all fewer, before they are made to sum to one
  for (double n = 1; n <= jobs; ++n) {
    below += state;
    state *= arriving * (taken_s + slope_s * (n * uneven - taken)) / n;
  }
  const double load = rate * full_s / most;
  const double all_taken = state / (1 - load);
  const double mean_s = full_s / jobs / (1 - load);
  return {all_taken / (below + all_taken), mean_s * (1 + variation * variation) / 2};
}

std::vector<Luck> Places::spread() const {
  if (taken <= 0 || most <= taken) return {{}};
  // A birth-and-death chain about its mean: what leaves grows the slower with the places taken, the more these slow it.
  const double slowing = std::clamp(taken * (full_s - taken_s) / (most - taken) / taken_s, 0.0, kMostSlowing);
  const double step = slowing * std::sqrt(1 / (1 - slowing) / taken);
  return {{0.3, 1 - std::min(0.9, 1.2 * step)}, {0.4, 1}, {0.3, 1 + 1.2 * step}};
}

}  // namespace gpushare::planning
