#include "traces/request_ends.hpp"

#include <array>

#include "core/text.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

struct Suffix {
  std::string_view word;
  double ticks_per_second;
};
constexpr auto kSuffixes =
    std::to_array<Suffix>({{"ms", 1e3}, {"us", 1e6}, {"\u00b5s", 1e6}, {"ns", 1e9}, {"s", 1}});

std::optional<double> not_negative(std::string_view text, double ticks_per_second) {
  const auto number = scan_number(trimmed(text));
  if (!number || number->value < 0) return std::nullopt;
  return number->value / ticks_per_second;
}

}  // namespace

std::optional<double> took_s(std::string_view text, const TraceColumn& took, const TraceRow& ended) {
  for (const Suffix& suffix : kSuffixes)
    if (text.size() > suffix.word.size() && text.ends_with(suffix.word))
      return not_negative(text.substr(0, text.size() - suffix.word.size()), suffix.ticks_per_second);
  if (took.has_unit) return not_negative(text, static_cast<double>(took.ticks_per_second));
  const bool as_the_end = ended.unit_known && !ended.arrival.is_date();
  if (!as_the_end) return std::nullopt;
  return not_negative(text, static_cast<double>(ended.ticks_per_second));
}

std::string told_of_ends(std::string_view ended, std::string_view took, const std::optional<double>& first) {
  if (first) return text::format("; arrivals are {} less {}", shown(ended), shown(took));
  return text::format("; {} is taken for the arrival, though it is the end: {}", shown(ended),
                      took.empty() ? "nothing says how long requests took"
                                   : text::format("{} says no unit, as latency_ms would", shown(took)));
}

}  // namespace gpushare
