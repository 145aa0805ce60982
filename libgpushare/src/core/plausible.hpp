#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gpushare {

/// What values of a key are plausible, whatever is legal: one table for scenarios, models, engines and profiles.
struct Plausible {
  std::string_view key;  ///< last name of a JSON pointer: "request_overhead_s"
  double least = 0, most = 0;
  std::string_view unit;  ///< in words: "seconds", "bytes", "requests a second"; empty: a bare number
  std::string_view what;  ///< whose values these are: "a server's work on a request before it queues"
};

/// Every key that holds a number and is bounded by more than what is legal; each once.
[[nodiscard]] std::span<const Plausible> plausible_ranges();
/// Null for a key that any legal value suits: identifiers, seeds, bare counts.
[[nodiscard]] const Plausible* plausible_range(std::string_view key);

/// What is odd about a value and what was probably meant; nullopt where it is plausible. Zero always is: it switches off.
[[nodiscard]] std::optional<std::string> implausible(const Plausible& range, double value);

}  // namespace gpushare
