#include "core/number_words.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/text.hpp"

namespace gpushare {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr auto kTimes = std::to_array<Unit>({{"ns", 1e-9},
                                             {"us", 1e-6},
                                             {"ms", 1e-3},
                                             {"s", 1},
                                             {"sec", 1},
                                             {"seconds", 1},
                                             {"m", 60},
                                             {"min", 60},
                                             {"minutes", 60},
                                             {"h", 3600},
                                             {"hours", 3600},
                                             {"d", 86400},
                                             {"days", 86400}});
constexpr auto kRates = std::to_array<Unit>({{"/s", 1},
                                             {"persecond", 1},
                                             {"rps", 1},
                                             {"qps", 1},
                                             {"/m", 1.0 / 60},
                                             {"/min", 1.0 / 60},
                                             {"rpm", 1.0 / 60},
                                             {"perminute", 1.0 / 60},
                                             {"/h", 1.0 / 3600},
                                             {"perhour", 1.0 / 3600},
                                             {"/d", 1.0 / 86400},
                                             {"/day", 1.0 / 86400}});
constexpr auto kCounts = std::to_array<Unit>({{"k", 1e3}, {"m", 1e6}});

std::optional<double> factor_of(std::string_view unit, std::span<const Unit> units) {
  const auto found =
      std::find_if(units.begin(), units.end(), [&](const Unit& one) { return one.name == unit; });
  return found == units.end() ? std::nullopt : std::optional(found->factor);
}

// Without blanks, and without the commas between groups of three digits.
std::string plain(std::string_view written) {
  std::string plain;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const auto digits = std::min(written.find_first_not_of("0123456789", i + 1), written.size()) - i - 1;
    const bool groups = written[i] == ',' && !plain.empty() && digits == 3;
    if (written[i] != ' ' && !groups) plain += written[i];
  }
  return text::lower_case(plain);
}

// 32k tokens are 32 x 1,024 of a context, and 32,000 of anything else: both are said.
std::string counted(double number, double factor) {
  const auto whole = static_cast<std::int64_t>(number);
  const bool power_of_two = whole > 1 && static_cast<double>(whole) == number && (whole & (whole - 1)) == 0;
  if (factor == 1e3 && power_of_two)
    return text::format("; write {}, or {} if it is in units of 1024", whole * 1000, whole * 1024);
  return text::format("; write {:.15g}", number * factor);
}

// Seconds of "22:00" or "06:30:15".
std::optional<int> clock_of(std::string_view said) {
  int seconds = 0, parts = 0;
  for (; !said.empty() && parts < 3; ++parts) {
    const std::string_view part = said.substr(0, said.find(':'));
    if (part.empty() || part.size() > 2 || part.find_first_not_of("0123456789") != part.npos)
      return std::nullopt;
    int value = 0;
    for (const char digit : part) value = 10 * value + (digit - '0');
    seconds = 60 * seconds + value;
    said.remove_prefix(std::min(part.size() + 1, said.size()));
  }
  if (!said.empty() || parts < 2) return std::nullopt;
  return parts == 2 ? 60 * seconds : seconds;
}

}  // namespace

std::string number_meant(std::string_view written, std::string_view key) {
  const std::string said = plain(written);
  if (key.ends_with("_s") && !key.ends_with("_per_s"))
    if (const auto clock = clock_of(said)) return text::format("; write {}, in seconds", *clock);
  const auto end = std::min(said.find_first_not_of("0123456789."), said.size());
  const auto parsed = nlohmann::json::parse(said.substr(0, end), nullptr, false);
  if (!parsed.is_number()) return "";
  const auto number = parsed.get<double>();
  const std::string_view unit = std::string_view(said).substr(end);
  if (unit.empty()) return text::format("; write {:.15g}, without quotation marks", number);
  if (unit == "%") return text::format("; write {:.15g} where a share of 1 is meant", number / 100);
  if (key.ends_with("_per_s")) {
    const auto factor = factor_of(unit, kRates);
    return factor ? text::format("; write {:.6g}", number * *factor) : "";
  }
  if (key.ends_with("_s")) {
    const auto factor = factor_of(unit, kTimes);
    return factor ? text::format("; write {:.15g}, in seconds", number * *factor) : "";
  }
  const auto factor = factor_of(unit, kCounts);
  return factor ? counted(number, *factor) : "";
}

}  // namespace gpushare
