#include "planning/iteration_hull.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare::planning {
namespace {

constexpr double kSpacing = 1 + 1.0 / 64;
/// A chord of a smooth cost lies above it by less than this share: spacing squared over 8.
constexpr double kChord = 1e-4;
constexpr double kAllUpTo = 32;  // tokens

std::vector<double> grid(double most, const std::vector<double>& kinks) {
  std::vector<double> tokens;
  double next = 1;
  while (next < most) {
    tokens.push_back(next);
    next = next < kAllUpTo ? next + 1 : std::ceil(next * kSpacing);
  }
  tokens.push_back(most);
  for (const double kink : kinks)
    for (const double t : {std::ceil(kink) - 1, std::ceil(kink)})
      if (t >= 1 && t <= most) tokens.push_back(t);
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

double cross(const std::array<double, 2>& o, const std::array<double, 2>& a, const std::array<double, 2>& b) {
  return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
}

}  // namespace

IterationHull::IterationHull(Cost cost, double most_tokens, const std::vector<double>& kinks) {
  for (const double tokens : grid(std::max(1.0, most_tokens), kinks)) {
    const std::array<double, 2> point{tokens, cost(tokens) * (1 - kChord)};
    while (corners_.size() > 1 && cross(corners_[corners_.size() - 2], corners_.back(), point) <= 0)
      corners_.pop_back();
    corners_.push_back(point);
  }
}

double IterationHull::least_per_token(double mean_tokens, double more) const {
  double least = (corners_.front()[1] + more) / corners_.front()[0];
  for (std::size_t i = 1; i < corners_.size(); ++i) {
    const auto& [left, left_cost] = corners_[i - 1];
    const auto& [right, right_cost] = corners_[i];
    if (mean_tokens <= left) break;
    const double at = std::min(mean_tokens, right);
    const double cost = left_cost + (right_cost - left_cost) * (at - left) / (right - left);
    least = std::min(least, (cost + more) / at);
  }
  return least;
}

}  // namespace gpushare::planning
