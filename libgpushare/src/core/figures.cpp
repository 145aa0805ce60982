#include "core/figures.hpp"
#include "core/text.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpushare::json {

Figures::Figures(Reader reader, std::string pointer, std::vector<ProvenanceEntry>& provenance)
    : reader_(std::move(reader)), pointer_(std::move(pointer)), provenance_(&provenance) {}

namespace {

constexpr std::array<std::string_view, 4> kGrades{"vendor", "measured", "derived", "assumed"};
constexpr std::string_view kAssumed = kGrades[3];
constexpr std::string_view kBare = "a bare number in the file: no source is given";

}  // namespace

Reader Figures::value(std::string_view key) {
  Reader figure = reader_.at(key);
  if (figure.is_number()) {
    provenance_->push_back({text::format("{}/{}", pointer_, key), figure.raw().dump(), std::string(kBare),
                            std::string(kAssumed)});
    return figure;
  }
  Reader value = figure.at("value");
  keep(figure, key, value.raw().dump());
  figure.finish();
  return value;
}

void Figures::keep(const Reader& sourced, std::string_view below, std::string value) {
  const Reader source = sourced.at("source");
  ProvenanceEntry entry{text::format("{}/{}", pointer_, below), std::move(value), source.string(), {}};
  if (entry.source.empty()) source.fail("expected a text that is not empty");
  entry.grade = kGrades.at(sourced.choice("grade", kGrades));
  provenance_->push_back(std::move(entry));
}

double Figures::number(std::string_view key, Range range) { return value(key).number(range); }

double Figures::number(std::string_view key, double otherwise, Range range) {
  return reader_.has(key) ? value(key).number(range) : otherwise;
}

int Figures::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  return static_cast<int>(value(key).integer(min, max));
}

bool Figures::boolean(std::string_view key) { return value(key).boolean(); }

Figures Figures::section(std::string_view key) {
  return {reader_.at(key), text::format("{}/{}", pointer_, key), *provenance_};
}

Figures Figures::section(std::size_t index) {
  return {reader_.at(index), text::format("{}/{}", pointer_, index), *provenance_};
}

}  // namespace gpushare::json
