#include "traces/trace_scan.hpp"
#include "core/text.hpp"

#include <charconv>
#include <chrono>
#include <cmath>

namespace gpushare {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a date from left to right; one failure spoils all that follows.
struct DateCursor {
  std::string_view text;
  bool good = true;

  [[nodiscard]] bool starts_with(char c) const { return !text.empty() && text.front() == c; }
  void expect(char c) {
    good = good && starts_with(c);
    if (good) text.remove_prefix(1);
  }
  int digits(std::size_t count, int min, int max) {
    good = good && text.size() >= count;
    int value = 0;
    for (std::size_t i = 0; good && i < count; ++i) {
      good = is_digit(text[i]);
      value = value * 10 + (text[i] - '0');
    }
    good = good && value >= min && value <= max;
    if (good) text.remove_prefix(count);
    return good ? value : min;
  }
  std::int64_t fraction_ns() {
    if (!starts_with('.')) return 0;
    text.remove_prefix(1);
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; count < text.size() && is_digit(text[count]) && count < 9; ++count)
      value = value * 10 + (text[count] - '0');
    good = good && count > 0;
    text.remove_prefix(count);
    for (; count < 9; ++count) value *= 10;
    return value;
  }
  /// Seconds east of Greenwich after `+` or `-`: hh:mm, hhmm or hh.
  std::int64_t offset_s() {
    const std::int64_t sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const int hours = digits(2, 0, 23);
    if (starts_with(':')) text.remove_prefix(1);
    const int minutes = text.empty() ? 0 : digits(2, 0, 59);
    return sign * (hours * 3600 + minutes * 60);
  }
};

std::optional<std::int64_t> scan_day(DateCursor& cursor) {
  namespace chrono = std::chrono;
  const int year = cursor.digits(4, 1970, 2199);
  cursor.expect('-');
  const auto month = static_cast<unsigned>(cursor.digits(2, 1, 12));
  cursor.expect('-');
  const auto day = static_cast<unsigned>(cursor.digits(2, 1, 31));
  const chrono::year_month_day date{chrono::year{year}, chrono::month{month}, chrono::day{day}};
  if (!cursor.good || !date.ok()) return std::nullopt;
  return chrono::sys_days{date}.time_since_epoch().count();
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> scan_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<Instant> scan_number(std::string_view text) {
  Instant instant;
  if (const auto whole = scan_integer(text)) {
    instant = {Instant::Form::integer, *whole, static_cast<double>(*whole)};
  } else {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, instant.value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    instant.form = Instant::Form::real;
  }
  if (!(std::abs(instant.value) <= kMaxTicks)) return std::nullopt;
  return instant;
}

std::optional<Instant> scan_date(std::string_view text) {
  DateCursor cursor{text};
  const auto day = scan_day(cursor);
  if (!day) return std::nullopt;
  cursor.expect(cursor.starts_with('T') ? 'T' : ' ');
  std::int64_t seconds = *day * 86'400 + cursor.digits(2, 0, 23) * std::int64_t{3600};
  cursor.expect(':');
  seconds += cursor.digits(2, 0, 59) * std::int64_t{60};
  cursor.expect(':');
  seconds += cursor.digits(2, 0, 59);
  const std::int64_t fraction = cursor.fraction_ns();
  Instant instant{Instant::Form::date, 0, 0};
  if (!cursor.text.empty()) {
    instant.form = Instant::Form::zoned_date;
    if (cursor.starts_with('+') || cursor.starts_with('-')) {
      seconds -= cursor.offset_s();
    } else {
      cursor.expect('Z');
    }
  }
  if (!cursor.good || !cursor.text.empty()) return std::nullopt;
  instant.ticks = seconds * kNanosecondsPerSecond + fraction;
  instant.value = static_cast<double>(instant.ticks);
  return instant;
}

std::optional<Instant> scan_instant(std::string_view text) {
  const bool has_year = text.size() > 4 && is_digit(text[3]) && text[4] == '-';  // 1.5e-09 has none
  return has_year ? scan_date(text) : scan_number(text);
}

std::string printed(const Instant& instant) {
  namespace chrono = std::chrono;
  if (instant.form == Instant::Form::integer) return text::format("{}", instant.ticks);
  if (instant.form == Instant::Form::real) return text::format("{}", instant.value);
  const chrono::sys_time<chrono::nanoseconds> at{chrono::nanoseconds{instant.ticks}};
  const auto days = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date{days};
  const chrono::hh_mm_ss time{at - days};
  std::string out = text::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 time.hours().count(), time.minutes().count(), time.seconds().count());
  if (const auto fraction = time.subseconds().count(); fraction != 0) {
    out += text::format(".{:09}", fraction);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + (instant.form == Instant::Form::zoned_date ? "Z" : "");
}

}  // namespace gpushare
