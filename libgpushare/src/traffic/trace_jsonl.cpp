#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traffic/trace_builder.hpp"
#include "traffic/trace_columns.hpp"
#include "traffic/trace_formats.hpp"
#include "traffic/trace_scan.hpp"

namespace gpushare {
namespace {

/// A member of the object whose name has a role.
struct Member {
  std::string name;
  TraceColumn column;
  std::optional<Instant> number;
  std::string text;  // for messages, and dates
  bool is_text = false;
};

/// Gathers the known members of one line; what is nested only has to be correct JSON.
class LineHandler {
 public:
  using json = nlohmann::json;

  std::array<std::optional<Member>, kTraceRoles> members;
  std::vector<std::string> names;
  bool has_hash_ids = false;
  bool has_chat_id = false;
  bool is_object = false;
  std::string error;

  bool null() { return keep_text("null"); }
  bool boolean(bool value) { return keep_text(value ? "true" : "false"); }
  bool number_integer(json::number_integer_t value) { return keep_number(fmt::format("{}", value)); }
  bool number_unsigned(json::number_unsigned_t value) { return keep_number(fmt::format("{}", value)); }
  bool number_float(json::number_float_t, const std::string& text) { return keep_number(text); }
  bool string(std::string& text) {
    if (Member* member = current()) member->is_text = true;
    return keep_text(text);
  }
  bool binary(json::binary_t&) { return false; }
  bool start_object(std::size_t) {
    if (depth_ == 0) is_object = true;
    keep_text("{...}");
    ++depth_;
    return true;
  }
  bool start_array(std::size_t) {
    keep_text("[...]");
    ++depth_;
    return true;
  }
  bool end_object() { return --depth_, true; }
  bool end_array() { return --depth_, true; }
  bool key(std::string& name);
  bool parse_error(std::size_t position, const std::string& token, const json::exception& problem);

 private:
  Member* current() { return depth_ == 1 && role_ != TraceRole::other ? &*members[index()] : nullptr; }
  [[nodiscard]] std::size_t index() const { return static_cast<std::size_t>(role_); }
  bool keep_text(std::string_view text) {
    if (Member* member = current()) member->text = text;
    return true;
  }
  bool keep_number(std::string_view text) {
    if (Member* member = current()) {
      member->text = text;
      member->number = scan_number(text);
    }
    return true;
  }

  int depth_ = 0;
  TraceRole role_ = TraceRole::other;
};

bool LineHandler::key(std::string& name) {
  if (depth_ != 1) return true;
  names.push_back(name);
  has_hash_ids = has_hash_ids || name == "hash_ids";
  has_chat_id = has_chat_id || name == "chat_id";
  const TraceColumn column = trace_column(name);
  role_ = column.role;
  if (role_ == TraceRole::other) return true;
  if (members[index()]) {
    error = fmt::format("members {} and {} both name {}; keep one of them", shown(members[index()]->name),
                        shown(name), role_name(role_));
    return false;
  }
  members[index()] = Member{name, column, std::nullopt, {}, false};
  return true;
}

bool LineHandler::parse_error(std::size_t position, const std::string& token,
                              const json::exception& problem) {
  const bool out_of_range = problem.id == 406;
  error = out_of_range
              ? fmt::format("the number {} is too large", shown(token))
              : fmt::format("not a JSON object: broken at column {}, near {}", position, shown(token));
  return false;
}

/// Reads line after line; the first one decides which member holds the arrival, and in which unit.
class LineReader {
 public:
  explicit LineReader(const TraceBuilder& builder) : builder_(builder) {}

  [[nodiscard]] TraceRow read(std::string_view text, std::size_t line) {
    LineHandler handler;
    const bool parsed = nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
    if (!handler.error.empty()) builder_.fail(line, handler.error);
    if (!parsed || !handler.is_object) builder_.fail(line, "expected a JSON object, found " + shown(text));
    TraceRow row{line, {}, 1, 0, 0};
    row.arrival = arrival(handler, line);
    row.ticks_per_second = ticks_per_second_;
    row.input_tokens = tokens(member(handler, TraceRole::input, line), line);
    row.output_tokens = tokens(member(handler, TraceRole::output, line), line);
    return row;
  }

 private:
  [[nodiscard]] const Member& member(const LineHandler& handler, TraceRole role, std::size_t line) const {
    const auto& found = handler.members[static_cast<std::size_t>(role)];
    if (!found) builder_.fail(line, missing_role(role, handler.names, "member of the object"));
    return *found;
  }
  [[nodiscard]] Instant arrival(const LineHandler& handler, std::size_t line) {
    const Member& found = member(handler, TraceRole::arrival, line);
    const std::optional<Instant> instant = found.is_text ? scan_date(found.text) : found.number;
    if (!instant) fail(line, found, expected_in(TraceRole::arrival, false));
    const bool mooncake = found.name == "timestamp" && handler.has_hash_ids && !handler.has_chat_id &&
                          instant->form == Instant::Form::integer;
    if (arrival_name_.empty()) {
      arrival_name_ = found.name;
      mooncake_ = mooncake;
      ticks_per_second_ = mooncake ? 1'000 : found.column.ticks_per_second;
    }
    if (found.name != arrival_name_) {
      builder_.fail(line, fmt::format("the arrival is in {} here and in {} above", shown(found.name),
                                      shown(arrival_name_)));
    }
    if (mooncake_ && instant->form != Instant::Form::integer) {
      fail(line, found, "whole milliseconds as in the lines above, or the name arrival_s");
    }
    if (mooncake && !mooncake_) {
      builder_.fail(line,
                    "with hash_ids a whole timestamp counts milliseconds, but the lines above count seconds; "
                    "call it arrival_s or arrival_ms");
    }
    return *instant;
  }
  [[nodiscard]] std::int32_t tokens(const Member& found, std::size_t line) const {
    const auto& number = found.number;
    if (!number || number->form != Instant::Form::integer || number->ticks < 0 ||
        number->ticks > kMaxTokens) {
      fail(line, found, expected_in(found.column.role, false));
    }
    return static_cast<std::int32_t>(number->ticks);
  }
  [[noreturn]] void fail(std::size_t line, const Member& found, std::string_view expected) const {
    builder_.fail(line, fmt::format("member {}: expected {}, found {}{}", shown(found.name), expected,
                                    found.is_text ? "the string " : "", shown(found.text)));
  }

  const TraceBuilder& builder_;
  std::string arrival_name_;
  bool mooncake_ = false;
  std::int64_t ticks_per_second_ = 1;
};

}  // namespace

Trace parse_jsonl(std::string_view text, const std::string& source, bool keep_empty) {
  TraceBuilder builder(source, keep_empty);
  LineReader lines(builder);
  std::size_t line = 0;
  while (!text.empty()) {
    ++line;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view record = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!record.empty() && record.back() == '\r') record.remove_suffix(1);
    if (trimmed(record).empty()) continue;
    builder.add(lines.read(record, line));
  }
  return builder.finish();
}

}  // namespace gpushare
