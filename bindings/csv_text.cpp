// Rows as RFC 4180 has them, numbers as Python writes them: the fewest digits that read back as the same number.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "handles.hpp"

namespace gpushare::python {

namespace {

constexpr std::size_t kLongestNumber = 32;

template <class Number, class... Format>
void add_digits(std::string& text, Number number, Format... format) {
  std::array<char, kLongestNumber> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, format...).ptr;
  text.append(digits.data(), end);
}

void add_number(std::string& text, double number) {
  if (std::isnan(number)) return;
  if (number == std::trunc(number) && std::abs(number) < 1e15) {
    if (number == 0 && std::signbit(number)) text += '-';
    add_digits(text, static_cast<std::int64_t>(number));
    text += ".0";
    return;
  }
  const bool plain = std::abs(number) >= 1e-4 && std::abs(number) < 1e16;
  const std::size_t before = text.size();
  add_digits(text, number, plain ? std::chars_format::fixed : std::chars_format::scientific);
  if (plain && text.find('.', before) == std::string::npos) text += ".0";
}

/// Quoted where it would be read as something else; `alone` is the only one of its row, which must not be empty.
void add_word(std::string& text, const std::string& word, bool alone) {
  if (word.find_first_of(",\"\r\n") == std::string::npos && !(alone && word.empty())) {
    text += word;
    return;
  }
  text += '"';
  for (const char c : word) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

void add_cell(std::string& text, const Column& column, std::size_t row, bool alone) {
  switch (column.type) {
    case Column::Type::float64:
      if (alone && std::isnan(column.numbers[row])) return add_word(text, "", alone);
      return add_number(text, column.numbers[row]);
    case Column::Type::int64:
      return add_digits(text, column.integers[row]);
    case Column::Type::category:
      return add_word(text, column.categories[static_cast<std::size_t>(column.codes[row])], alone);
  }
}

}  // namespace

std::string csv_header(const Table& table) {
  std::string text;
  for (const Column& column : table.columns) {
    if (&column != &table.columns.front()) text += ',';
    add_word(text, column.name, table.columns.size() == 1);
  }
  return text + '\n';
}

std::string csv_rows(const Table& table, std::size_t begin, std::size_t end) {
  std::string text;
  const bool alone = table.columns.size() == 1;
  for (std::size_t row = begin; row < std::min(end, table.rows()); ++row) {
    for (const Column& column : table.columns) {
      if (&column != &table.columns.front()) text += ',';
      add_cell(text, column, row, alone);
    }
    text += '\n';
  }
  return text;
}

}  // namespace gpushare::python
