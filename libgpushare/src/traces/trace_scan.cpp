#include "traces/trace_scan.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <array>
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
    if (!starts_with('.') && !starts_with(',')) return 0;
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
  /// Seconds east of Greenwich after `+` or `-`: hh:mm, hhmm or hh; behind a word also h.
  std::int64_t offset_s(bool behind_word) {
    const std::int64_t sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const int hours = digits(behind_word && text.size() == 1 ? 1 : 2, 0, 23);
    if (starts_with(':')) text.remove_prefix(1);
    const int minutes = text.empty() ? 0 : digits(2, 0, 59);
    return sign * (hours * 3600 + minutes * 60);
  }
};

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<std::int64_t> days_since_1970(int year, int month, int day) {
  namespace chrono = std::chrono;
  const chrono::year_month_day date{chrono::year{year}, chrono::month{static_cast<unsigned>(month)},
                                    chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return chrono::sys_days{date}.time_since_epoch().count();
}

/// One or two digits.
int short_number(DateCursor& cursor, int min, int max) {
  const bool two = cursor.text.size() > 1 && is_digit(cursor.text[1]);
  return cursor.digits(two ? 2 : 1, min, max);
}

int month_by_name(DateCursor& cursor) {
  const auto found = std::find(kMonths.begin(), kMonths.end(), cursor.text.substr(0, 3));
  cursor.good = cursor.good && found != kMonths.end();
  if (!cursor.good) return 1;
  cursor.text.remove_prefix(3);
  return static_cast<int>(found - kMonths.begin()) + 1;
}

constexpr int kFirstYear = 1970, kLastYear = 2199;

void skip(DateCursor& cursor, char c) {
  while (cursor.starts_with(c)) cursor.text.remove_prefix(1);
}

/// Nov 29, 2026, as Kibana and people write it, and Nov 29 17:30:20 2026 of C's ctime.
std::optional<std::int64_t> scan_named_day(DateCursor& cursor) {
  const int month = month_by_name(cursor);
  skip(cursor, ' ');
  const int day = short_number(cursor, 1, 31);
  constexpr std::size_t kYearAtEnd = 5;
  DateCursor end{cursor.text.substr(cursor.text.size() - std::min(cursor.text.size(), kYearAtEnd))};
  if (!cursor.starts_with(',') && end.starts_with(' ')) {
    cursor.text.remove_suffix(kYearAtEnd);
    end.expect(' ');
    const int year = end.digits(4, kFirstYear, kLastYear);
    return cursor.good && end.good ? days_since_1970(year, month, day) : std::nullopt;
  }
  cursor.expect(',');
  skip(cursor, ' ');
  const int year = cursor.digits(4, kFirstYear, kLastYear);
  if (cursor.text.starts_with(" @ ")) cursor.text.remove_prefix(2);
  return cursor.good ? days_since_1970(year, month, day) : std::nullopt;
}

/// Passes over "Sun, " of "Sun, 29 Nov 2026"; whether a month's name is next.
bool at_name_of_month(DateCursor& cursor) {
  constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  if (cursor.text.empty() || is_digit(cursor.text.front())) return false;
  if (std::find(kDays.begin(), kDays.end(), cursor.text.substr(0, 3)) != kDays.end()) {
    cursor.text.remove_prefix(3);
    if (cursor.starts_with(',')) cursor.text.remove_prefix(1);
    skip(cursor, ' ');
  }
  return !cursor.text.empty() && !is_digit(cursor.text.front());
}

/// The day of a date: 2026-11-29 or 2026/11/29; 29/Nov/2026, as web servers write it, 29-Nov-2026 or 29 Nov 2026;
/// 11/29/2026, month first; 29.11.2026, day first; Nov 29, 2026.
std::optional<std::int64_t> scan_day(DateCursor& cursor) {
  if (at_name_of_month(cursor)) return scan_named_day(cursor);
  if (cursor.text.size() < 8) return std::nullopt;
  const char* start = cursor.text.data();
  if (const char mark = cursor.text[4];
      std::all_of(start, start + 4, is_digit) && (mark == '-' || mark == '/')) {
    const int year = cursor.digits(4, kFirstYear, kLastYear);
    cursor.expect(mark);
    const int month = cursor.digits(2, 1, 12);
    cursor.expect(mark);
    const int day = cursor.digits(2, 1, 31);
    return cursor.good ? days_since_1970(year, month, day) : std::nullopt;
  }
  const int first = short_number(cursor, 1, 31);
  const char mark = cursor.text.empty() ? '/' : cursor.text.front();
  const bool spelled = mark == ' ' || mark == '-';  // which only a month's name may follow
  cursor.good = cursor.good && (spelled || mark == '.' || mark == '/');
  cursor.expect(mark);
  const bool named = cursor.good && !cursor.text.empty() && !is_digit(cursor.text.front());
  cursor.good = cursor.good && (named || !spelled);
  const int second = named ? month_by_name(cursor) : short_number(cursor, 1, 31);
  cursor.expect(mark);
  const int year = cursor.digits(4, kFirstYear, kLastYear);
  const bool day_first = named || mark == '.';
  const int month = day_first ? second : first;
  if (!cursor.good || month > 12) return std::nullopt;
  return days_since_1970(year, month, day_first ? first : second);
}

/// Seconds of the day: 18:15 or 18:15:46 or 6:15:46 PM, without a fraction.
std::int64_t scan_clock(DateCursor& cursor) {
  const int hours = short_number(cursor, 0, 24);
  cursor.expect(':');
  const int minutes = cursor.digits(2, 0, 59);
  int seconds = 0;
  if (cursor.starts_with(':')) {
    cursor.expect(':');
    seconds = cursor.digits(2, 0, 60);  // 60: a leap second
  }
  cursor.good = cursor.good && (hours < 24 || minutes + seconds == 0);  // 24:00: the end of the day
  return hours * std::int64_t{3600} + minutes * std::int64_t{60} + seconds;
}

/// Adds what AM or PM says to a clock of twelve hours.
std::int64_t half_day_s(DateCursor& cursor, std::int64_t clock_s) {
  constexpr std::int64_t kNoon = std::int64_t{12} * 3600;
  for (const bool afternoon : {false, true}) {
    const std::string_view word = afternoon ? " PM" : " AM";
    if (cursor.text.substr(0, word.size()) != word) continue;
    cursor.text.remove_prefix(word.size());
    cursor.good = cursor.good && clock_s >= 3600 && clock_s < kNoon + 3600;
    return (clock_s >= kNoon ? -kNoon : 0) + (afternoon ? kNoon : 0);
  }
  return 0;
}

struct Zone {
  std::string_view name;
  int hours;        ///< east of Greenwich
  int minutes = 0;  ///< further
};
// Only differences count, so of names that several places use any one will do where its summer time is of the same place.
constexpr auto kZones =
    std::to_array<Zone>({{"UTC", 0},  {"GMT", 0},   {"WET", 0},     {"WEST", 1},  {"BST", 1},   {"CET", 1},
                         {"CEST", 2}, {"MEZ", 1},   {"MESZ", 2},    {"EET", 2},   {"EEST", 3},  {"MSK", 3},
                         {"EST", -5}, {"EDT", -4},  {"CST", -6},    {"CDT", -5},  {"MST", -7},  {"MDT", -6},
                         {"PST", -8}, {"PDT", -7},  {"IST", 5, 30}, {"JST", 9},   {"KST", 9},   {"SGT", 8},
                         {"HKT", 8},  {"AEST", 10}, {"AEDT", 11},   {"NZST", 12}, {"NZDT", 13}, {"BRT", -3}});

/// Reads a zone, if there is one: seconds east of Greenwich. Its place may follow in brackets: +01:00[Europe/Berlin].
std::int64_t scan_zone(DateCursor& cursor) {
  if (cursor.starts_with(' ')) cursor.text.remove_prefix(1);
  if (cursor.text.ends_with(']')) cursor.text = cursor.text.substr(0, cursor.text.find('['));
  const auto zone = std::find_if(kZones.begin(), kZones.end(),
                                 [&](const Zone& known) { return known.name == cursor.text; });
  if (zone != kZones.end()) {
    cursor.text = {};
    return zone->hours * std::int64_t{3600} + zone->minutes * std::int64_t{60};
  }
  const bool behind_word = cursor.text.starts_with("UTC") || cursor.text.starts_with("GMT");
  if (behind_word) cursor.text.remove_prefix(3);
  if (cursor.starts_with('+') || cursor.starts_with('-')) return cursor.offset_s(behind_word);
  cursor.expect('Z');
  return 0;
}

/// 1,164,000: one to three digits, then groups of three behind one and the same mark.
std::optional<std::int64_t> scan_groups(std::string_view text, char thousands) {
  constexpr std::size_t kGroup = 3, kLongest = 32;
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == 0 || at > kGroup || at == text.size() || text.size() > kLongest) return std::nullopt;
  const char mark = text[at];
  if (mark != thousands && mark != '_' && mark != '\'') return std::nullopt;
  std::string digits(text.substr(0, at));
  for (; at < text.size(); at += kGroup + 1) {
    const std::string_view group = text.substr(at + 1, kGroup);
    if (text[at] != mark || group.size() != kGroup || !std::all_of(group.begin(), group.end(), is_digit))
      return std::nullopt;
    digits += group;
  }
  return scan_integer(digits);
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
  const bool web = cursor.starts_with(':');  // 29/Nov/2026:17:30:20
  if (cursor.starts_with(',')) cursor.expect(',');
  cursor.expect(web ? ':' : cursor.starts_with('T') ? 'T' : ' ');
  const std::int64_t clock_s = scan_clock(cursor);
  const std::int64_t fraction = cursor.fraction_ns();
  std::int64_t seconds = *day * 86'400 + clock_s + half_day_s(cursor, clock_s);
  Instant instant{Instant::Form::date, 0, 0};
  if (!cursor.text.empty()) {
    instant.form = Instant::Form::zoned_date;
    seconds -= scan_zone(cursor);
  }
  if (!cursor.good || !cursor.text.empty()) return std::nullopt;
  instant.ticks = seconds * kNanosecondsPerSecond + fraction;
  instant.value = static_cast<double>(instant.ticks);
  return instant;
}

