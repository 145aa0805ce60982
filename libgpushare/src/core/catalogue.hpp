#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_reader.hpp"

/// Data files by name or by path, and how a name that is not known is refused.
namespace gpushare {

/// Whether it is the path of a file and not a name: it has a slash or ends as a document does.
[[nodiscard]] bool is_path(std::string_view reference);

/// "; did you mean "tts"?" when a known name is near, otherwise `otherwise`.
[[nodiscard]] std::string did_you_mean(std::string_view name, const std::vector<std::string>& known,
                                       std::string_view otherwise = {});
/// "unknown service "tts2"; did you mean "tts"? Known: asr, tts".
[[nodiscard]] std::string unknown_name(std::string_view what, std::string_view name,
                                       const std::vector<std::string>& known);
/// "unknown trace format "cvs"; did you mean "csv"? Known formats: csv, jsonl"; `shown` is the name as it is quoted.
[[nodiscard]] std::string unknown_option(std::string_view what, std::string_view name,
                                         const std::string& shown, const std::vector<std::string>& known);

/// A folder of data files that are compiled into the library.
struct Catalogue {
  std::string_view folder;  ///< "models"
  std::string_view what;    ///< of its files: "model"
  /// Its files are versions of products: another version may be meant by a name, and another product never is.
  bool versions = false;

  /// Ascending; its schema is none of them.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// The name of the file that is meant by a name, a product's string or a repository's id (core/names.hpp).
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  /// Of a name that it has.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  /// What errors call a file: its path, or "models/llama-3.1-8b.json" for a name.
  [[nodiscard]] std::string source(std::string_view name_or_path) const;

  /// Of more than ten names those that are most like it in letters are shown.
  /// "no model is called "x"; did you mean "y"?; known: y, z; or give the path of a .json or .yaml file": of what a caller asks for.
  [[nodiscard]] std::string no_such(std::string_view name) const;
  /// "unknown model "x"; did you mean "y"? Known: y, z; or give the path of a .json file": of what a document says.
  [[nodiscard]] std::string unknown(std::string_view name) const;
  /// The path that a document has there, or the name that is meant; what does not exist fails at the reader.
  [[nodiscard]] std::string named_by(const json::Reader& reader) const;

  /// "; did you mean "y"?", or which model in which format is meant.
  [[nodiscard]] std::string hint(std::string_view name) const;

  /// By name or path. `thrower` is told what cannot be found or read.
  [[nodiscard]] nlohmann::json load(const std::string& name_or_path, const json::Thrower& thrower) const;
};

}  // namespace gpushare
