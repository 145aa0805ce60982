#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/trace_columns.hpp"
#include "traces/trace_json.hpp"

namespace gpushare {

/// A member of an object whose name has a role.
struct TraceMember {
  enum class Kind : std::uint8_t { absent, number, string, other };
  Kind kind = Kind::absent;
  std::string_view name;
  std::string_view text;  ///< of the number or string; for messages otherwise
  TraceColumn column;
};

/// The known members of an object; what is not known only has to be correct JSON. Views into the scanner's text.
struct TraceObject {
  std::array<TraceMember, kTraceRoles> members{};
  std::vector<std::string_view> names;
  std::vector<std::int64_t> hash_ids;
  bool has_hash_ids = false;
  std::vector<TraceObject> requests;  ///< turns of a session
  std::string problem;                ///< what is wrong with it beyond its syntax

  [[nodiscard]] const TraceMember& operator[](TraceRole role) const {
    return members[static_cast<std::size_t>(role)];
  }
  [[nodiscard]] bool has(TraceRole role) const { return (*this)[role].kind != TraceMember::Kind::absent; }
  void clear();
};

/// Reads objects one after another; remembers the meaning of names, which seldom change from line to line.
class TraceObjectReader {
 public:
  /// False when the text is not a JSON object; then is_json() of it may still hold.
  [[nodiscard]] bool read(JsonScanner& json, TraceObject& object, bool nested = false);

 private:
  struct Meaning {
    std::string name;
    TraceColumn column;
  };
  [[nodiscard]] TraceColumn meaning(std::string_view name, std::size_t place);
  void read_member(JsonScanner& json, TraceObject& object, TraceMember& member, bool nested);
  void read_requests(JsonScanner& json, TraceObject& object, TraceMember& member, bool nested);

  std::vector<Meaning> meanings_;  // by place in the object
};

}  // namespace gpushare
