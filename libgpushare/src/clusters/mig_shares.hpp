#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gpushare/mig.hpp"
#include "hardware/lattice.hpp"

namespace gpushare::clusters {

/// Shares of a GPU as instances of it: which profile holds a share, and where it may start.
///
/// What a device holds is known by its taken memory slots: of plain instances they decide what may join (a test compares
/// with the lattice in each of its states).
class MigShares {
 public:
  explicit MigShares(std::shared_ptr<const GpuProfile> profile);

  /// The smallest profile with as large a part of the compute slices and of the memory slots as so many milli; -1 when
  /// only the whole GPU has.
  [[nodiscard]] int holder(int milli) const;
  /// What an instance takes of its GPU, in milli of the memory slots.
  [[nodiscard]] int milli_of(int instance) const;
  [[nodiscard]] lattice::Slots span(int instance, int start) const {
    return lattice::span(lattice::row(*profile_, instance), start);
  }
  [[nodiscard]] bool fits(lattice::Slots taken, int instance) const {
    return (state(taken).fits >> instance & 1) != 0;
  }
  /// The lowest legal start, which must exist.
  [[nodiscard]] int lowest_start(lattice::Slots taken, int instance) const;
  /// The legal start that leaves most placements open, the lowest of equals; the instance must fit.
  [[nodiscard]] int best_start(lattice::Slots taken, int instance) const;
  /// Placements (profile and start) that are still legal: what the future can choose from.
  [[nodiscard]] int open_placements(lattice::Slots taken) const { return state(taken).open; }
  /// Every slot of the GPU.
  [[nodiscard]] lattice::Slots all_slots() const { return static_cast<lattice::Slots>(states_.size() - 1); }
  [[nodiscard]] const GpuProfile& profile() const { return *profile_; }

 private:
  struct State {
    std::uint32_t fits = 0;  ///< profiles, as bits
    int open = 0;
  };
  [[nodiscard]] const State& state(lattice::Slots taken) const { return states_[taken]; }
  [[nodiscard]] bool legal(lattice::Slots taken, int instance, int start) const {
    return (span(instance, start) & taken) == 0;
  }

  std::shared_ptr<const GpuProfile> profile_;
  std::vector<int> smallest_first_;
  std::vector<State> states_;  ///< by taken slots
  int compute_slices_ = 0;
};

/// An instance on one of several devices.
struct PlacedInstance {
  int device = -1;
  Instance instance;
};

/// Places all instances on these devices (taken slots of each) or none: largest first, on the fullest device, where most
/// placements stay open; what turns out to leave no room for a later one is undone. In the order of `instances`.
[[nodiscard]] std::optional<std::vector<PlacedInstance>> place_together(const MigShares& shares,
                                                                        std::span<const lattice::Slots> taken,
                                                                        std::span<const int> instances);

}  // namespace gpushare::clusters
