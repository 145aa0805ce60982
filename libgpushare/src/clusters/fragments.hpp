#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "clusters/cluster_state.hpp"

namespace gpushare::clusters {

/// GPU milli left that no pod of any class could use now, and the part of it that more CPU would make useful.
struct Stranded {
  double all = 0;
  double for_cpu = 0;
};

/// How much of what is left of a node is of no use to the expected pod, in milli (ATC'23, section 4.1).
///
/// F(n) = sum over classes of weight * F_n(m). With L_d left on device d and L their sum, F_n(m) is L when m needs no GPU
/// or cannot run on n, and otherwise the sum of the L_d that cannot hold m's share: they are less than it, or, where
/// shares are instances, none may start there. Memory left is ignored.
class FragmentMeter {
 public:
  FragmentMeter(const std::vector<PodClass>& classes, const NodeKinds& kinds);

  [[nodiscard]] double of(const NodeState& node) const;
  [[nodiscard]] double of(const std::vector<NodeState>& nodes) const;
  [[nodiscard]] Stranded stranded(const NodeState& node) const;

 private:
  /// A share as it is held.
  struct Step {
    int milli;
    int instance;
    friend auto operator<=>(const Step&, const Step&) = default;
  };
  struct Row {
    std::int64_t cpu;
    int gpus;
    int step;  ///< index among `steps`
    double weight;
  };
  struct Kind {
    std::vector<Step> steps;
    std::vector<Row> rows;  ///< classes that may run here; all others see a fragment in whatever is left
    double useless = 0;     ///< weight of the others, those without GPU among them
    std::shared_ptr<const MigShares> mig;
  };
  [[nodiscard]] static bool holds(const Kind& kind, const NodeState& node, int d, const Step& step) {
    const auto i = static_cast<std::size_t>(d);
    return node.left[i] >= step.milli && (step.instance < 0 || kind.mig->fits(node.taken[i], step.instance));
  }
  std::vector<Kind> kinds_;
};

}  // namespace gpushare::clusters
