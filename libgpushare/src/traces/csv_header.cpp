#include "traces/csv_header.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

constexpr std::array<TraceRole, 13> kColumnRoles = {
    TraceRole::arrival, TraceRole::input,  TraceRole::output,     TraceRole::session,       TraceRole::parent,
    TraceRole::delay,   TraceRole::images, TraceRole::cache_read, TraceRole::cache_written, TraceRole::day,
    TraceRole::ended,   TraceRole::took,   TraceRole::total};
constexpr std::array<TraceRole, 3> kNeeded = {TraceRole::arrival, TraceRole::input, TraceRole::output};

class HeaderReader {
 public:
  HeaderReader(const std::vector<std::string_view>& fields, std::size_t line, const TraceFormat* asked,
               const GivenColumns& given, const TraceBuilder& builder)
      : fields_(fields), line_(line), asked_(asked), given_(given), builder_(builder) {
    header_.fields = fields.size();
  }

  [[nodiscard]] TableHeader read() {
    take_positions();
    for (std::size_t i = 0; i < fields_.size() && !header_.is_row; ++i) take(i);
    take_day();
    take_end();
    for (const TraceRole role : kColumnRoles) check_found(role);
    for (const TraceRole role : kNeeded)
      if (!header_.has(role) && !given_[role].constant && !header_.is_rest(role)) fail_missing(role);
    return std::move(header_);
  }

 private:
  // A field of the first line that holds what the column should: then there is no line of names.
  [[nodiscard]] static bool is_value(std::string_view field) {
    return scan_instant(field) || scan_comma_number(field) || scan_count(field, ',');
  }
  void put(TraceRole role, std::size_t index, std::string name, const TraceColumn& column) {
    const auto at = static_cast<std::size_t>(role);
    header_.index[at] = index;
    header_.name[at] = std::move(name);
    header_.column[at] = column;
  }
  void take_positions() {
    bool first = true;
    for (const TraceRole role : kColumnRoles) {
      const std::size_t position = given_[role].position;
      if (position == 0) continue;
      if (position > fields_.size()) {
        builder_.fail(line_, text::format("columns: {}=#{}, but the line has {} fields", role_key(role),
                                          position, fields_.size()));
      }
      const std::string_view field = trimmed(fields_[position - 1]);
      header_.is_row = is_value(field) && (header_.is_row || first);
      first = false;
      TraceColumn column{role};
      if (role == TraceRole::arrival && !is_value(field)) read_unit(field, column);
      put(role, position - 1, text::format("#{}", position), column);
    }
  }
  [[nodiscard]] TraceColumn meaning(std::string_view name) const {
    const auto same = [&](std::string_view known) { return same_name(known, name); };
    if (asked_ != nullptr && !given_.has_names()) {
      const auto& names = std::get<TraceColumns>(asked_->rules).names;
      if (std::none_of(names.begin(), names.end(), same)) return {};
    }
    const TraceColumn column = given_.meaning(name);
    const bool known = std::find(kColumnRoles.begin(), kColumnRoles.end(), column.role) != kColumnRoles.end();
    return known ? column : TraceColumn{};
  }
  void take(std::size_t i) {
    const std::string_view name = trimmed(fields_[i]);
    const TraceColumn column = meaning(name);
    if (column.role == TraceRole::other) return;
    const TraceColumn& before = header_.column[static_cast<std::size_t>(column.role)];
    if (header_.has(column.role) && before.rank == column.rank && !may_repeat(column.role)) {
      builder_.fail(line_,
                    text::format("columns {} and {} both name {}; keep one of them",
                                 shown(header_.name_of(column.role)), shown(name), role_name(column.role)));
    }
    if (!header_.has(column.role) || column.rank < before.rank)
      put(column.role, i, std::string(name), column);
  }
  // A day is the arrival where nothing else is; a clock beside it needs it.
  void take_day() {
    const auto day = static_cast<std::size_t>(TraceRole::day);
    if (header_.has(TraceRole::arrival) || !header_.has(TraceRole::day)) return;
    put(TraceRole::arrival, header_.index[day], header_.name[day], {TraceRole::arrival, 1, false, 2});
  }
  // The end is the arrival where nothing else is, less how long it took; its lines are in order of ends.
  void take_end() {
    const auto ended = static_cast<std::size_t>(TraceRole::ended);
    if (header_.has(TraceRole::arrival) || !header_.has(TraceRole::ended)) return;
    TraceColumn column = header_.column[ended];
    column.role = TraceRole::arrival;
    column.rank = kRecordOfLog;
    put(TraceRole::arrival, header_.index[ended], header_.name[ended], column);
    header_.at_ends = true;
  }
  void check_found(TraceRole role) const {
    if (header_.has(role) || given_[role].name.empty()) return;
    builder_.fail(line_, missing_name(given_[role].name, {fields_.begin(), fields_.end()}, "column"));
  }
  [[noreturn]] void fail_missing(TraceRole role) const {
    const bool values =
        std::none_of(kNeeded.begin(), kNeeded.end(), [&](TraceRole r) { return header_.has(r); }) &&
        fields_.size() > 1 && std::any_of(fields_.begin(), fields_.end(), [](std::string_view field) {
          return is_value(trimmed(field));
        });
    if (values) builder_.fail(line_, no_names(fields_));
    if (asked_ != nullptr) {
      const bool vowel = std::string_view("aeiou").find(asked_->name.front()) != std::string_view::npos;
      builder_.fail(line_, text::format("no column names {}; {} {} trace begins with the line {}",
                                        role_name(role), vowel ? "an" : "a", asked_->name,
                                        std::get<TraceColumns>(asked_->rules).header));
    }
    const std::string missing =
        missing_role(role, {fields_.begin(), fields_.end()}, "column of the header line");
    builder_.fail(line_, missing + (fields_.size() > 1 ? ""
                                                       : "; fields stand between commas, semicolons, tabs or "
                                                         "bars, and this line has none"));
  }

  const std::vector<std::string_view>& fields_;
  std::size_t line_;
  const TraceFormat* asked_;
  const GivenColumns& given_;
  const TraceBuilder& builder_;
  TableHeader header_;
};

}  // namespace

TableHeader read_header(const std::vector<std::string_view>& fields, std::size_t line,
                        const TraceFormat* asked, const GivenColumns& given, const TraceBuilder& builder) {
  return HeaderReader(fields, line, asked, given, builder).read();
}

}  // namespace gpushare