std::string_view order_of_date(std::string_view text) {
  DateCursor cursor{text};
  short_number(cursor, 1, 12);
  cursor.expect('/');
  short_number(cursor, 1, 12);  // a later day can be no month
  cursor.expect('/');
  return cursor.good ? ", the month before the day" : "";
}

std::string_view day_first_hint(std::string_view text) {
  DateCursor cursor{text};
  const int first = short_number(cursor, 1, 31);
  cursor.expect('/');
  const int second = short_number(cursor, 1, 12);
  cursor.expect('/');
  if (!cursor.good || first <= 12 || second > 12) return {};
  return "; with slashes the month comes first, with points the day: 29.11.2026";
}

std::optional<Instant> scan_span(std::string_view text) {
  DateCursor cursor{text};
  std::int64_t days = 0;
  if (const std::size_t word = text.find(" day"); word != std::string_view::npos) {
    const auto count = scan_integer(text.substr(0, word));
    if (!count || *count < 0 || *count > 100'000) return std::nullopt;
    days = *count;
    cursor.text.remove_prefix(word + 4);
    for (const char c : {'s', ',', ' '})
      if (cursor.starts_with(c)) cursor.text.remove_prefix(1);
  }
  if (std::count(cursor.text.begin(), cursor.text.end(), ':') != 2)
    return std::nullopt;  // 1:30 is of two kinds
  const std::int64_t seconds = days * 86'400 + scan_clock(cursor);
  const std::int64_t fraction = cursor.fraction_ns();
  if (!cursor.good || !cursor.text.empty()) return std::nullopt;
  Instant instant{Instant::Form::clock, seconds * kNanosecondsPerSecond + fraction, 0};
  instant.value = static_cast<double>(instant.ticks);
  return instant;
}

std::optional<Instant> scan_instant(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto number = scan_number(text);
    return number ? number : scan_basic_date(text);
  }
  const auto date = scan_date(text);
  return date ? date : scan_span(text);
}

