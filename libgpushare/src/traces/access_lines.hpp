#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/trace_formats.hpp"

namespace gpushare {

/// A request as a line of an access log tells it; views into the line, and into what took it apart.
struct AccessLine {
  std::string_view at;  ///< as written; of GIN's and W3C's lines as ISO 8601, UTC
  std::string_view method;
  std::string_view path;
  std::string_view status;       ///< a whole number
  std::optional<double> took_s;  ///< where the line says it
};

/// Takes the lines of an access log apart, one after the other.
class AccessLines {
 public:
  explicit AccessLines(const TraceAccessLog& rules) : rules_(rules) {}
  /// Nothing where a line is no request.
  [[nodiscard]] std::optional<AccessLine> read(std::string_view text);

 private:
  [[nodiscard]] std::optional<AccessLine> bracketed(std::string_view text) const;
  [[nodiscard]] std::optional<AccessLine> gin(std::string_view text);
  [[nodiscard]] std::optional<AccessLine> w3c(std::string_view text);
  void name_fields(std::string_view names);
  [[nodiscard]] std::string_view dated(std::string_view day, std::string_view clock);

  TraceAccessLog rules_;
  std::string at_;
  /// Of W3C: which member of a request each field is.
  enum class Member { other, day, clock, method, path, status, took };
  std::vector<Member> fields_;
};

}  // namespace gpushare
