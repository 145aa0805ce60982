#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gpushare {

/// A request's number, the same under every placement: its traffic in the first eight bits, then the number of the
/// arrival or row, or that of the user or call and in the last 24 bits the turn.
[[nodiscard]] inline std::uint64_t request_id(int traffic, std::uint64_t number) {
  constexpr int kTrafficShift = 56;
  return (static_cast<std::uint64_t>(traffic) << kTrafficShift) | number;
}
[[nodiscard]] inline std::uint64_t request_id(int traffic, std::uint64_t who, std::uint64_t turn) {
  constexpr int kTurnBits = 24;
  return request_id(traffic, (who << kTurnBits) | turn);
}
/// The number of the arrival or row in it.
[[nodiscard]] inline std::uint64_t number_in(std::uint64_t request_id) {
  return request_id & 0x00ff'ffff'ffff'ffff;
}

/// At most a thousand million, far beyond any server, so that a prompt, what is carried over and a reply add up in 32 bits.
[[nodiscard]] inline std::uint32_t to_tokens(double drawn) {
  return static_cast<std::uint32_t>(std::clamp(std::round(drawn), 0.0, 1e9));
}

}  // namespace gpushare
