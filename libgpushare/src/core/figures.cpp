#include "core/figures.hpp"
#include "core/text.hpp"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpushare::json {

Figures::Figures(Reader reader, std::string pointer, std::vector<ProvenanceEntry>& provenance)
    : reader_(std::move(reader)), pointer_(std::move(pointer)), provenance_(&provenance) {}

Reader Figures::value(std::string_view key) {
  static constexpr std::array<std::string_view, 4> kGrades{"vendor", "measured", "derived", "assumed"};
  const Reader figure = reader_.at(key);
  Reader value = figure.at("value");
  const Reader source = figure.at("source");
  ProvenanceEntry entry{text::format("{}/{}", pointer_, key), value.raw().dump(), source.string(), {}};
  if (entry.source.empty()) source.fail("expected a text that is not empty");
  entry.grade = kGrades.at(figure.at("grade").choice({kGrades[0], kGrades[1], kGrades[2], kGrades[3]}));
  figure.finish();
  provenance_->push_back(std::move(entry));
  return value;
}

double Figures::number(std::string_view key, Range range) { return value(key).number(range); }

double Figures::number(std::string_view key, double otherwise, Range range) {
  return reader_.has(key) ? value(key).number(range) : otherwise;
}

int Figures::integer(std::string_view key, int min) {
  return static_cast<int>(value(key).integer(min, std::numeric_limits<int>::max()));
}

bool Figures::boolean(std::string_view key) { return value(key).boolean(); }

Figures Figures::section(std::string_view key) {
  return {reader_.at(key), text::format("{}/{}", pointer_, key), *provenance_};
}

Figures Figures::section(std::size_t index) {
  return {reader_.at(index), text::format("{}/{}", pointer_, index), *provenance_};
}

}  // namespace gpushare::json
