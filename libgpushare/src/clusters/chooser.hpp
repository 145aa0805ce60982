#pragma once

#include <optional>
#include <vector>

#include "clusters/scores.hpp"
#include "gpushare/random.hpp"

namespace gpushare::clusters {

/// Chooses nodes by a policy. Scores are kept by demand and node, and made anew for nodes that changed since.
class Chooser {
 public:
  /// `demands`, `cluster` (empty when this is made) and `fragments` outlive it.
  Chooser(const Demands& demands, const ClusterState& cluster, const FragmentMeter& fragments,
          const std::vector<PodClass>& classes, const PackingOptions& options);

  /// Where the pod goes; none when it fits nowhere.
  [[nodiscard]] std::optional<Choice> choose(const Job& job);

  /// The fullest node that takes all of these shares as instances, and where; none when there is none.
  struct Together {
    int node = -1;
    std::vector<PlacedInstance> places;
  };
  [[nodiscard]] std::optional<Together> choose_together(const std::vector<Job>& jobs) const;

 private:
  struct Kept {
    std::uint32_t version = 0;
    std::int16_t device = -1;
    bool fits = false;
    double score = 0;
  };
  const Kept& scored(int demand, int node);
  [[nodiscard]] std::optional<Choice> choose_any(const Job& job);

  const Demands& demands_;
  const ClusterState& cluster_;
  std::optional<Lookahead> lookahead_;
  Scoring scoring_;
  ScoreFunction score_;
  bool random_;
  Stream luck_;
  std::vector<int> order_;                ///< of nodes: the first of equal scores is taken
  std::vector<std::vector<Want>> wants_;  ///< by demand and kind of node
  std::vector<std::vector<Kept>> kept_;   ///< by demand and node
  std::vector<int> fitting_;
};

/// 0 to count - 1 in an order drawn from the stream.
[[nodiscard]] std::vector<int> shuffled(std::size_t count, Stream& stream);
/// Uniform on 0 to count - 1.
[[nodiscard]] std::size_t draw(std::size_t count, Stream& stream);

}  // namespace gpushare::clusters
