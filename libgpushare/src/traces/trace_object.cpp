#include "traces/trace_object.hpp"
#include "core/text.hpp"

namespace gpushare {

void TraceObject::clear() {
  members.fill({});
  names.clear();
  hash_ids.clear();
  has_hash_ids = false;
  requests.clear();
  problem.clear();
}

TraceColumn TraceObjectReader::meaning(std::string_view name, std::size_t place) {
  constexpr std::size_t kRemembered = 64;
  if (place >= kRemembered) return trace_column(name);
  if (place >= meanings_.size()) meanings_.resize(place + 1);
  Meaning& remembered = meanings_[place];
  if (remembered.name != name) remembered = {std::string(name), trace_column(name)};
  return remembered.column;
}

bool TraceObjectReader::read(JsonScanner& json, TraceObject& object, bool nested) {
  object.clear();
  if (json.peek() != '{') return false;
  for (bool more = json.open('{'); more; more = json.next('{')) {
    const std::string_view name = json.key();
    if (json.broken()) return false;
    const TraceColumn column = meaning(name, object.names.size());
    object.names.push_back(name);
    TraceMember& member = object.members[static_cast<std::size_t>(column.role)];
    if (column.role == TraceRole::other) {
      json.skip();
      continue;
    }
    if (member.kind != TraceMember::Kind::absent && object.problem.empty()) {
      object.problem = text::format("members {} and {} both name {}; keep one of them", shown(member.name),
                                    shown(name), role_name(column.role));
    }
    member.name = name;
    member.column = column;
    read_member(json, object, member, nested);
  }
  return !json.broken();
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
