#pragma once

#include <algorithm>

namespace gpushare::test {

/// How often what is drawn at random is tried: a tenth of it under sanitizers, which look at the code that runs and take many
/// times as long. The release build tries all.
[[nodiscard]] constexpr int thinned(int repetitions) {
  return GPUSHARE_SANITIZED != 0 ? std::max(1, repetitions / 10) : repetitions;
}

}  // namespace gpushare::test
