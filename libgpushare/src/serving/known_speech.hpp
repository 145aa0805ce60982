#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gpushare/time.hpp"

namespace gpushare {

/// A piece of synthesised speech, as its listener is handed it and as a span.
struct Speech {
  float seconds = 0;
  Duration heard{}, length{};
};

/// How long so many codec frames sound: known for few of them, which is what chunks have, and worked out for more.
class KnownSpeech {
 public:
  explicit KnownSpeech(double frames_per_s) : frames_per_s_(frames_per_s) {
    for (std::size_t frames = 0; frames < known_.size(); ++frames)
      known_[frames] = computed(static_cast<std::int64_t>(frames));
  }
  [[nodiscard]] Speech of(std::int64_t frames) const {
    const auto index = static_cast<std::size_t>(frames);
    return index < known_.size() ? known_[index] : computed(frames);
  }

 private:
  [[nodiscard]] Speech computed(std::int64_t frames) const {
    const double seconds = static_cast<double>(frames) / frames_per_s_;
    const auto handed = static_cast<float>(seconds);
    return {handed, duration_from_seconds(handed), duration_from_seconds(seconds)};
  }

  double frames_per_s_;
  std::array<Speech, 64> known_{};
};

}  // namespace gpushare
