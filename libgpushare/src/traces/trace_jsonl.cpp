#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "traces/given_columns.hpp"
#include "traces/request_ends.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_object.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

using MemberKind = TraceMember::Kind;

constexpr std::int64_t kBytesPerToken = 4;

bool is_missing(const TraceMember& found) {
  return found.is_null() || (found.kind == MemberKind::string && is_gap(found.text));
}

std::vector<std::string> names(const TraceObject& object) {
  return {object.names.begin(), object.names.end()};
}

/// The request says an error instead of a length, or that it has none.
bool has_failed(const TraceObject& request, TraceRole role) {
  return request.has(role) ? is_missing(request[role]) : request.says_error;
}

/// Lines may be those of an array, without its brackets.
std::string_view without_comma(std::string_view line) {
  const std::string_view rest = trimmed(line);
  return rest.starts_with('{') && rest.ends_with("},") ? rest.substr(0, rest.size() - 1) : line;
}

/// Reads line after line; the first one decides the format, and with it the unit of arrivals.
class LineReader {
 public:
  LineReader(TraceBuilder& builder, const TraceOptions& options, const GivenColumns& given)
      : builder_(builder), options_(options), given_(given), objects_(given) {}

  void read(std::string_view text, std::size_t line) {
    line_ = line;
    JsonScanner json(text);
    if (!objects_.read(json, object_) || !json.finished()) diagnose(text);
    if (!object_.problem.empty()) builder_.fail(line, object_.problem);
    if (format_ == nullptr) {
      check_given();
      decide();
    }
    if (rules().becomes_by != nullptr && options_.format != format_->name) reconsider();
    if (object_.has(TraceRole::requests)) return add_session();
    add_request(object_, object_);
  }

 private:
  [[noreturn]] void diagnose(std::string_view text) const;
  void check_given() const;
  void decide();
  void reconsider();
  void describe();
  void add_session();
  void add_request(const TraceObject& request, const TraceObject& session);
  void keep_extra(const TraceObject& request, const TraceObject& session);
  void place(TraceRow& row, const TraceObject& request, const TraceObject& session);
  void place_chat(TraceRow& row, const TraceObject& request);
  void place_in_time(TraceRow& row, const TraceObject& request, bool nested);
  [[nodiscard]] const TraceLines& rules() const { return std::get<TraceLines>(format_->rules); }

  [[nodiscard]] const TraceMember& member(const TraceObject& object, TraceRole role) const {
    if (!object.has(role)) builder_.fail(line_, missing_role(role, names(object), "member of the object"));
    return object[role];
  }
  [[nodiscard]] Instant arrival(const TraceMember& found);
  void check_unit(const TraceMember& found, const Instant& instant);
  [[nodiscard]] std::int64_t ticks_per_second(const TraceColumn& column) const;
  [[nodiscard]] std::int32_t input_tokens(const TraceObject& request);
  [[nodiscard]] std::int32_t output_tokens(const TraceObject& request);
  [[nodiscard]] std::int64_t whole(const TraceMember& found, std::int64_t min, std::int64_t max) const;
  void read_tokens(TraceRow& row, const TraceObject& request);
  [[nodiscard]] double seconds(const TraceMember& found) const;
  [[nodiscard]] std::string_view id(const TraceMember& found) const;
  [[noreturn]] void fail(const TraceMember& found, std::string_view expected) const {
    builder_.fail(line_, text::format("member {}: expected {}, found {}{}{}", shown(found.name), expected,
                                      found.kind == MemberKind::string ? "the string " : "",
                                      shown(found.text), day_first_hint(found.text)));
  }

  TraceBuilder& builder_;
  const TraceOptions& options_;
  const GivenColumns& given_;
  TraceObjectReader objects_;
  TraceObject object_;
  std::size_t line_ = 0;
  const TraceFormat* format_ = nullptr;
  std::int64_t chosen_ticks_ = 0;
  std::string arrival_name_;
  std::string own_session_;
  std::unordered_map<std::int32_t, std::int32_t> last_of_session_;
  std::unordered_map<std::int64_t, std::pair<std::int32_t, std::int32_t>> chats_;  // id: row, session
};

void LineReader::diagnose(std::string_view text) const {
  const std::string mistake = json_mistake(text);
  builder_.fail(line_, !mistake.empty() ? mistake : "expected a JSON object, found " + shown(text));
}

