#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gpushare {

/// A member's value as it is written: a string without its quotes and escapes, or a number, which is one of JSON.
struct JsonLeaf {
  enum class Kind : std::uint8_t { absent, text, number, yes, no, null };
  Kind kind = Kind::absent;
  std::string_view text;
};

/// What a member is wanted for: a number from 0 on, the same for members that stand for each other; -1 for nothing.
/// `path` has its name behind those of the objects around it.
using WantedMember = std::function<int(std::span<const std::string> path)>;

/// Takes the wanted members out of rows of JSON and passes over all others, as quickly as rows are like one another.
///
/// Of members that are wanted for the same the outermost counts, and of those the first. A row is left to a reader of all
/// JSON where it is no strict JSON object, names a member twice, holds a wanted list, or nests more than 16 deep.
class JsonRows {
 public:
  explicit JsonRows(WantedMember wanted) : wanted_(std::move(wanted)) {}

  /// Calls for every row of a text, which is a list of objects or has one a line: with its leaves by what they are wanted
  /// for, or with none and the row's text where it is left. Valid until the call ends. False where a list is not read to
  /// its end; what was told of it then does not count.
  bool read(std::string_view text,
            const std::function<void(std::span<const JsonLeaf>, std::string_view)>& tell);

 private:
  struct Place {
    std::vector<std::string> path;
    int wanted = -1;
  };
  class Row;

  WantedMember wanted_;
  std::vector<Place> places_;  // of members in the last row, in their order
  bool distinct_ = false;      // no two of them have the same path
  std::vector<JsonLeaf> leaves_;
  std::vector<std::size_t> depths_;  // of the leaves
};

/// A member of an object: its name, its value as it is written, and whether that is a list of objects.
struct JsonMember {
  std::string name;
  std::string_view text;
  bool lists_objects = false;
};
/// The members of a JSON object; nothing where the text is no strict JSON of one, or two have the same name.
[[nodiscard]] std::optional<std::vector<JsonMember>> json_members(std::string_view text);

/// Rows as JSON lines, from the names of their columns and lists of their values, both lists of JSON. Nothing where they
/// are anything else, a row has not as many values as there are names, or two names are the same.
[[nodiscard]] std::optional<std::string> lines_of_rows(std::string_view names, std::string_view rows);

/// The rows of columns as JSON lines: an object of lists, or of objects whose names count from 0. Nothing where it is
/// anything else, columns differ in length, or two have the same name.
[[nodiscard]] std::optional<std::string> lines_of_columns(std::string_view text);

/// The spans of OpenTelemetry in a JSON document, or one that is a span, as JSON lines: the members that end with UnixNano,
/// and the attributes with plain values by their names. Spans that say nothing of input_tokens or prompt_tokens are left
/// out. Nothing where the document is anything else than strict JSON of them.
[[nodiscard]] std::optional<std::vector<std::string>> lines_of_spans(std::string_view text);

}  // namespace gpushare
