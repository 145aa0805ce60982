#include "traces/trace_object.hpp"

#include "core/text.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

/// Null is no value: another member may have one.
bool taken(const TraceMember& member) {
  return member.kind != TraceMember::Kind::absent && !member.is_null();
}

}  // namespace

void TraceObject::clear() {
  members.fill({});
  names.clear();
  hash_ids.clear();
  has_hash_ids = false;
  requests.clear();
  problem.clear();
  paths.clear();
  says_error = false;
  at_end = false;
}

std::vector<TraceRole> TraceObject::cached_beside_input() const {
  std::vector<TraceRole> found;
  for (const TraceRole role : kCachedRoles)
    if (taken(members[static_cast<std::size_t>(role)]) && leaves_out_cached((*this)[TraceRole::input].name))
      found.push_back(role);
  return found;
}

std::string TraceObject::name_of(TraceRole role) const {
  if (is_rest(role)) {
    return text::format("{}-{}", (*this)[TraceRole::total].name, name_of(other_length(role)));
  }
  std::string name((*this)[role].name);
  if (role != TraceRole::input) return name;
  for (const TraceRole cached : cached_beside_input()) name += text::format("+{}", (*this)[cached].name);
  return name;
}

void TraceObject::take_day() {
  const TraceMember& day = (*this)[TraceRole::day];
  if (!taken(day)) return;
  TraceMember& arrival = members[static_cast<std::size_t>(TraceRole::arrival)];
  if (!taken(arrival)) {
    arrival = day;
    arrival.column = {TraceRole::arrival, 1, false, 2};
  } else if (arrival.kind == TraceMember::Kind::string && scan_span(arrival.text)) {
    arrival.text = paths.emplace_back(text::format("{} {}", day.text, arrival.text));
  }
}

void TraceObject::take_end() {
  TraceMember& arrival = members[static_cast<std::size_t>(TraceRole::arrival)];
  if (taken(arrival) || !taken((*this)[TraceRole::ended])) return;
  arrival = (*this)[TraceRole::ended];
  arrival.column.role = TraceRole::arrival;
  arrival.column.rank = kRecordOfLog;
  at_end = true;
}

bool TraceObject::is_rest(TraceRole role) const {
  const bool tokens = role == TraceRole::input || role == TraceRole::output;
  return tokens && !has(role) && taken((*this)[other_length(role)]) && taken((*this)[TraceRole::total]);
}

TraceColumn TraceObjectReader::meaning(std::string_view path) {
  constexpr std::size_t kRemembered = 256;
  if (place_ >= kRemembered) return given_.meaning(path);
  if (place_ >= meanings_.size()) meanings_.resize(place_ + 1);
  Meaning& remembered = meanings_[place_++];
  if (remembered.path != path) remembered = {std::string(path), given_.meaning(path)};
  return remembered.column;
}

bool TraceObjectReader::read(JsonScanner& json, TraceObject& object, bool nested) {
  object.clear();
  if (!nested) place_ = 0;
  if (json.peek() != '{' || !read_members(json, object, nested)) return false;
  object.take_day();
  object.take_end();
  return true;
}

bool TraceObjectReader::read_members(JsonScanner& json, TraceObject& object, bool nested) {
  for (bool more = json.open('{'); more; more = json.next('{')) {
    const std::string_view name = json.key();
    if (json.broken()) return false;
    const TraceColumn column = meaning(name);
    object.names.push_back(name);
    TraceMember& member = object.members[static_cast<std::size_t>(column.role)];
    if (column.role == TraceRole::other) {
      const char c = json.peek();
      object.says_error = object.says_error || (name == "error" && (c == '{' || c == '['));
      if (c == '{' && !nested) {
        path_.assign(name);
        read_inner(json, object, 1);
      } else {
        json.skip();
      }
      continue;
    }
    if (taken(member) && (member.column.rank < column.rank || json.peek() == 'n')) {
      json.skip();
      continue;
    }
    if (taken(member) && may_repeat(column.role)) {
      json.skip();
      continue;
    }
    if (taken(member) && member.column.rank == column.rank && object.problem.empty()) {
      object.problem = text::format("members {} and {} both name {}; keep one of them", shown(member.name),
                                    shown(name), role_name(column.role));
    }
    member.name = name;
    member.column = column;
    read_member(json, object, member, nested);
  }
  return !json.broken();
}

// Members of members, to a depth that no format exceeds; {"value": 7, "unit": "tokens"} is what its own name says.
void TraceObjectReader::read_inner(JsonScanner& json, TraceObject& object, int depth) {
  constexpr int kDeepest = 4;
  if (depth > kDeepest) return json.skip();
  const std::size_t outer = path_.size();
  for (bool more = json.open('{'); more; more = json.next('{')) {
    const std::string_view name = json.key();
    if (json.broken()) return;
    path_.resize(outer);
    if (name != "value") path_.append(".").append(name);
    TraceColumn column = meaning(path_);
    const bool wanted = column.role == TraceRole::arrival || column.role == TraceRole::input ||
                        column.role == TraceRole::output || column.role == TraceRole::cache_read ||
                        column.role == TraceRole::cache_written || may_repeat(column.role) ||
                        !given_[column.role].name.empty();
    if (json.peek() == '{') {
      read_inner(json, object, depth + 1);
    } else if (wanted) {
      column.rank += kRanksOfADepth * depth;
      take_inner(json, object, column);
    } else {
      json.skip();
    }
  }
  path_.resize(outer);
}

void TraceObjectReader::take_inner(JsonScanner& json, TraceObject& object, const TraceColumn& column) {
  TraceMember& member = object.members[static_cast<std::size_t>(column.role)];
  if (taken(member) && (member.column.rank < column.rank || json.peek() == 'n' || may_repeat(column.role)))
    return json.skip();
  const std::string& path = object.paths.emplace_back(path_);
  if (taken(member) && member.column.rank == column.rank && object.problem.empty()) {
    object.problem =
        text::format("members {} and {} both name {}; say which one counts with columns (--columns)",
                     shown(member.name), shown(path), role_name(column.role));
  }
  member.name = path;
  member.column = column;
  read_member(json, object, member, true);
}

void TraceObjectReader::read_member(JsonScanner& json, TraceObject& object, TraceMember& member,
                                    bool nested) {
  const char c = json.peek();
  if (c == '"') {
    member.kind = TraceMember::Kind::string;
    member.text = json.string();
  } else if (c == '-' || (c >= '0' && c <= '9')) {
    member.kind = TraceMember::Kind::number;
    member.text = json.number();
  } else if (c == '[' && member.column.role == TraceRole::requests) {
    read_requests(json, object, member, nested);
  } else {
    member.kind = TraceMember::Kind::other;
    member.text = c == '[' ? "[...]" : c == '{' ? "{...}" : c == 't' ? "true" : c == 'f' ? "false" : "null";
    object.has_hash_ids = member.column.role == TraceRole::hash_ids && json.integers(object.hash_ids);
    if (member.column.role == TraceRole::hash_ids && object.has_hash_ids) return;
    json.skip();
  }
}

void TraceObjectReader::read_requests(JsonScanner& json, TraceObject& object, TraceMember& member,
                                      bool nested) {
  member.kind = TraceMember::Kind::other;
  member.text = "[...]";
  if (nested) return json.skip();
  for (bool more = json.open('['); more; more = json.next('[')) {
    TraceObject& request = object.requests.emplace_back();
    if (read(json, request, true)) continue;
    if (object.problem.empty())
      object.problem = text::format("member {}: expected {}", shown(member.name), "an array of objects");
    json.skip();
  }
}

}  // namespace gpushare
