#include "sharing/leases.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {
namespace {

constexpr double kMostSaved = 2;  // leases

}  // namespace

Duration Leases::budget(const Party& party) const {
  if (!terms_.plan) return {};
  return {static_cast<std::int64_t>(std::llround(party.share * static_cast<double>(terms_.plan->ns)))};
}

bool Leases::may_run(const Party& party) const {
  return party.has_work && (!terms_.plan || party.left.ns > 0);
}

void Leases::join(std::size_t process, double share) {
  if (process >= parties_.size()) parties_.resize(process + 1);
  parties_[process] = {share, floor_s_, {}, false};
  parties_[process].left = budget(parties_[process]);
}

void Leases::wake(std::size_t process) {
  Party& party = parties_[process];
  party.has_work = true;
  party.ran_s = std::max(party.ran_s, floor_s_ - kMostSaved * lease_of(party));
}

void Leases::charge(std::size_t process, Duration elapsed) {
  Party& party = parties_[process];
  party.ran_s += to_seconds(elapsed) / party.share;
  party.left = party.left - elapsed;
  double least = party.ran_s;
  for (const Party& other : parties_)
    if (other.has_work) least = std::min(least, other.ran_s);
  floor_s_ = std::max(floor_s_, least);
}

void Leases::reach(Time now) {
  if (now < next_plan()) return;
  plans_ = now.ns / std::max<std::int64_t>(terms_.plan->ns, 1);
  for (Party& party : parties_) party.left = budget(party);
}

std::optional<std::size_t> Leases::next(std::size_t current) const {
  std::optional<std::size_t> chosen;
  for (std::size_t i = 1; i <= parties_.size(); ++i) {
    const std::size_t process = (current + i) % parties_.size();
    if (!may_run(parties_[process])) continue;
    if (!chosen || parties_[process].ran_s < parties_[*chosen].ran_s) chosen = process;
  }
  return chosen;
}

Time Leases::end(Time now, Time start, std::size_t current) const {
  const Party& runs = parties_[current];
  Time end = kNever;
  if (terms_.plan) end = std::min(next_plan(), now + std::max(runs.left, Duration{}));
  for (std::size_t i = 0; i < parties_.size(); ++i) {
    const Party& other = parties_[i];
    if (i == current || !may_run(other)) continue;
    if (other.ran_s + lease_of(other) <= runs.ran_s) return now;
    const std::int64_t lease = std::max<std::int64_t>(terms_.lease.ns, 1);
    end = std::min(end, start + Duration{((now - start).ns / lease + 1) * lease});
  }
  return end;
}

Time Leases::next_plan() const {
  if (!terms_.plan) return kNever;
  return {(plans_ + 1) * std::max<std::int64_t>(terms_.plan->ns, 1)};
}

}  // namespace gpushare
