#include "planning/arrivals.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace gpushare::planning {
namespace {

constexpr double kNegligible = 1e-6;
constexpr int kMostInTurn = 8;  // more are hardly more even

std::vector<Arrivals::Size> sizes_in_places(std::size_t parts, const std::vector<Luck>& sizes) {
  if (sizes.empty()) return {{parts, 1}};
  std::map<std::size_t, double> shares;
  for (const Luck& size : sizes) {
    const double places = std::max(1.0, static_cast<double>(parts) * size.factor);
    const double more = places - std::floor(places);
    const auto fewest = static_cast<std::size_t>(places);
    shares[fewest] += size.share * (1 - more);
    if (more > 0) shares[fewest + 1] += size.share * more;
  }
  std::vector<Arrivals::Size> result;
  for (const auto& [places, share] : shares) result.push_back({places, share});
  return result;
}

}  // namespace

Arrivals::Arrivals(std::size_t parts, const std::vector<Luck>& sizes, int in_turn)
    : sizes_(sizes_in_places(parts, sizes)), in_turn_(std::clamp(in_turn, 1, kMostInTurn)) {}

Arrivals::Phase Arrivals::any_time() const {
  return Phase(static_cast<std::size_t>(in_turn_), 1.0 / in_turn_);
}

Arrivals::Phase Arrivals::right_after() const {
  Phase phase(static_cast<std::size_t>(in_turn_));
  phase[0] = 1;
  return phase;
}

std::vector<double> Arrivals::jobs(double mean, const Phase& phase, std::size_t most) const {
  const std::size_t turns = phase.size();
  std::vector<double> shares{0};
  double term = std::exp(-mean * in_turn_), sum = 0, all = 0;  // jobs of all servers
  std::size_t rounds = 0, rest = 0;                            // `all` by turns
  while (sum < 1 - kNegligible && rounds + 1 < most) {
    if (shares.size() < rounds + 2) shares.push_back(0);
    for (std::size_t before = 0; before < turns; ++before)
      shares[rounds + (rest + before >= turns ? 1 : 0)] += term * phase[before];
    sum += term;
    term *= mean * in_turn_ / ++all;
    if (++rest == turns) {
      rest = 0;
      ++rounds;
    }
  }
  shares.back() += std::max(0.0, 1 - sum);
  return shares;
}

std::vector<double> Arrivals::beside(std::vector<double> jobs) {
  double all = 0;
  for (std::size_t n = 1; n < jobs.size(); ++n) all += static_cast<double>(n) * jobs[n];
  if (all <= 0) return {1.0};
  for (std::size_t n = 1; n < jobs.size(); ++n) jobs[n - 1] = static_cast<double>(n) * jobs[n] / all;
  jobs.pop_back();
  return jobs;
}

// Places that so many jobs bring at least, of those whose chances these are.
std::size_t Arrivals::fewest(std::size_t jobs, const std::vector<double>& places) const {
  return std::min(jobs * sizes_.front().places, places.size() - 1);
}

const std::vector<double>& Arrivals::together(std::size_t jobs, std::size_t most) const {
  while (together_.size() <= jobs) {
    const std::vector<double>& before = together_.back();
    std::vector<double> next(std::min(before.size() + sizes_.back().places, most));
    for (const Size& size : sizes_)
      for (std::size_t k = fewest(together_.size() - 1, before); k < before.size(); ++k)
        next[std::min(k + size.places, next.size() - 1)] += size.share * before[k];
    while (next.back() < kNegligible) next.pop_back();
    together_.push_back(std::move(next));
  }
  return together_[jobs];
}

std::vector<double> Arrivals::places(const std::vector<double>& jobs, std::size_t most) const {
  std::vector<double> shares;
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    const std::vector<double>& each = together(n, most);
    shares.resize(std::max(shares.size(), each.size()));
    for (std::size_t k = fewest(n, each); k < each.size(); ++k) shares[k] += jobs[n] * each[k];
  }
  return shares;
}

}  // namespace gpushare::planning
