#include "sharing/collectives.hpp"

#include <algorithm>
#include <vector>

namespace gpushare {
namespace {

// Steps whose all-reduces are told apart; further ones press all the time.
constexpr std::size_t kMostToldApart = 4;
// How long a step is in its all-reduces hangs on the rates, and they on that: settled to a thousandth in so many rounds.
constexpr int kRounds = 4;

class Averages {
 public:
  Averages(std::span<ActiveWork> running, const Contention& partition)
      : running_(running), partition_(partition), rate_(running.size(), 1.0) {
    for (std::size_t i = 0; i < running.size() && told_apart_.size() < kMostToldApart; ++i)
      if (running[i].work.collective_s > 0) told_apart_.push_back({i, 0});
  }

  void settle() {
    for (int round = 0; round < kRounds; ++round) {
      for (Collective& one : told_apart_) one.share = collective_s(one.step) / elapsed_s(one.step);
      average();
    }
    for (std::size_t i = 0; i < running_.size(); ++i)
      running_[i].rate = running_[i].work.gpu_s / elapsed_s(i);
  }

 private:
  struct Collective {
    std::size_t step;
    double share;  // of the time that the step takes
  };

  [[nodiscard]] double collective_s(std::size_t i) const {
    const Work& work = running_[i].work;
    return work.collective_s + work.collective_wait_s * (1 / rate_[i] - 1);
  }
  [[nodiscard]] double elapsed_s(std::size_t i) const {
    const Work& work = running_[i].work;
    return collective_s(i) + (work.gpu_s - work.collective_s) / rate_[i];
  }

  // rate_, outside of a step's own all-reduces: over all ways in which the others are in theirs or not.
  void average() {
    std::vector<double> sum(running_.size(), 0);
    std::vector<double> chance_of(running_.size(), 0);
    for (std::size_t way = 0; way < std::size_t{1} << told_apart_.size(); ++way) {
      const double chance = look_at(way);
      if (chance <= 0 || present_.empty()) continue;
      set_contended_rates(present_, partition_);
      for (std::size_t k = 0; k < present_.size(); ++k) {
        sum[steps_[k]] += chance * present_[k].rate;
        chance_of[steps_[k]] += chance;
      }
    }
    for (std::size_t i = 0; i < running_.size(); ++i)
      if (chance_of[i] > 0) rate_[i] = sum[i] / chance_of[i];
  }

  // Who presses when those of `way` are in an all-reduce; the chance of that.
  double look_at(std::size_t way) {
    double chance = 1;
    std::vector<bool> away(running_.size(), false);
    for (std::size_t k = 0; k < told_apart_.size(); ++k) {
      const bool is_away = (way >> k & 1) != 0;
      away[told_apart_[k].step] = is_away;
      chance *= is_away ? told_apart_[k].share : 1 - told_apart_[k].share;
    }
    present_.clear();
    steps_.clear();
    for (std::size_t i = 0; i < running_.size(); ++i) {
      if (away[i]) continue;
      present_.push_back(outside_collectives(running_[i]));
      steps_.push_back(i);
    }
    return chance;
  }

  static ActiveWork outside_collectives(ActiveWork active) {
    Work& work = active.work;
    const double own_s = work.gpu_s - work.collective_s;
    if (own_s <= 0) return active;
    work.bytes_per_s *= work.gpu_s / own_s;
    work.gpu_s = own_s;
    return active;
  }

  std::span<ActiveWork> running_;
  const Contention& partition_;
  std::vector<double> rate_;  // of each running step
  std::vector<Collective> told_apart_;
  std::vector<ActiveWork> present_;  // of one way
  std::vector<std::size_t> steps_;   // and which of the running ones they are
};

}  // namespace

void set_rates_beside_collectives(std::span<ActiveWork> running, const Contention& partition) {
  if (running.size() == 1) return set_contended_rates(running, partition);
  Averages(running, partition).settle();
}

}  // namespace gpushare
