#pragma once

#include <cstdint>

#include "gpushare/time.hpp"

namespace gpushare {

/// Speech as its listener hears it: chunk after chunk, with a gap before one that comes too late.
struct Playout {
  Time end = kNever;  ///< when the speech received so far will have been played
  double gap_s = 0;   ///< speech that came after its deadline
  std::uint32_t chunks = 0, late_chunks = 0;
  double audio_s = 0;   ///< speech received
  double heard_s = -1;  ///< of it, when the listener breaks in; -1: they do not, or have

  /// Another chunk has come.
  void hear(Time now, float seconds) { hear(now, seconds, duration_from_seconds(seconds)); }
  /// The same, where its length is known in nanoseconds too.
  void hear(Time now, float seconds, Duration length) {
    if (end == kNever) {
      end = now;
    } else if (now > end) {
      gap_s += to_seconds(now - end);
      ++late_chunks;
      end = now;
    }
    ++chunks;
    end = end + length;
    audio_s += seconds;
  }
  /// Whether so much has come that the listener breaks in.
  [[nodiscard]] bool is_broken_into() const { return chunks > 0 && heard_s >= 0 && audio_s >= heard_s; }
};

}  // namespace gpushare
