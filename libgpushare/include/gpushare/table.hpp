#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// A column of a result table: one of three types, all rows present.
struct Column {
  enum class Type : std::uint8_t { float64, int64, category };
  std::string name;
  Type type = Type::float64;
  std::vector<double> numbers;         ///< float64; NaN where there is no value
  std::vector<std::int64_t> integers;  ///< int64
  std::vector<std::int32_t> codes;     ///< category: index into `categories`
  std::vector<std::string> categories;

  [[nodiscard]] std::size_t size() const;
};

/// Columns of equal length.
struct Table {
  std::string name;
  std::vector<Column> columns;
  [[nodiscard]] std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  [[nodiscard]] const Column* find(std::string_view column) const;
};

}  // namespace gpushare
