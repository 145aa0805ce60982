#include "planning/covering_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

namespace gpushare::planning {
namespace {

constexpr double kParts = 10'000;  // of a unit of price

double share_of(const std::vector<std::map<Tenant, double>>& shares, const Tenant& tenant) {
  return shares[index(tenant.service)].at(tenant);
}

// What a column leaves of its share.
double slack_of(const std::vector<std::map<Tenant, double>>& shares, const Column& column) {
  double slack = column.share;
  for (const auto& [tenant, count] : column.tenants) slack -= count * share_of(shares, tenant);
  return std::max(0.0, slack);
}

}  // namespace

// At first a column is shared evenly by its tenants, and no replica costs more than the least such part; then each is
// raised by what all its columns leave.
std::vector<std::map<Tenant, double>> shares_of(const std::vector<Column>& columns, std::size_t services) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  std::vector<std::map<Tenant, double>> shares(services);
  std::map<Tenant, std::vector<std::pair<const Column*, int>>> with;
  for (const Column& column : columns) {
    int all = 0;
    for (const auto& [tenant, count] : column.tenants) all += count;
    for (const auto& [tenant, count] : column.tenants) {
      auto [share, fresh] = shares[index(tenant.service)].try_emplace(tenant, kInfinite);
      share->second = std::min(share->second, column.share / all);
      with[tenant].push_back({&column, count});
    }
  }
  for (const auto& [tenant, holding] : with) {
    double slack = kInfinite;
    for (const auto& [column, count] : holding) slack = std::min(slack, slack_of(shares, *column) / count);
    shares[index(tenant.service)].at(tenant) += slack;
  }
  return shares;
}

double common_measure(const CoveringProblem& problem) {
  std::int64_t common = 0;
  for (const CoveringProblem::Kind& kind : problem.kinds) {
    const double parts = std::round(kind.price * kParts);
    if (!(parts >= 1) || parts > 1e12 || std::abs(parts / kParts - kind.price) > 1e-12 * kind.price) return 0;
    common = std::gcd(common, static_cast<std::int64_t>(parts));
  }
  return static_cast<double>(common) / kParts;
}

}  // namespace gpushare::planning
