#include "gpushare/judgement.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {
namespace {

double distance(const FigureBound& bound, double value) {
  return bound.at_most ? value - bound.value : bound.value - value;
}

}  // namespace

std::string_view to_string(Met met) {
  switch (met) {
    case Met::yes:
      return "meets";
    case Met::unclear:
      return "too close to say";
    case Met::no:
      break;
  }
  return "misses";
}

double Judged::excess() const {
  const double beyond = distance(bound, value);
  return bound.value != 0 ? beyond / std::abs(bound.value) : beyond;
}

Judged judge(const FigureBound& bound, const Estimate& estimate) {
  const double half = estimate.half_width;
  Judged judged{bound, estimate.mean, estimate.mean - half, estimate.mean + half, Met::no};
  const double beyond = distance(bound, estimate.mean);
  if (std::isnan(beyond)) return judged;
  if (half > 0 && std::abs(beyond) <= kClearance * half)
    judged.met = Met::unclear;
  else if (beyond <= 0)
    judged.met = Met::yes;
  return judged;
}

Met met(std::span<const Judged> judged) {
  Met worst = Met::yes;
  for (const Judged& one : judged) worst = std::max(worst, one.met);
  return worst;
}

}  // namespace gpushare
