#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace gpushare {

/// The cases of a visit: std::visit(overloaded{[](const A&) {...}, [](const B&) {...}}, variant). An alternative without
/// a case does not compile, as long as no case takes `auto`.
template <class... Cases>
struct overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

/// Calls `visitor` with std::type_identity<Alternative> for each alternative, in order.
template <class Variant, class Visitor>
constexpr void for_each_alternative(Visitor&& visitor) {
  [&]<std::size_t... index>(std::index_sequence<index...>) {
    (visitor(std::type_identity<std::variant_alternative_t<index, Variant>>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>{});
}

/// What `get` says of each alternative's type, in order: an array.
template <class Variant, class Get>
constexpr auto of_each_alternative(Get&& get) {
  return [&]<std::size_t... index>(std::index_sequence<index...>) {
    return std::array{get(std::type_identity<std::variant_alternative_t<index, Variant>>{})...};
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>{});
}

/// The alternative of that number with its defaults; `index` must be one of the variant's.
template <class Variant>
[[nodiscard]] Variant alternative(std::size_t index) {
  Variant chosen;
  std::size_t at = 0;
  for_each_alternative<Variant>([&]<class Alternative>(std::type_identity<Alternative>) {
    if (at++ == index) chosen = Alternative{};
  });
  return chosen;
}

}  // namespace gpushare