void LineReader::describe() {
  TraceOrigin& origin = builder_.origin();
  origin.format = format_->name;
  const bool asked = options_.format != "auto";
  const TraceMember& at = object_[TraceRole::arrival];
  const bool unitless = !at.column.has_unit && chosen_ticks_ == 0;
  const auto instant = unitless                        ? scan_unitless(at.text)
                       : at.kind == MemberKind::string ? scan_instant(at.text)
                                                       : std::nullopt;
  const std::int64_t ticks = at.name.empty() ? format_->ticks_per_second : ticks_per_second(at.column);
  origin.time_unit = instant && instant->is_date() ? "date" : unit_name(ticks);
  const std::string unit =
      origin.time_unit == "date"     ? text::format("arrivals are dates{}", order_of_date(at.text))
      : options_.time_unit != "auto" ? "the time unit was given"
      : at.column.has_unit           ? text::format("{} says its unit", shown(at.name))
      : format_->says_unit           ? text::format("{} counts {}", format_->name, origin.time_unit)
                                     : "no name says a unit, so seconds";
  if (is_of_log(at.column.rank) && !rules().in_sessions) builder_.sort_as_log();
  origin.columns.clear();
  for (const TraceRole role : {TraceRole::arrival, TraceRole::input, TraceRole::output}) {
    const auto& constant = given_[role].constant;
    const std::string name = constant ? std::to_string(*constant) : object_.name_of(role);
    if (name.empty()) continue;
    origin.columns += text::format("{}{}={}", origin.columns.empty() ? "" : ",", role_key(role), name);
  }
  std::string members = "members";
  for (std::size_t i = 0; i < std::min<std::size_t>(object_.names.size(), 8); ++i)
    members += (i > 0 ? ", " : " ") + shown(object_.names[i]);
  origin.reason = text::format("{}; {}", asked ? "the format was given" : members, unit);
  for (const TraceRole role : {TraceRole::input, TraceRole::output})
    if (object_.has(role) && is_bare_word(object_[role].column.rank))
      origin.reason += text::format("; {} is taken for tokens", shown(object_[role].name));
}

void LineReader::check_given() const {
  for (const TraceRole role : {TraceRole::arrival, TraceRole::input, TraceRole::output, TraceRole::session}) {
    const GivenColumn& given = given_[role];
    if (given.position > 0) {
      builder_.fail(line_,
                    text::format("columns: {}=#{}: members of an object have names, not places; found {}",
                                 role_key(role), given.position, text::join(names(object_), ", ")));
    }
    if (!given.name.empty() && !object_.has(role))
      builder_.fail(line_, missing_name(given.name, names(object_), "member"));
  }
}

void LineReader::decide() {
  format_ = options_.format == "auto" ? nullptr : &trace_format(options_.format);
  if (format_ == nullptr || format_->any_names) format_ = &recognised(object_);
  chosen_ticks_ = chosen_ticks(options_);
  builder_.set_block_tokens(options_.block_tokens > 0 ? options_.block_tokens : format_->block_tokens);
  describe();
}

void LineReader::reconsider() {
  if (!rules().becomes_by(object_)) return;
  format_ = &trace_format(rules().becomes);
  describe();
}

std::int64_t LineReader::ticks_per_second(const TraceColumn& column) const {
  if (column.has_unit) return column.ticks_per_second;
  return chosen_ticks_ > 0 ? chosen_ticks_ : format_->ticks_per_second;
}

Instant LineReader::arrival(const TraceMember& found) {
  const bool text = found.kind == MemberKind::string;  // loggers write numbers as strings too
  const bool number = found.kind == MemberKind::number;
  const bool unitless = !found.column.has_unit && chosen_ticks_ == 0;
  const std::optional<Instant> instant = unitless && (text || number) ? scan_unitless(found.text)
                                         : text                       ? scan_instant(found.text)
                                         : number                     ? scan_number(found.text)
                                                                      : std::nullopt;
  if (!instant) fail(found, expected_in(TraceRole::arrival, false));
  if (arrival_name_.empty()) arrival_name_ = found.name;
  if (found.name != arrival_name_) {
    builder_.fail(line_, text::format("the arrival is in {} here and in {} above", shown(found.name),
                                      shown(arrival_name_)));
  }
  if (!found.column.has_unit && chosen_ticks_ == 0) check_unit(found, *instant);
  return *instant;
}

// Files that change their unit from one line to the next exist.
void LineReader::check_unit(const TraceMember& found, const Instant& instant) {
  const TraceLines& lines = rules();
  if (lines.expected_unit != nullptr)
    if (const std::string_view expected = lines.expected_unit(instant); !expected.empty())
      fail(found, expected);
  if (lines.unit_mistake != nullptr)
    if (const std::string_view mistake = lines.unit_mistake(object_, found, instant); !mistake.empty())
      builder_.fail(line_, std::string(mistake));
}

std::int64_t LineReader::whole(const TraceMember& found, std::int64_t min, std::int64_t max) const {
  const bool written = found.kind == MemberKind::number || found.kind == MemberKind::string;
  const auto number = written ? scan_count(found.text, ',') : std::nullopt;
  if (!number || *number < min || *number > max) fail(found, expected_in(found.column.role, false));
  return *number;
}

