#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gpushare {

using FieldValue = std::variant<bool, std::int64_t, double>;

/// A member that a document states by name: an option of an engine, a figure of a model.
struct FieldInfo {
  /// `other`: a text, a list or an object, which the document's schema describes by itself.
  enum class Type : std::uint8_t { other, boolean, integer, number };
  /// Whether a data file in which every figure has a source (an engine preset, a model) states it.
  enum class InFile : std::uint8_t { never, may, must };

  std::string_view name;  ///< with its unit
  Type type = Type::other;
  std::string_view description;             ///< in the words of the schema; may be empty
  std::optional<double> minimum, maximum;   ///< of a legal number
  bool minimum_excluded = false;            ///< a legal number is more than `minimum`
  std::optional<FieldValue> default_value;  ///< what counts where it is absent, if that could be stated
  InFile in_file = InFile::never;
};

/// A kind of engine or of model, and what documents state of it.
struct KindInfo {
  std::string_view name;         ///< as documents have it in "kind"
  std::string_view description;  ///< in the words of the schema
  std::vector<FieldInfo> fields;
  bool sourced = false;  ///< in its file every plain value comes with its source
};

/// Members of such documents by name.
using FieldValues = std::vector<std::pair<std::string_view, FieldValue>>;

}  // namespace gpushare
