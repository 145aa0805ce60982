#include <charconv>
#include <cmath>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/figures.hpp"
#include "results/figure_names.hpp"

namespace gpushare {
namespace {

using Kind = FigureKind;

struct Unit {
  std::string_view name;
  Kind kind;
  double factor;  ///< to the unit of figures of the kind
};
constexpr Unit kUnits[] = {
    {"ns", Kind::time, 1e-9},
    {"us", Kind::time, 1e-6},
    {"\u00b5s", Kind::time, 1e-6},  // micro
    {"\u03bcs", Kind::time, 1e-6},  // mu
    {"ms", Kind::time, 1e-3},
    {"s", Kind::time, 1},
    {"min", Kind::time, 60},
    {"h", Kind::time, 3600},
    {"msec", Kind::time, 1e-3},
    {"milliseconds", Kind::time, 1e-3},
    {"second", Kind::time, 1},
    {"seconds", Kind::time, 1},
    {"minutes", Kind::time, 60},
    {"%", Kind::share, 0.01},
    {"B", Kind::bytes, 1},
    {"kB", Kind::bytes, 1e3},
    {"KB", Kind::bytes, 1e3},
    {"MB", Kind::bytes, 1e6},
    {"GB", Kind::bytes, 1e9},
    {"TB", Kind::bytes, 1e12},
    {"KiB", Kind::bytes, 1024.0},
    {"MiB", Kind::bytes, 1024.0 * 1024},
    {"GiB", Kind::bytes, 1024.0 * 1024 * 1024},
    {"TiB", Kind::bytes, 1024.0 * 1024 * 1024 * 1024},
    {"/s", Kind::rate, 1},
    {"/min", Kind::rate, 1.0 / 60},
    {"/h", Kind::rate, 1.0 / 3600},
    {"$", Kind::money, 1},
};

constexpr std::size_t kWord = 4;  // letters of units that are written out, beside which short ones are shown

/// A value as it is written.
struct Quantity {
  double number = 0;
  std::string_view unit;
};

[[noreturn]] void fail(const std::string& what) { throw FigureError("", what); }

Quantity quantity_of(std::string_view text, const std::string& expected) {
  Quantity quantity;
  std::string_view rest = text::trimmed(text);
  const bool dollars = rest.starts_with('$');
  if (dollars) rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), quantity.number);
  if (error != std::errc{} || !std::isfinite(quantity.number))
    fail(text::format("expected {}, found \"{}\"", expected, rest));
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.size() > 1 && rest[0] == ',' && rest[1] >= '0' && rest[1] <= '9')
    fail(text::format("expected {}, found \"{}\"; decimals stand behind a point", expected,
                      text::trimmed(text)));
  quantity.unit = dollars && rest.empty() ? "$" : text::trimmed(rest);
  return quantity;
}

std::string legal_units(const FigureInfo& info) {
  std::vector<std::string_view> legal;
  for (const Unit& unit : kUnits)
    if (unit.kind == info.kind && static_cast<unsigned char>(unit.name.front()) < 0x80 &&
        unit.name.size() < kWord)
      legal.push_back(unit.name);
  if (legal.empty()) return "a plain number";
  return "a plain number or one with " + text::join(legal, ", ");
}

// "tok/s" of a figure in tokens/s is "/s".
std::string_view without_counted(std::string_view unit, const FigureInfo& info) {
  const std::size_t slash = unit.find('/');
  if (info.kind != Kind::rate || slash == std::string_view::npos) return unit;
  return info.unit.starts_with(unit.substr(0, slash)) ? unit.substr(slash) : unit;
}

// Kubernetes writes "Gi" for GiB.
const Unit* unit_of(std::string_view name, Kind kind) {
  for (const Unit& unit : kUnits) {
    const bool short_for = name.ends_with('i') && unit.name.ends_with("iB") && unit.name.starts_with(name);
    if ((unit.name == name || short_for) && unit.kind == kind) return &unit;
  }
  return nullptr;
}

// What the name of a figure in this unit ends with.
std::string_view suffix_of(std::string_view unit) {
  if (unit_of(unit, Kind::time) != nullptr) return "_s";
  return unit_of(unit, Kind::bytes) != nullptr ? "_bytes" : "";
}

double value_of(const Quantity& quantity, const std::string& name, const FigureInfo& info) {
  double factor = 1;
  if (!quantity.unit.empty()) {
    const Unit* unit = unit_of(without_counted(quantity.unit, info), info.kind);
    if (unit == nullptr)
      fail(text::format("{} takes {}, found \"{}\"", name, legal_units(info), quantity.unit));
    factor = unit->factor;
  }
  const double value = factor < 1 ? quantity.number / std::round(1 / factor) : quantity.number * factor;
  if (info.kind == Kind::share && value > 1) fail(text::format("{} is a share of 1; found {}", name, value));
  const bool counts = info.kind == Kind::time || info.kind == Kind::share || info.kind == Kind::rate;
  if (counts && value < 0) fail(text::format("{} is never below 0; found {}", name, value));
  return value;
}