double LineReader::seconds(const TraceMember& found) const {
  const auto number = found.kind == MemberKind::number ? scan_number(found.text) : std::nullopt;
  if (!number || number->value < 0) fail(found, expected_in(found.column.role, false));
  return number->value / static_cast<double>(ticks_per_second(found.column));
}

std::string_view LineReader::id(const TraceMember& found) const {
  if (found.kind != MemberKind::string && found.kind != MemberKind::number) fail(found, "a text or a number");
  return found.kind == MemberKind::number && found.text == "-1" ? std::string_view{} : found.text;
}

std::int32_t LineReader::input_tokens(const TraceObject& request) {
  if (const auto& constant = given_[TraceRole::input].constant) return *constant;
  if (has_failed(request, TraceRole::input) && has_failed(request, TraceRole::output)) return 0;
  const TraceMember& text = request[TraceRole::text];
  if (request.has(TraceRole::input) || text.kind != MemberKind::string) {
    std::int64_t tokens = whole(member(request, TraceRole::input), 0, kMaxTokens);
    for (const TraceRole role : request.cached_beside_input())
      tokens += whole(request[role], 0, kMaxTokens - tokens);
    return static_cast<std::int32_t>(tokens);
  }
  ++builder_.origin().estimated;
  const auto bytes = static_cast<std::int64_t>(text.text.size());
  return static_cast<std::int32_t>(std::min((bytes + kBytesPerToken - 1) / kBytesPerToken, kMaxTokens));
}

// AIPerf sets no limit where a request has none: the model decides, and only the user can say for how long.
std::int32_t LineReader::output_tokens(const TraceObject& request) {
  if (const auto& constant = given_[TraceRole::output].constant) return *constant;
  const TraceMember& output = request[TraceRole::output];
  if (request.has(TraceRole::output) && !is_missing(output))
    return static_cast<std::int32_t>(whole(output, 0, kMaxTokens));
  if (options_.output_tokens == 0 && !has_failed(request, TraceRole::output)) {
    builder_.fail(line_, missing_role(TraceRole::output, names(request), "member of the object") +
                             "; or say with output_tokens how long such replies are");
  }
  ++(options_.output_tokens > 0 ? builder_.origin().assumed : builder_.origin().failed);
  return options_.output_tokens;
}

void LineReader::keep_extra(const TraceObject& request, const TraceObject& session) {
  ExtraColumns extra;
  extra.session =
      session.has(TraceRole::session) || session.has(TraceRole::requests) || request.has(TraceRole::chat);
  extra.parent = request.has(TraceRole::parent) || request.has(TraceRole::parent_chat) ||
                 (extra.session && rules().in_sessions);
  extra.delay = request.has(TraceRole::delay) || session.has(TraceRole::requests);
  extra.images = request.has(TraceRole::images);
  extra.hash_ids = request.has(TraceRole::hash_ids);
  builder_.keep(extra);
}

// Bailian: a tree of chats, each of which is one request.
void LineReader::place_chat(TraceRow& row, const TraceObject& request) {
  constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t chat = whole(request[TraceRole::chat], 0, kLargest);
  if (request.has(TraceRole::parent_chat)) {
    const auto parent = chats_.find(whole(request[TraceRole::parent_chat], -1, kLargest));
    if (parent != chats_.end()) std::tie(row.parent, row.session) = parent->second;
  }
  if (row.parent == kNone) row.session = builder_.session(text::format("chat {}", chat));
  chats_[chat] = {builder_.rows(), row.session};
}

/// Session, parent and time of a request.
void LineReader::place(TraceRow& row, const TraceObject& request, const TraceObject& session) {
  if (session.has(TraceRole::session)) row.session = builder_.session(id(session[TraceRole::session]));
  if (request.has(TraceRole::chat)) place_chat(row, request);
  if (request.has(TraceRole::parent)) {
    row.parent = static_cast<std::int32_t>(whole(request[TraceRole::parent], -1, builder_.rows() - 1));
  }
  const auto last = last_of_session_.find(row.session);
  if (rules().in_sessions && row.session != kNone && last != last_of_session_.end())
    row.parent = last->second;
  if (row.session != kNone) last_of_session_[row.session] = builder_.rows();
  const TraceMember& delay = request[TraceRole::delay];
  const auto given = delay.kind == MemberKind::number ? scan_number(delay.text) : std::nullopt;
  if (given && given->value == kNoDelay) return;  // what save_trace writes for "none"
  if (request.has(TraceRole::delay)) row.delay_s = seconds(delay);
}

