#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/figures.hpp"
#include "core/json_reader.hpp"
#include "core/overloaded.hpp"
#include "gpushare/fields.hpp"

/// Tables of the members that documents state of a struct: one table drives the readers, the values that Python shows,
/// and the schemas (tools/update_schemas.py).
namespace gpushare {

/// A member whose form a table cannot say: its reader stands by itself.
struct ReadByHand {};

template <class Struct>
struct Field {
  std::string_view name;
  std::variant<ReadByHand, bool Struct::*, int Struct::*, std::int64_t Struct::*, double Struct::*> member;
  json::Range range{};  // of numbers; whole ones as well
  FieldInfo::InFile in_file = FieldInfo::InFile::never;
  std::string_view description{};
};

namespace fields {

// Whether a data file states a member, and the range of one that is true or false.
inline constexpr auto kMust = FieldInfo::InFile::must;
inline constexpr auto kMay = FieldInfo::InFile::may;
inline constexpr auto kNever = FieldInfo::InFile::never;
inline constexpr json::Range kFlag{};

void read(const json::Reader& value, const json::Range& range, bool& into);
void read(const json::Reader& value, const json::Range& range, int& into);
void read(const json::Reader& value, const json::Range& range, std::int64_t& into);
void read(const json::Reader& value, const json::Range& range, double& into);
/// A member with this default; nothing: one that is read by hand.
[[nodiscard]] FieldInfo info(std::string_view name, const json::Range& range, FieldInfo::InFile in_file,
                             std::string_view description, const std::optional<FieldValue>& otherwise);

template <class T>
[[nodiscard]] FieldValue value_of(T value) {
  if constexpr (std::is_same_v<T, int>) {
    return std::int64_t{value};
  } else {
    return value;
  }
}

/// Calls `visit(field, into.*member)` for each field of the table that holds a plain value.
template <class Struct, class Owner, class Visit>
void for_each(std::span<const Field<Struct>> table, Owner& owner, Visit&& visit) {
  for (const Field<Struct>& field : table)
    std::visit(overloaded{[](ReadByHand) {}, [&](auto Struct::*member) { visit(field, owner.*member); }},
               field.member);
}

}  // namespace fields

/// Members of a document's object; what is absent keeps its value.
template <class Struct>
void read_fields(const json::Reader& reader, std::span<const Field<Struct>> table, Struct& into) {
  fields::for_each(table, into, [&](const Field<Struct>& field, auto& member) {
    if (const auto value = reader.find(field.name)) fields::read(*value, field.range, member);
  });
}

/// Members of a data file, each a figure with its source. `by_hand` is called with the name of each member that the table
/// cannot read.
template <class Struct, class ByHand>
void read_figures(json::Figures& figures, std::span<const Field<Struct>> table, Struct& into,
                  ByHand&& by_hand) {
  using InFile = FieldInfo::InFile;
  for (const Field<Struct>& field : table) {
    if (field.in_file == InFile::never) continue;
    std::visit(overloaded{[&](ReadByHand) { by_hand(field.name); },
                          [&](auto Struct::*member) {
                            if (field.in_file == InFile::may && !figures.reader().has(field.name)) return;
                            fields::read(figures.value(field.name), field.range, into.*member);
                          }},
               field.member);
  }
}
template <class Struct>
void read_figures(json::Figures& figures, std::span<const Field<Struct>> table, Struct& into) {
  read_figures(figures, table, into, [](std::string_view) {});
}

/// Those that a data file may state.
template <class Struct>
void append_values(FieldValues& values, std::span<const Field<Struct>> table, const Struct& from) {
  fields::for_each(table, from, [&](const Field<Struct>& field, const auto& member) {
    if (field.in_file != FieldInfo::InFile::never) values.emplace_back(field.name, fields::value_of(member));
  });
}

// g++ 12 warns of members that a small struct cannot have: a table may name every type, also where no field has it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
template <class Struct>
void append_infos(std::vector<FieldInfo>& infos, std::span<const Field<Struct>> table) {
  const Struct defaults{};
  for (const Field<Struct>& field : table) {
    const auto otherwise =
        std::visit(overloaded{[](ReadByHand) -> std::optional<FieldValue> { return std::nullopt; },
                              [&](auto Struct::*member) -> std::optional<FieldValue> {
                                return fields::value_of(defaults.*member);
                              }},
                   field.member);
    infos.push_back(fields::info(field.name, field.range, field.in_file, field.description, otherwise));
  }
}
#pragma GCC diagnostic pop

}  // namespace gpushare
