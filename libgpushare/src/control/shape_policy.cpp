#include "control/shape_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gpushare::control {

bool ShapePolicy::at(double now_s) const {
  const double period = reshaping_.period_s;
  const double in_period = period > 0 ? now_s - period * std::floor(now_s / period) : now_s;
  if (reshaping_.from_s <= reshaping_.until_s)
    return in_period >= reshaping_.from_s && in_period < reshaping_.until_s;
  return in_period >= reshaping_.from_s || in_period < reshaping_.until_s;  // over the period's end
}

double ShapePolicy::next_s(double now_s) const {
  double next = std::numeric_limits<double>::infinity();
  for (const double at : {reshaping_.from_s, reshaping_.until_s}) {
    const double period = reshaping_.period_s;
    const double first = period > 0 ? at + period * (std::floor((now_s - at) / period) + 1) : at;
    if (first > now_s) next = std::min(next, first);
  }
  return next;
}

bool ShapePolicy::decide(double now_s, double metric) {
  const bool asks = other_ ? metric <= reshaping_.below : metric >= reshaping_.above;
  if (!asks) {
    since_s_ = -1;
    return other_;
  }
  if (since_s_ < 0) since_s_ = now_s;
  if (now_s - since_s_ < reshaping_.for_s) return other_;
  other_ = !other_;
  since_s_ = -1;
  return other_;
}

}  // namespace gpushare::control
