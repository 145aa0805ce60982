#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <vector>

namespace gpushare {

/// Where the least of many integers stands, the first of equals: a tree of minima. To change one, and to ask, costs the
/// logarithm of their number at most.
class LeastOf {
 public:
  /// What is not among them.
  static constexpr int kAbsent = std::numeric_limits<int>::max();

  void set(std::size_t index, int value) {
    if (index >= width_) widen(index + 1);
    std::size_t node = width_ + index;
    least_[node] = value;
    while (node > 1) {
      node /= 2;
      const int least = std::min(least_[2 * node], least_[2 * node + 1]);
      if (least_[node] == least) return;
      least_[node] = least;
    }
  }

  /// -1 when all are absent.
  [[nodiscard]] int first() const {
    if (width_ == 0 || least_[1] == kAbsent) return -1;
    std::size_t node = 1;
    while (node < width_) node = 2 * node + (least_[2 * node] == least_[node] ? 0 : 1);
    return static_cast<int>(node - width_);
  }

 private:
  void widen(std::size_t number) {
    const std::vector<int> leaves(least_.begin() + static_cast<std::ptrdiff_t>(width_), least_.end());
    width_ = std::bit_ceil(number);
    least_.assign(2 * width_, kAbsent);
    for (std::size_t i = 0; i < leaves.size(); ++i) set(i, leaves[i]);
  }

  std::size_t width_ = 0;   // leaves, a power of two
  std::vector<int> least_;  // below each node: the root is 1, the children of n are 2 n and 2 n + 1
};

}  // namespace gpushare
