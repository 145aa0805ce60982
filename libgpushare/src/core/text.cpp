#include "core/text.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

namespace gpushare::text {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = lower(c);
  return lowered;
}

std::string format_values(std::string_view pattern, std::span<const Value> values) {
  fmt::dynamic_format_arg_store<fmt::format_context> store;
  store.reserve(values.size(), 0);
  for (const Value& value : values) value.visit([&store](const auto& held) { store.push_back(held); });
  return fmt::vformat(pattern, store);
}

}  // namespace gpushare::text