void LineReader::place_in_time(TraceRow& row, const TraceObject& request, bool nested) {
  const bool follows = nested || rules().in_sessions || row.delay_s >= 0;  // at once, unless there is a delay
  if (!request.has(TraceRole::arrival) && row.parent != kNone && follows) {
    row.delay_s = std::max(row.delay_s, 0.0);
    return;
  }
  if (!request.has(TraceRole::arrival) && row.delay_s >= 0) {
    builder_.fail(line_,
                  "a delay counts from the request before it in its session, but there is none; give it a "
                  "session_id, and the first of the session a timestamp");
  }
  const TraceMember& at = member(request, TraceRole::arrival);
  row.arrival = arrival(at);
  row.ticks_per_second = ticks_per_second(at.column);
  row.unit_known = chosen_ticks_ > 0 || at.column.has_unit || format_->says_unit;
  row.timed = true;
  if (request.at_end) {
    const TraceMember& took = request[TraceRole::took];
    const auto seconds = took_s(took.text, took.column, row);
    row.took_s = seconds.value_or(0);
    if (builder_.rows() == 0) builder_.origin().reason += told_of_ends(at.name, took.name, seconds);
  }
  if (rules().in_sessions) row.delay_s = kNoDelay;
}

void LineReader::read_tokens(TraceRow& row, const TraceObject& request) {
  const bool no_input = request.is_rest(TraceRole::input) && !given_[TraceRole::input].constant;
  const bool no_output = request.is_rest(TraceRole::output) && !given_[TraceRole::output].constant;
  const auto rest = [&](std::int32_t part) {
    return static_cast<std::int32_t>(whole(request[TraceRole::total], part, kMaxTokens + part)) - part;
  };
  if (!no_input) row.input_tokens = input_tokens(request);
  row.output_tokens = no_output ? rest(row.input_tokens) : output_tokens(request);
  if (no_input) row.input_tokens = rest(row.output_tokens);
}

void LineReader::add_request(const TraceObject& request, const TraceObject& session) {
  if (!request.problem.empty()) builder_.fail(line_, request.problem);
  keep_extra(request, session);
  TraceRow row;
  row.line = line_;
  place(row, request, session);
  place_in_time(row, request, &request != &session);
  read_tokens(row, request);
  if (request.has(TraceRole::images))
    row.images = static_cast<std::int32_t>(whole(request[TraceRole::images], 0, kMaxTokens));
  if (request.has(TraceRole::hash_ids) && !request.has_hash_ids) {
    fail(request[TraceRole::hash_ids], expected_in(TraceRole::hash_ids, false));
  }
  row.hash_ids = request.hash_ids;
  if (request.has(TraceRole::block_tokens) && options_.block_tokens == 0) {
    builder_.set_block_tokens(
        static_cast<std::int32_t>(whole(request[TraceRole::block_tokens], 1, kMaxTokens)));
  }
  builder_.add(row);
}

// The turns of a session: the first arrives with it, the others after their delay or the pause of the one before.
void LineReader::add_session() {
  if (object_.requests.empty()) fail(object_[TraceRole::requests], "at least one request");
  TraceObject& session = object_;
  if (!session.has(TraceRole::session)) {
    own_session_ = text::format("line {}", line_);
    session.members[static_cast<std::size_t>(TraceRole::session)] = {
        MemberKind::string, "session", own_session_, {TraceRole::session, 1, false}};
  }
  std::optional<TraceMember> pause;
  for (std::size_t i = 0; i < session.requests.size(); ++i) {
    TraceObject& request = session.requests[i];
    auto& members = request.members;
    const bool timed = request.has(TraceRole::arrival) || request.has(TraceRole::delay);
    if (!timed && i == 0) members[static_cast<std::size_t>(TraceRole::arrival)] = session[TraceRole::arrival];
    if (!timed && pause) members[static_cast<std::size_t>(TraceRole::delay)] = *pause;
    pause.reset();
    if (request.has(TraceRole::pause)) pause = request[TraceRole::pause];
    add_request(request, session);
  }
}

}  // namespace

Trace parse_jsonl(TextSource& text, const std::string& source, const TraceOptions& options) {
  const GivenColumns given(options.columns, source);
  TraceBuilder builder(source, options);
  LineReader reader(builder, options, given);
  std::string_view found;
  if (ObjectCutter::fits(text)) {
    ObjectCutter objects(text);
    while (objects.next(found)) reader.read(found, objects.number());
    if (!objects.closed()) builder.fail(objects.number(), "the array has no end: the file is cut short");
  } else {
    LineCutter lines(text);
    while (lines.next(found)) reader.read(without_comma(found), lines.number());
  }
  return builder.finish();
}

}  // namespace gpushare
