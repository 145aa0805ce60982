#include "traces/access_lines.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

constexpr std::string_view kGin = "[GIN] ";
constexpr std::string_view kFields = "#Fields:";
constexpr double kMost_s = 1e6;  // that a request is taken to last

std::string_view cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view found = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return found;
}

bool is_request(const AccessLine& line) {
  return !line.path.empty() && !line.status.empty() && scan_integer(line.status);
}

std::optional<double> seconds(std::string_view digits, double unit) {
  const auto number = scan_number(digits);
  const bool legal = number && number->value >= 0 && number->value * unit < kMost_s;
  return legal ? std::optional(number->value * unit) : std::nullopt;
}

/// Where the line ends with seconds to the millisecond: 1.234, rt=1.234 or "1.234".
std::optional<double> seconds_at_end(std::string_view rest) {
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '"')) rest.remove_suffix(1);
  const std::size_t start = rest.find_last_of(" =\"");
  const std::string_view last = rest.substr(start == std::string_view::npos ? 0 : start + 1);
  const std::size_t point = last.find('.');
  return point != std::string_view::npos && last.size() - point == 4 ? seconds(last, 1) : std::nullopt;
}

/// A span of Go's: 1.5s, 500.000ms, 12.1\u00b5s, 1m30s.
std::optional<double> go_span(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{
      {{"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"\u00b5s", 1e-6}, {"ns", 1e-9}}};
  std::optional<double> sum;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::size_t end = std::min(text.find_first_of("0123456789.", digits), text.size());
    const std::string_view unit = text.substr(digits, end - digits);
    const auto known =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& one) { return one.first == unit; });
    const auto part = known == kUnits.end() ? std::nullopt : seconds(text.substr(0, digits), known->second);
    if (!part) return std::nullopt;
    sum = sum.value_or(0) + *part;
    text.remove_prefix(end);
  }
  return sum;
}

}  // namespace

std::optional<AccessLine> AccessLines::read(std::string_view text) {
  switch (rules_.form) {
    case TraceAccessLog::Form::bracketed:
      return bracketed(text);
    case TraceAccessLog::Form::gin:
      return gin(text);
    case TraceAccessLog::Form::w3c:
      return w3c(text);
  }
  return std::nullopt;
}

// Envoy's lines begin with the time.
std::optional<AccessLine> AccessLines::bracketed(std::string_view text) const {
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos || (open == 0) == rules_.at_end) return std::nullopt;
  AccessLine line;
  text.remove_prefix(open + 1);
  line.at = cut(text, ']');
  if (text.substr(0, 2) != " \"") return std::nullopt;
  text.remove_prefix(2);
  std::string_view request = cut(text, '"');
  line.method = cut(request, ' ');
  line.path = cut(request, ' ');
  if (text.empty() || text.front() != ' ') return std::nullopt;
  text.remove_prefix(1);
  line.status = cut(text, ' ');
  if (!is_request(line)) return std::nullopt;
  if (rules_.at_end) line.took_s = seconds_at_end(text);
  return line;
}

std::optional<AccessLine> AccessLines::gin(std::string_view text) {
  const std::size_t start = text.find(kGin);
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start + kGin.size());
  std::string_view at = trimmed(cut(text, '|'));
  AccessLine line;
  line.status = trimmed(cut(text, '|'));
  line.took_s = go_span(trimmed(cut(text, '|')));
  cut(text, '|');  // who asked
  line.method = trimmed(cut(text, '"'));
  line.path = cut(text, '"');
  if (!is_request(line)) return std::nullopt;
  const std::string_view day = cut(at, ' ');
  line.at = dated(day, at.substr(std::min(at.find_first_not_of("- "), at.size())));
  return line;
}

std::optional<AccessLine> AccessLines::w3c(std::string_view text) {
  if (!text.empty() && text.front() == '#') {
    if (text.substr(0, kFields.size()) == kFields) name_fields(text.substr(kFields.size()));
    return std::nullopt;
  }
  AccessLine line;
  std::string_view day, clock, took;
  for (const Member member : fields_) {
    text = text.substr(std::min(text.find_first_not_of(" \t\r"), text.size()));
    const std::string_view field = text.substr(0, std::min(text.find_first_of(" \t\r"), text.size()));
    text.remove_prefix(field.size());
    switch (member) {
      case Member::day:
        day = field;
        break;
      case Member::clock:
        clock = field;
        break;
      case Member::method:
        line.method = field;
        break;
      case Member::path:
        line.path = field;
        break;
      case Member::status:
        line.status = field;
        break;
      case Member::took:
        took = field;
        break;
      case Member::other:
        break;
    }
  }
  if (!is_request(line)) return std::nullopt;
  // Whole milliseconds, or seconds with a point.
  line.took_s = seconds(took, took.find('.') == std::string_view::npos ? 1e-3 : 1);
  line.at = dated(day, clock);
  return line;
}

void AccessLines::name_fields(std::string_view names) {
  static constexpr std::array<std::pair<std::string_view, Member>, 6> kKnown{{{"date", Member::day},
                                                                              {"time", Member::clock},
                                                                              {"cs-method", Member::method},
                                                                              {"cs-uri-stem", Member::path},
                                                                              {"sc-status", Member::status},
                                                                              {"time-taken", Member::took}}};
  fields_.clear();
  names = trimmed(names);
  while (!names.empty()) {
    const std::string_view name = trimmed(cut(names, ' '));
    if (name.empty()) continue;
    const auto known =
        std::find_if(kKnown.begin(), kKnown.end(), [&](const auto& one) { return one.first == name; });
    fields_.push_back(known == kKnown.end() ? Member::other : known->second);
  }
}

std::string_view AccessLines::dated(std::string_view day, std::string_view clock) {
  at_.assign(day).append("T").append(clock).append("Z");
  return at_;
}

}  // namespace gpushare
