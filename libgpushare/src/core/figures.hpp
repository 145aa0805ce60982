#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_reader.hpp"
#include "gpushare/provenance.hpp"

namespace gpushare::json {

/// A section of a data file whose numbers are figures, {"value", "source", "grade"}: reads them and keeps where
/// each comes from. Grades are vendor, measured, derived and assumed; a bare number is a figure that is assumed.
class Figures {
 public:
  /// `provenance` receives an entry for each figure read and must outlive this; `pointer` precedes their keys.
  Figures(Reader reader, std::string pointer, std::vector<ProvenanceEntry>& provenance);

  [[nodiscard]] double number(std::string_view key, Range range = kNonNegative);  ///< required
  [[nodiscard]] double number(std::string_view key, double otherwise,
                              Range range = kNonNegative);  ///< optional
  /// Required.
  [[nodiscard]] int integer(std::string_view key, std::int64_t min,
                            std::int64_t max = std::numeric_limits<int>::max());
  [[nodiscard]] bool boolean(std::string_view key);  ///< required

  [[nodiscard]] Reader value(std::string_view key);  ///< required; of any type
  /// Keeps where something else with a source and a grade comes from; `below` is its pointer from here.
  void keep(const Reader& sourced, std::string_view below, std::string value);

  [[nodiscard]] Figures section(std::string_view key);  ///< required member that holds figures itself
  [[nodiscard]] Figures section(std::size_t index);     ///< element of an array of such sections
  [[nodiscard]] const Reader& reader() const { return reader_; }

 private:
  Reader reader_;
  std::string pointer_;
  std::vector<ProvenanceEntry>* provenance_;
};

}  // namespace gpushare::json
