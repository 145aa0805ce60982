#include "planning/cuts.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::planning {
namespace {

using Mask = Cuts::Mask;

bool is_within(const Mask& some, const Mask& all) { return (some & all) == some; }

}  // namespace

Cuts::Cuts(const CoveringProblem& problem) : problem_(problem), parts_(parts_of(problem)) {
  for (const auto& options : problem.tenants)
    for (const Tenant& tenant : options)
      for (int copies = 1; copies <= problem.copies; ++copies)
        bits_.try_emplace({tenant, copies}, bits_.size());
  if (bits_.size() > kBits)
    throw ScenarioError("plan",
                        text::format("services may be {} things in all; at most {} can be looked at: "
                                     "fewer services, forms or replicas are needed",
                                     bits_.size() / index(problem.copies), kBits / index(problem.copies)));
  for (const auto& [key, bit] : bits_)
    masks_[key] = mask_of(std::vector<Tenant>(index(key.second), key.first));
  for (const Part& part : parts_) needed_[part].resize(problem.tenants.size());
}

Mask Cuts::mask_of(const std::vector<Tenant>& tenants) const {
  Mask mask;
  for (const Tenant& tenant : tenants) {
    const auto copies = std::count(tenants.begin(), tenants.end(), tenant);
    for (const Tenant& lighter : problem_.tenants[index(tenant.service)])
      if (lighter.variant == tenant.variant && lighter.replicas >= tenant.replicas)
        for (int n = 1; n <= std::min(static_cast<int>(copies), problem_.copies); ++n)
          mask.set(bits_.at({lighter, n}));
  }
  return mask;
}

// False where no config that there is is as hard: every service has more replicas, or may stand there less often.
bool Cuts::needs(const Config& config, Mask& needed) const {
  for (const Tenant& tenant : config.tenants) {
    const auto copies = static_cast<int>(std::count(config.tenants.begin(), config.tenants.end(), tenant));
    if (copies > problem_.copies) return false;
    const Tenant* lightest = nullptr;
    for (const Tenant& other : problem_.tenants[index(tenant.service)])
      if (other.variant == tenant.variant && other.replicas <= tenant.replicas &&
          (lightest == nullptr || other.replicas > lightest->replicas))
        lightest = &other;
    if (lightest == nullptr) return false;
    needed.set(bits_.at({*lightest, copies}));
  }
  return true;
}

void Cuts::add(const Config& config) {
  ++count_;
  Mask needed;
  if (!needs(config, needed)) return;
  const Mask sets = mask_of(config.tenants);
  for (const Part& part : parts_) {
    if (part != config.part && !problem_.lesser(part, config.part)) continue;
    auto& of_services = needed_.at(part);
    for (const Tenant& tenant : config.tenants) {
      std::vector<Mask>& known = of_services[index(tenant.service)];
      if (std::any_of(known.begin(), known.end(), [&](const Mask& cut) { return is_within(cut, sets); }))
        continue;
      known.push_back(needed);
    }
  }
}

bool Cuts::fails(const Config& config) const {
  const Mask mask = mask_of(config.tenants);
  return std::any_of(config.tenants.begin(), config.tenants.end(),
                     [&](const Tenant& tenant) { return fails(config.part, tenant.service, mask); });
}

bool Cuts::fails(const Part& part, int service, const Mask& tenants) const {
  const auto& known = needed_.at(part)[index(service)];
  return std::any_of(known.begin(), known.end(), [&](const Mask& cut) { return is_within(cut, tenants); });
}

}  // namespace gpushare::planning
