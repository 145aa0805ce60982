#include "clusters/mig_shares.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace gpushare::clusters {

MigShares::MigShares(std::shared_ptr<const GpuProfile> profile) : profile_(std::move(profile)) {
  for (std::size_t i = 0; i < profile_->mig.size(); ++i) {
    const MigProfile& row = profile_->mig[i];
    compute_slices_ = std::max(compute_slices_, row.compute_slices);
    if (!row.media_extension && !row.double_memory) smallest_first_.push_back(static_cast<int>(i));
  }
  std::stable_sort(smallest_first_.begin(), smallest_first_.end(), [&](int a, int b) {
    const auto size = [&](int i) {
      const MigProfile& row = lattice::row(*profile_, i);
      return std::tuple(row.memory_slices, row.compute_slices);
    };
    return size(a) < size(b);
  });
  states_.resize(std::size_t{1} << profile_->memory_slots);
  for (lattice::Slots taken = 0; taken < states_.size(); ++taken) {
    for (const int i : smallest_first_) {
      for (const int start : lattice::row(*profile_, i).starts) {
        if (!legal(taken, i, start)) continue;
        states_[taken].fits |= std::uint32_t{1} << i;
        ++states_[taken].open;
      }
    }
  }
}

int MigShares::holder(int milli) const {
  for (const int i : smallest_first_) {
    const MigProfile& row = lattice::row(*profile_, i);
    if (1000 * row.compute_slices >= milli * compute_slices_ &&
        1000 * row.memory_slices >= milli * profile_->memory_slots) {
      return row.memory_slices < profile_->memory_slots ? i : -1;
    }
  }
  return -1;
}

int MigShares::milli_of(int instance) const {
  return 1000 * lattice::row(*profile_, instance).memory_slices / profile_->memory_slots;
}

int MigShares::lowest_start(lattice::Slots taken, int instance) const {
  const std::vector<int>& starts = lattice::row(*profile_, instance).starts;
  return *std::find_if(starts.begin(), starts.end(),
                       [&](int start) { return legal(taken, instance, start); });
}

int MigShares::best_start(lattice::Slots taken, int instance) const {
  int best = -1, most = -1;
  for (const int start : lattice::row(*profile_, instance).starts) {
    if (!legal(taken, instance, start)) continue;
    const int open = open_placements(taken | span(instance, start));
    if (open <= most) continue;
    most = open;
    best = start;
  }
  return best;
}

namespace {

class Together {
 public:
  Together(const MigShares& shares, std::span<const lattice::Slots> taken, std::span<const int> instances)
      : shares_(shares),
        taken_(taken.begin(), taken.end()),
        instances_(instances),
        order_(instances.size()),
        placed_(instances.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return shares.milli_of(instances[a]) > shares.milli_of(instances[b]);
    });
  }

  bool place(std::size_t at) {
    if (at == order_.size()) return true;
    const std::size_t which = order_[at];
    for (const PlacedInstance& way : ways(instances_[which])) {
      lattice::Slots& taken = taken_[static_cast<std::size_t>(way.device)];
      const lattice::Slots before = taken;
      taken |= shares_.span(way.instance.profile, way.instance.start);
      placed_[which] = way;
      if (place(at + 1)) return true;
      taken = before;
    }
    return false;
  }

  std::vector<PlacedInstance> take() { return std::move(placed_); }

 private:
  // One device of those that have the same slots taken: the others would fail alike.
  std::vector<PlacedInstance> ways(int instance) const {
    std::vector<std::tuple<int, int, PlacedInstance>>
        found;  // placements open now and after, fewest and most first
    for (std::size_t d = 0; d < taken_.size(); ++d) {
      if (std::find(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(d), taken_[d]) !=
          taken_.begin() + static_cast<std::ptrdiff_t>(d)) {
        continue;
      }
      for (const int start : lattice::row(shares_.profile(), instance).starts) {
        const lattice::Slots span = shares_.span(instance, start);
        if ((span & taken_[d]) != 0) continue;
        found.push_back({shares_.open_placements(taken_[d]),
                         -shares_.open_placements(taken_[d] | span),
                         {static_cast<int>(d), {instance, start, {}}}});
      }
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    std::vector<PlacedInstance> sorted;
    sorted.reserve(found.size());
    for (auto& [open, after, way] : found) sorted.push_back(std::move(way));
    return sorted;
  }

  const MigShares& shares_;
  std::vector<lattice::Slots> taken_;
  std::span<const int> instances_;
  std::vector<std::size_t> order_;
  std::vector<PlacedInstance> placed_;
};

}  // namespace

std::optional<std::vector<PlacedInstance>> place_together(const MigShares& shares,
                                                          std::span<const lattice::Slots> taken,
                                                          std::span<const int> instances) {
  Together search(shares, taken, instances);
  if (!search.place(0)) return std::nullopt;
  return search.take();
}

}  // namespace gpushare::clusters
