#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gpushare {

/// The moment of an arrival as the file has it: ticks since an unknown origin, a date, or a clock without a day.
struct Instant {
  enum class Form : std::uint8_t { integer, real, date, zoned_date, clock };
  Form form = Form::integer;
  std::int64_t ticks =
      0;  ///< integer: as written; dates: nanoseconds since 1970 (UTC unless zoned), clocks: since 0:00
  double value = 0;  ///< the same, rounded
  [[nodiscard]] bool is_date() const { return form != Form::integer && form != Form::real; }
};

[[nodiscard]] inline bool operator<(const Instant& a, const Instant& b) {
  const bool exact = a.form != Instant::Form::real && b.form != Instant::Form::real;
  return exact ? a.ticks < b.ticks : a.value < b.value;
}
/// b - a in ticks.
[[nodiscard]] inline double ticks_between(const Instant& a, const Instant& b) {
  const bool exact = a.form != Instant::Form::real && b.form != Instant::Form::real;
  return exact ? static_cast<double>(b.ticks - a.ticks) : b.value - a.value;
}

/// Largest legal number in an arrival column: no difference of two can overflow.
inline constexpr double kMaxTicks = 4e18;

[[nodiscard]] std::string_view trimmed(std::string_view text);
/// The whole text as an integer; nothing for anything else, or out of range.
[[nodiscard]] std::optional<std::int64_t> scan_integer(std::string_view text);
/// The whole text as a finite number of at most kMaxTicks.
[[nodiscard]] std::optional<Instant> scan_number(std::string_view text);
/// `2023-11-16 18:15:46.6805900`, `2024-05-10T00:00:00+00:00`, `...Z`; `29/Nov/2026:17:30:20 +0000` (web servers);
/// `11/29/2026 5:30:20 PM` (month first); `29.11.2026 17:30`; `Sun, 29 Nov 2026 17:30:20 CET`; `Nov 29, 2026 @ 17:30:20`:
/// up to nine digits of a second, 1970 to 2199.
[[nodiscard]] std::optional<Instant> scan_date(std::string_view text);
/// For messages: how a date such as 03/04/2026 is read, of which either number may be the month; empty for others.
[[nodiscard]] std::string_view order_of_date(std::string_view text);
/// For messages: how a date such as 29/11/2026, day first, would be read; empty for others.
[[nodiscard]] std::string_view day_first_hint(std::string_view text);
/// `17:30:20.250`, `0 days 00:00:01.5`, `1 day, 2:03:04`: a time of the day, or since some beginning, with its seconds.
[[nodiscard]] std::optional<Instant> scan_span(std::string_view text);
/// A date or a span where the text has a clock, a number otherwise.
[[nodiscard]] std::optional<Instant> scan_instant(std::string_view text);
/// The same of what has no unit, so that 14 digits that are a date are no number of seconds.
[[nodiscard]] std::optional<Instant> scan_unitless(std::string_view text);
/// `20261129T173020Z`, `20261129173020` and `20261129173020123`, with milliseconds: ISO 8601's basic form.
[[nodiscard]] std::optional<Instant> scan_basic_date(std::string_view text);
/// A number with a decimal comma, or with none.
[[nodiscard]] std::optional<Instant> scan_comma_number(std::string_view text);
/// What tables write where there is no value: nothing, NaN, null, None, NA, a dash.
[[nodiscard]] bool is_gap(std::string_view text);
/// A whole number as people and tables write it: 1164, 1164.0, and 1,164 or 1'164 in groups of three digits;
/// `thousands` is the mark of groups beside _ and '.
[[nodiscard]] std::optional<std::int64_t> scan_count(std::string_view text, char thousands);

/// For messages: the number, or the date with the digits that it needs.
[[nodiscard]] std::string printed(const Instant& instant);

}  // namespace gpushare
