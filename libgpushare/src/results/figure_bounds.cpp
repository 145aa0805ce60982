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
    {"ms", Kind::time, 1e-3},
    {"s", Kind::time, 1},
    {"min", Kind::time, 60},
    {"h", Kind::time, 3600},
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

/// A bound as it is written.
struct Written {
  std::string_view figure, sign, unit;
  double number = 0;
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

[[noreturn]] void fail(std::string_view bound, const std::string& what) {
  throw FigureError("", text::format("bound \"{}\": {}", bound, what));
}

Written take_apart(std::string_view bound) {
  const std::size_t equals = bound.find('=');
  if (equals == 0 || equals == std::string_view::npos)
    fail(bound, "expected a figure and its bound, such as llm.ttft_p95=500ms or success_rate>=99%");
  const bool two = bound[equals - 1] == '<' || bound[equals - 1] == '>';
  Written written;
  written.figure = trimmed(bound.substr(0, two ? equals - 1 : equals));
  written.sign = two ? bound.substr(equals - 1, 2) : bound.substr(equals, 1);
  std::string_view rest = trimmed(bound.substr(equals + 1));
  const bool dollars = rest.starts_with('$');
  if (dollars) rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), written.number);
  if (error != std::errc{} || !std::isfinite(written.number))
    fail(bound, text::format("expected a number after {}, found \"{}\"", written.sign, rest));
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  written.unit = dollars && rest.empty() ? "$" : trimmed(rest);
  return written;
}

std::string legal_units(const FigureInfo& info) {
  std::vector<std::string_view> legal;
  for (const Unit& unit : kUnits)
    if (unit.kind == info.kind) legal.push_back(unit.name);
  if (legal.empty()) return "a plain number";
  return "a plain number or one with " + text::join(legal, ", ");
}

// "tok/s" of a figure in tokens/s is "/s".
std::string_view without_counted(std::string_view unit, const FigureInfo& info) {
  const std::size_t slash = unit.find('/');
  if (info.kind != Kind::rate || slash == std::string_view::npos) return unit;
  return info.unit.starts_with(unit.substr(0, slash)) ? unit.substr(slash) : unit;
}

const Unit* unit_of(std::string_view name, Kind kind) {
  for (const Unit& unit : kUnits)
    if (unit.name == name && unit.kind == kind) return &unit;
  return nullptr;
}

// What the name of a figure in this unit ends with.
std::string_view suffix_of(std::string_view unit) {
  if (unit_of(unit, Kind::time) != nullptr) return "_s";
  return unit_of(unit, Kind::bytes) != nullptr ? "_bytes" : "";
}

double value_of(const Written& written, std::string_view bound, const std::string& name,
                const FigureInfo& info) {
  double factor = 1;
  if (!written.unit.empty()) {
    const Unit* unit = unit_of(without_counted(written.unit, info), info.kind);
    if (unit == nullptr)
      fail(bound, text::format("{} takes {}, found \"{}\"", name, legal_units(info), written.unit));
    factor = unit->factor;
  }
  const double value = factor < 1 ? written.number / std::round(1 / factor) : written.number * factor;
  if (info.kind == Kind::share && value > 1)
    fail(bound, text::format("{} is a share of 1; found {}", name, value));
  return value;
}

bool at_most(std::string_view sign, std::string_view bound, const std::string& name, const FigureInfo& info) {
  if (sign == "<=") return true;
  if (sign == ">=") return false;
  if (info.better == Better::neither)
    fail(bound, text::format("neither more nor less of {} is better; write <= or >=", name));
  return info.better == Better::lower;
}

}  // namespace

FigureBound parse_bound(const Summary& summary, std::string_view text) {
  return parse_bound(figure_names(summary), text, summary.only_pipeline);
}

FigureBound parse_bound(std::span<const std::string> names, std::string_view text,
                        std::string_view only_pipeline) {
  const Written written = take_apart(text);
  const std::string& name = names[resolve(written.figure, {names, only_pipeline}, suffix_of(written.unit))];
  const auto info = figure_info(name);
  if (!info) fail(text, text::format("nothing is known of \"{}\"", name));
  return {name, value_of(written, text, name, *info), at_most(written.sign, text, name, *info)};
}

}  // namespace gpushare
