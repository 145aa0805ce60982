#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace gpushare {

namespace clock_range {

inline constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

/// What lies beyond the clock's range on either side becomes its end, so that no sum of spans turns into the past.
[[nodiscard]] constexpr std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) [[unlikely]]
    return b > 0 ? kMost : -kMost;
  return result;
}
[[nodiscard]] constexpr std::int64_t difference(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_sub_overflow(a, b, &result)) [[unlikely]]
    return b < 0 ? kMost : -kMost;
  return result;
}
[[nodiscard]] constexpr std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) [[unlikely]]
    return (a < 0) == (b < 0) ? kMost : -kMost;
  return result;
}

}  // namespace clock_range

/// A span of simulated time in nanoseconds. Sums, differences and products that are out of range saturate.
struct Duration {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {clock_range::sum(a.ns, b.ns)}; }
  friend constexpr Duration operator-(Duration a, Duration b) {
    return {clock_range::difference(a.ns, b.ns)};
  }
  friend constexpr Duration operator*(Duration a, std::int64_t n) { return {clock_range::product(a.ns, n)}; }
  constexpr Duration& operator+=(Duration d) { return *this = *this + d; }
};

/// An instant of simulated time, in nanoseconds since the start of the run. What would come after the last one that the clock
/// can tell never comes (kNever).
struct Time {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Time, Time) = default;
  friend constexpr Time operator+(Time t, Duration d) { return {clock_range::sum(t.ns, d.ns)}; }
  friend constexpr Time operator-(Time t, Duration d) { return {clock_range::difference(t.ns, d.ns)}; }
  friend constexpr Duration operator-(Time a, Time b) { return {clock_range::difference(a.ns, b.ns)}; }
};

/// The instant after every event; a timer set to it never fires.
inline constexpr Time kNever{std::numeric_limits<std::int64_t>::max()};

/// The longest duration that seconds can be turned into (146 years); longer spans saturate to it.
inline constexpr Duration kForever{std::numeric_limits<std::int64_t>::max() / 2};

/// Rounds up to a whole nanosecond, so that nothing ends early; saturates at kForever, and negative spans become zero.
[[nodiscard]] inline Duration duration_from_seconds(double seconds) {
  const double ns = seconds * 1e9;
  if (!(ns > 0)) return {0};
  if (ns >= static_cast<double>(kForever.ns)) return kForever;
  const auto whole =
      static_cast<std::int64_t>(ns);  // not std::ceil: without SSE4.1 that is a call, once an event
  return {whole + (static_cast<double>(whole) < ns)};
}

[[nodiscard]] constexpr double to_seconds(Duration d) { return static_cast<double>(d.ns) * 1e-9; }
[[nodiscard]] constexpr double to_seconds(Time t) { return static_cast<double>(t.ns) * 1e-9; }

}  // namespace gpushare
