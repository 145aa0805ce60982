#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "planning/plan_search.hpp"

/// What a search knows of configs, and how it comes to know more.
namespace gpushare::planning {

/// Searches until it is done, or what the judge throws when it is cancelled ends it.
void until_cancelled(const SearchOptions& options, const std::function<void()>& search);

class PlanKnowledge {
 public:
  /// `refute` is called for each config that fails.
  PlanKnowledge(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options,
                std::function<void(const Config&)> refute);

  /// Has a config judged, unless it was.
  void learn(const Config& config);
  /// What is less hard than a config that fails, and may fail too: that would cut more.
  [[nodiscard]] std::vector<Config> less_hard(const Config& config) const;

  [[nodiscard]] std::optional<Met> met(const Config& config) const;
  /// Those that hold, or may.
  [[nodiscard]] std::vector<Config> holding(bool surely) const;
  /// Of a packing, each once.
  [[nodiscard]] std::vector<Config> unknown_of(const std::vector<Config>& configs) const;
  /// Has a packing judged. Of services that do not get what is asked for them `forbid` is called with where they stand: what
  /// held by itself is in doubt after other luck.
  Met judge(const Packed& packed, const std::function<void(int, const std::vector<Config>&)>& forbid);
  [[nodiscard]] const std::vector<Config>& refuted() const { return refuted_; }
  [[nodiscard]] std::size_t count() const { return known_.size(); }
  /// The less, the sooner a config is tried: those that are known to hold, lightly loaded and simple.
  [[nodiscard]] Covering::Risk risk() const;
  /// The cheapest packing of those that hold, or may, which is not excluded there, if it meets everything.
  [[nodiscard]] std::optional<Packed> next_best(const Covering& covering, bool surely,
                                                std::size_t most_mixtures);

 private:
  void take(const Config& config, Met met);

  const CoveringProblem& problem_;
  const Judge& judge_;
  const SearchOptions& options_;
  std::function<void(const Config&)> refute_;
  std::map<Config, Met> known_;
  std::vector<Config> refuted_;
};

}  // namespace gpushare::planning
