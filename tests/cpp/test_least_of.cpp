#include "core/least_of.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "gpushare/random.hpp"

namespace test_least_of {

using namespace gpushare;

TEST_CASE("the least is found, the first of equals, and what is absent never") {
  LeastOf least;
  CHECK(least.first() == -1);
  least.set(2, 5);
  CHECK(least.first() == 2);
  least.set(1, 5);
  CHECK(least.first() == 1);
  least.set(0, 6);
  CHECK(least.first() == 1);
  least.set(1, LeastOf::kAbsent);
  CHECK(least.first() == 2);
  least.set(2, LeastOf::kAbsent);
  least.set(0, LeastOf::kAbsent);
  CHECK(least.first() == -1);
}

TEST_CASE("whatever changes and however many come, it is where a search finds it") {
  Stream luck(1, 0, "least");
  LeastOf least;
  std::vector<int> values;
  for (int i = 0; i < 2000; ++i) {
    const auto index = static_cast<std::size_t>(luck.uniform() * (1 + i / 20));
    const int value = luck.uniform() < 0.3 ? LeastOf::kAbsent : static_cast<int>(luck.uniform() * 8);
    if (index >= values.size()) values.resize(index + 1, LeastOf::kAbsent);
    values[index] = value;
    least.set(index, value);
    const auto found = std::min_element(values.begin(), values.end());
    CHECK(least.first() == (*found == LeastOf::kAbsent ? -1 : static_cast<int>(found - values.begin())));
  }
}

}  // namespace test_least_of
