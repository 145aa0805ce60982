#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/given_columns.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_json.hpp"

namespace gpushare {

/// A member of an object whose name has a role.
struct TraceMember {
  enum class Kind : std::uint8_t { absent, number, string, other };
  Kind kind = Kind::absent;
  std::string_view name;  ///< a path where it is inside other members
  std::string_view text;  ///< of the number or string; for messages otherwise
  TraceColumn column;
  [[nodiscard]] bool is_null() const { return kind == Kind::other && text == "null"; }
};

/// The known members of an object; what is not known only has to be correct JSON. Views into the scanner's text.
struct TraceObject {
  std::array<TraceMember, kTraceRoles> members{};
  std::vector<std::string_view> names;
  std::vector<std::int64_t> hash_ids;
  bool has_hash_ids = false;
  std::vector<TraceObject> requests;  ///< turns of a session
  std::deque<std::string> paths;      ///< of members inside others; a deque does not move them
  bool says_error = false;            ///< a member "error" that is not null, false or empty
  bool at_end = false;                ///< the arrival is told by the end of the request
  std::string problem;                ///< what is wrong with it beyond its syntax

  [[nodiscard]] const TraceMember& operator[](TraceRole role) const {
    return members[static_cast<std::size_t>(role)];
  }
  [[nodiscard]] bool has(TraceRole role) const { return (*this)[role].kind != TraceMember::Kind::absent; }
  /// Counts of input that come on top of `input`, see leaves_out_cached.
  [[nodiscard]] std::vector<TraceRole> cached_beside_input() const;
  /// Of the input with the counts beside it, "usage.input_tokens+usage.cache_read_input_tokens"; of what is the rest of
  /// all tokens, "total_tokens-prompt_tokens"; empty where nothing says it.
  [[nodiscard]] std::string name_of(TraceRole role) const;
  /// A day is the arrival where nothing else is; a clock beside it gets it.
  void take_day();
  /// The end is the arrival where nothing else is.
  void take_end();
  /// Whether input or output is what the other one leaves of all tokens.
  [[nodiscard]] bool is_rest(TraceRole role) const;
  void clear();
};

/// Reads objects one after another; remembers the meaning of names, which seldom change from line to line.
class TraceObjectReader {
 public:
  explicit TraceObjectReader(const GivenColumns& given) : given_(given) {}

  /// False when the text is not a JSON object; then is_json() of it may still hold.
  [[nodiscard]] bool read(JsonScanner& json, TraceObject& object, bool nested = false);

 private:
  struct Meaning {
    std::string path;
    TraceColumn column;
  };
  [[nodiscard]] TraceColumn meaning(std::string_view path);
  [[nodiscard]] bool read_members(JsonScanner& json, TraceObject& object, bool nested);
  void read_member(JsonScanner& json, TraceObject& object, TraceMember& member, bool nested);
  void read_inner(JsonScanner& json, TraceObject& object, int depth);
  void take_inner(JsonScanner& json, TraceObject& object, const TraceColumn& column);
  void read_requests(JsonScanner& json, TraceObject& object, TraceMember& member, bool nested);

  const GivenColumns& given_;
  std::vector<Meaning> meanings_;  // by place in the line
  std::size_t place_ = 0;
  std::string path_;  // of the member in hand
};

}  // namespace gpushare
