#include "planning/neighbourhood.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare::planning {
namespace {

constexpr std::size_t kMostCombined = 4;  // neighbours whose states are told apart

constexpr double kRareCase = 1e-3;
constexpr double kManySteps = 4;  // of a request, over which the luck of a single one evens out

}  // namespace

Neighbourhood::Neighbourhood(const GpuProfile& gpu, const Partition& partition, const Sharing& sharing,
                             bool capped)
    : gpu_(gpu), partition_(partition), mode_(sharing.mode), capped_(capped) {
  const TimeSlicingConstants& constants = gpu.time_slicing;
  slice_s_ = sharing.slice_s < 0 ? constants.slice_s : sharing.slice_s;
  if (sharing.policy != SlicePolicy::round_robin) slice_s_ = sharing.lease_s;
  switch_s_ = sharing.switch_preempted_s < 0 ? constants.switch_preempted_s : sharing.switch_preempted_s;
}

void Neighbourhood::add_to(Together& all, const Presence& other, const Presence::State& state,
                           double weight) {
  all.pressing.add(weight * state.pressure, state.occupancy, 1, state.pressure);
  all.pressing.held += weight * state.held;
  all.processes += weight;
  all.holds_s += weight * state.hold_s;
  all.bytes_per_s += weight * other.bytes_per_s;
  all.sms += weight * other.sms;
}

void Neighbourhood::add_to(Together& all, const Together& more, double weight) {
  all.pressing.add(more.pressing, weight);
  all.processes += weight * more.processes;
  all.holds_s += weight * more.holds_s;
  all.bytes_per_s += weight * more.bytes_per_s;
  all.sms += weight * more.sms;
}

void Neighbourhood::add(const Presence& other) {
  others_.push_back(other);
  for (const Presence::State& state : other.states) add_to(mean_, other, state, state.share);
}

Interference Neighbourhood::interference(const Demand& demand, const StepTime& alone,
                                         const Resources& resources) const {
  const StepCharacter character =
      character_of(alone, demand, partition_.bandwidth_bytes_per_s, resources.sms / partition_.sms);
  return capped_ ? predict_interference(gpu_.mps.capped, character)
                 : predict_interference(gpu_.mps.uncapped, character);
}

// Time-slicing: as many turns as slices, or as segments; before each a turn of all that have work, of which a part `first`
// before the first.
double Neighbourhood::elapsed_s(const Demand& demand, const StepTime& alone, const Resources& resources,
                                const Together& others, double first) const {
  if (alone.gpu_s <= 0 || others.processes <= 0) return alone.gpu_s;
  if (mode_ == SharingMode::time_slicing && slice_s_ > 0) {
    const double turns = std::max<double>(demand.segments, std::ceil(alone.gpu_s / slice_s_));
    const double round_s = others.holds_s + (others.processes + std::min(1.0, others.processes)) * switch_s_;
    return alone.gpu_s + (turns - 1 + first) * round_s;
  }
  if (mode_ != SharingMode::mps) return alone.gpu_s * (1 + others.processes);
  double slowdown = interference_slowdown(interference(demand, alone, resources), others.pressing);
  const double own = alone.bytes / alone.gpu_s;
  const double share =
      partition_.bandwidth_bytes_per_s * resources.sms / std::max(1.0, resources.sms + others.sms);
  if (own + others.bytes_per_s > partition_.bandwidth_bytes_per_s && own > share) {
    const double bound = alone.memory_s / alone.gpu_s;
    slowdown = std::max(slowdown, 1 - bound + bound * own / share);
  }
  return alone.gpu_s * slowdown;
}

// What the neighbour is at, with its chances. A state that outlasts the request is met as it is, one that is short beside
// it only on average; and a request lasts as long as that state makes it.
std::vector<Neighbourhood::Case> Neighbourhood::cases_of(const Presence& other, const Asked& asked) const {
  Together mean;
  for (const Presence::State& state : other.states) add_to(mean, other, state, state.share);
  std::vector<Case> cases;
  for (std::size_t s = 0; s < 3; ++s) {
    const bool is_there = s < 2;
    const double chance = is_there ? other.states[s].share : 1 - other.busy();
    if (chance <= kRareCase) continue;
    Together full;
    if (is_there) add_to(full, other, other.states[s], 1);
    Together all = mean_;
    add_to(all, mean, -1);
    add_to(all, full, 1);
    const double length_s = is_there ? other.states[s].length_s : other.idle_s;
    const double factor = elapsed_s(asked.demand, asked.alone, asked.resources, all, 0.5) / asked.mean_s;
    const double met = length_s / (length_s + asked.span_s * factor);
    Case one{chance, {}};
    add_to(one.together, mean, 1 - met);
    add_to(one.together, full, met);
    cases.push_back(one);
  }
  return cases;
}

std::vector<Luck> Neighbourhood::lucks(const Demand& demand, const StepTime& alone,
                                       const Resources& resources, double span_s) const {
  const Asked asked{demand, alone, resources, elapsed_s(demand, alone, resources), span_s};
  std::vector<Case> cases{{1.0, {}}};
  for (std::size_t i = 0; i < std::min(others_.size(), kMostCombined); ++i) {
    std::vector<Case> next;
    for (const Case& before : cases)
      for (const Case& one : cases_of(others_[i], asked)) {
        next.push_back({before.share * one.share, before.together});
        add_to(next.back().together, one.together, 1);
      }
    cases.swap(next);
  }
  for (std::size_t i = kMostCombined; i < others_.size(); ++i)  // the others as they are on average
    for (Case& one : cases)
      for (const Presence::State& state : others_[i].states)
        add_to(one.together, others_[i], state, state.share);
  // Under time-slicing a single step comes at any moment of the others' turns.
  const bool at_any_moment = mode_ == SharingMode::time_slicing && span_s < kManySteps * asked.mean_s;
  const std::vector<double> firsts =
      at_any_moment ? std::vector<double>{1 / 6.0, 3 / 6.0, 5 / 6.0} : std::vector<double>{0.5};
  std::vector<Luck> lucks;
  for (const Case& one : cases)
    for (const double first : firsts)
      lucks.push_back({one.share / static_cast<double>(firsts.size()),
                       elapsed_s(demand, alone, resources, one.together, first) / asked.mean_s});
  return lucks;
}

Presence::State Neighbourhood::state(const Demand& demand, const StepTime& alone, const Resources& resources,
                                     double elapsed_s, double share) const {
  Presence::State state;
  if (alone.gpu_s <= 0) return state;
  state.share = share;
  state.length_s = elapsed_s;
  state.hold_s = std::min(slice_s_, alone.gpu_s / demand.segments);
  if (mode_ != SharingMode::mps) return state;
  const Interference part = interference(demand, alone, resources);
  state.pressure = part.pressure;
  state.occupancy = part.occupancy;
  state.held = part.held;
  return state;
}

}  // namespace gpushare::planning