bool is_at_most(Side side, std::string_view how, const std::string& name, const FigureInfo& info) {
  if (side != Side::worse) return side == Side::at_most;
  if (info.better == Better::neither)
    fail(text::format("neither more nor less of {} is better; write {}", name, how));
  return info.better == Better::lower;
}

/// `how`: a side is written.
FigureBound bound_of(const std::string& name, Side side, std::string_view how, const Quantity& quantity) {
  const auto info = figure_info(name);
  if (!info) fail(text::format("nothing is known of \"{}\"", name));
  return {name, value_of(quantity, name, *info), is_at_most(side, how, name, *info)};
}

/// A bound as it is written.
struct Written {
  std::string_view figure, sign, value;
};

constexpr std::string_view kSigns[] = {"<=", ">=", "=", "\u2264", "\u2265", "<", ">"};

Written take_apart(std::string_view bound) {
  Written found;
  std::size_t first = bound.size();
  for (const std::string_view sign : kSigns) {
    const std::size_t at = bound.find(sign);
    if (at >= first) continue;
    first = at;
    found = {text::trimmed(bound.substr(0, at)), sign, bound.substr(at + sign.size())};
  }
  if (found.figure.empty())
    fail("expected a figure and its bound, such as llm.ttft_p95=500ms or success_rate>=99%");
  return found;
}

Side side_of(std::string_view sign) {
  if (sign == "=") return Side::worse;
  return sign.front() == '<' || sign == "\u2264" ? Side::at_most : Side::at_least;
}

/// A unit that names of figures end with, and how a value with one and without one looks.
struct NamedUnit {
  const char *suffix, *unit, *with_unit, *plain;
};
constexpr NamedUnit kNamedUnits[] = {{"_s", "seconds", "500ms", "0.5"}, {"_bytes", "bytes", "40GB", "40e9"}};

// Of a figure whose name lacks the unit that ends it, which the value then has to have; `sign`: none in documents.
void check_unit(std::string_view figure, std::string_view unit, std::string_view sign,
                const FigureNames& known) {
  if (is_known(figure, known)) return;
  const std::string name(figure);
  for (const NamedUnit& named : kNamedUnits) {
    const auto& [suffix, unit_name, some, number] = named;
    if (!is_known(name + suffix, known) || suffix_of(unit) == suffix) continue;
    const std::string full = known.names[resolve(name + suffix, known)];
    if (!unit.empty())
      fail(text::format("{} takes {}, found \"{}\"", full, legal_units(*figure_info(full)), unit));
    if (sign.empty())
      fail(text::format(R"(expected a unit, as in "{}"; or {}, as in "{}{}": {})", some, unit_name, figure,
                        suffix, number));
    fail(text::format("expected a unit, as in {}{}{}; or {}, as in {}{}{}{}", figure, sign, some, unit_name,
                      figure, suffix, sign, number));
  }
}

void check_single(const Quantity& quantity) {
  if (quantity.unit.find_first_of("=<>") != std::string_view::npos)
    fail("expected one bound; write the others by themselves, as in --slo A=1s --slo B=2s");
}

constexpr std::string_view kInDocuments = R"({"at_most": ...} or {"at_least": ...})";

}  // namespace

FigureBound read_bound(const FigureNames& known, std::string_view figure, Side side, double value) {
  check_unit(figure, "", "", known);
  return bound_of(known.names[resolve(figure, known)], side, kInDocuments, {value, {}});
}

FigureBound read_bound(const FigureNames& known, std::string_view figure, Side side, std::string_view value) {
  const Quantity quantity = quantity_of(value, R"(a number, or one with a unit such as "500ms")");
  check_unit(figure, quantity.unit, "", known);
  const std::string& name = known.names[resolve(figure, known, suffix_of(quantity.unit))];
  return bound_of(name, side, kInDocuments, quantity);
}

FigureBound parse_bound(const Summary& summary, std::string_view text) {
  return parse_bound(figure_names(summary), text, summary.only_pipeline);
}

FigureBound parse_bound(std::span<const std::string> names, std::string_view text,
                        std::string_view only_pipeline) {
  const auto told = [&](auto&& read) {
    try {
      return read();
    } catch (const FigureError& error) {
      throw FigureError("", text::format("bound \"{}\": {}", text, error.what()));
    }
  };
  const Written written = told([&] { return take_apart(text); });
  const Quantity quantity =
      told([&] { return quantity_of(written.value, text::format("a number after {}", written.sign)); });
  told([&] {
    check_single(quantity);
    check_unit(written.figure, quantity.unit, written.sign, {names, only_pipeline});
  });
  const std::string& name = names[resolve(written.figure, {names, only_pipeline}, suffix_of(quantity.unit))];
  return told([&] { return bound_of(name, side_of(written.sign), "<= or >=", quantity); });
}

}  // namespace gpushare
