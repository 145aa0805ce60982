#include "core/fields.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gpushare::fields {
namespace {

std::int64_t bound(double value) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (std::isfinite(value)) return static_cast<std::int64_t>(value);
  return value < 0 ? Limits::min() : Limits::max();
}

bool is_legal(double value, const json::Range& range) {
  return value <= range.max && (range.min_open ? value > range.min : value >= range.min);
}

}  // namespace

void read(const json::Reader& value, const json::Range&, bool& into) { into = value.boolean(); }

void read(const json::Reader& value, const json::Range& range, int& into) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  into = static_cast<int>(value.integer(bound(range.min), std::min(bound(range.max), kMost)));
}

void read(const json::Reader& value, const json::Range& range, std::int64_t& into) {
  into = value.integer(bound(range.min), bound(range.max));
}

void read(const json::Reader& value, const json::Range& range, double& into) { into = value.number(range); }

FieldInfo info(std::string_view name, const json::Range& range, FieldInfo::InFile in_file,
               std::string_view description, const std::optional<FieldValue>& otherwise) {
  FieldInfo stated;
  stated.name = name;
  stated.description = description;
  stated.in_file = in_file;
  if (!otherwise) return stated;
  stated.type = std::visit(overloaded{[](bool) { return FieldInfo::Type::boolean; },
                                      [](std::int64_t) { return FieldInfo::Type::integer; },
                                      [](double) { return FieldInfo::Type::number; }},
                           *otherwise);
  if (std::isfinite(range.min)) stated.minimum = range.min;
  if (std::isfinite(range.max)) stated.maximum = range.max;
  stated.minimum_excluded = range.min_open;
  const bool legal =
      std::visit([&](auto value) { return is_legal(static_cast<double>(value), range); }, *otherwise);
  if (legal) stated.default_value = otherwise;
  return stated;
}

}  // namespace gpushare::fields