std::optional<Instant> scan_unitless(std::string_view text) {
  constexpr std::size_t kSeconds = 14, kMilliseconds = 17;
  if (text.size() == kSeconds || text.size() == kMilliseconds)
    if (const auto date = scan_basic_date(text)) return date;
  return scan_instant(text);
}

std::optional<Instant> scan_basic_date(std::string_view text) {
  constexpr std::size_t kDay = 8, kClock = 6;
  if (text.size() < kDay + kClock || !is_digit(text[kDay - 1])) return std::nullopt;
  std::string_view clock = text.substr(kDay);
  const bool parted = clock.front() == 'T' || clock.front() == ' ';
  if (parted) clock.remove_prefix(1);
  if (clock.size() < kClock) return std::nullopt;
  const std::string_view rest = clock.substr(kClock);
  const bool milliseconds = rest.size() == 3 && std::all_of(rest.begin(), rest.end(), is_digit);
  if (!parted && !rest.empty() && !milliseconds) return std::nullopt;  // a number of other things
  return scan_date(text::format("{}-{}-{}T{}:{}:{}{}{}", text.substr(0, 4), text.substr(4, 2),
                                text.substr(6, 2), clock.substr(0, 2), clock.substr(2, 2), clock.substr(4, 2),
                                milliseconds ? "." : "", rest));
}

std::optional<Instant> scan_comma_number(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || text.size() > 64) return scan_number(text);
  std::string with_point(text);
  with_point[comma] = '.';
  return scan_number(with_point);
}

bool is_gap(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kGaps = {"",     "nan",  "NaN", "null", "NULL",
                                                            "None", "<NA>", "N/A", "-"};
  return text.size() < 5 && std::find(kGaps.begin(), kGaps.end(), text) != kGaps.end();
}

std::optional<std::int64_t> scan_count(std::string_view text, char thousands) {
  if (const auto whole = scan_integer(text)) return whole;
  if (const auto grouped = scan_groups(text, thousands)) return grouped;
  const auto real = scan_number(text);
  const bool whole = real && real->value == std::floor(real->value) && std::abs(real->value) < 1e15;
  return whole ? std::optional(static_cast<std::int64_t>(real->value)) : std::nullopt;
}

std::string printed(const Instant& instant) {
  namespace chrono = std::chrono;
  if (instant.form == Instant::Form::integer) return text::format("{}", instant.ticks);
  if (instant.form == Instant::Form::real) return text::format("{}", instant.value);
  const chrono::sys_time<chrono::nanoseconds> at{chrono::nanoseconds{instant.ticks}};
  const auto days = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date{days};
  const chrono::hh_mm_ss time{at - days};
  if (instant.form == Instant::Form::clock)
    return text::format("{}:{:02}:{:02}", days.time_since_epoch().count() * 24 + time.hours().count(),
                        time.minutes().count(), time.seconds().count());
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
