#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traces/given_columns.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

// Paths of requests to a model, as OpenAI-compatible and Triton servers have them.
constexpr auto kModelPaths = std::to_array<std::string_view>(
    {"/completions", "/responses", "/messages", "/generate", "/embeddings", "/infer", "/predict", "/audio/",
     "/api/chat", "/api/embed", "/rerank", "/invocations"});

/// A line of an access log; views into it.
struct AccessLine {
  std::string_view at;
  std::string_view method;
  std::string_view path;
  std::string_view status;
  std::string_view rest;
};

std::string_view cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view found = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return found;
}

/// `... [time] "METHOD path ..." status ...`; Envoy's begin with the time.
std::optional<AccessLine> access_line(std::string_view text, bool at_end) {
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos || (open == 0) == at_end) return std::nullopt;
  AccessLine line;
  text.remove_prefix(open + 1);
  line.at = cut(text, ']');
  if (text.substr(0, 2) != " \"") return std::nullopt;
  text.remove_prefix(2);
  std::string_view request = cut(text, '"');
  line.method = cut(request, ' ');
  line.path = cut(request, ' ');
  if (text.empty() || text.front() != ' ') return std::nullopt;
  text.remove_prefix(1);
  line.status = cut(text, ' ');
  line.rest = text;
  if (line.path.empty() || line.status.empty() || !scan_integer(line.status)) return std::nullopt;
  return line;
}

bool asks_a_model(const AccessLine& line) {
  return line.method == "POST" &&
         std::any_of(kModelPaths.begin(), kModelPaths.end(),
                     [&](std::string_view known) { return line.path.find(known) != std::string_view::npos; });
}

/// Seconds that the request took, where the line ends with them to the millisecond: 1.234, rt=1.234 or "1.234".
std::optional<double> seconds_at_end(std::string_view rest) {
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '"')) rest.remove_suffix(1);
  const std::size_t start = rest.find_last_of(" =\"");
  const std::string_view last = rest.substr(start == std::string_view::npos ? 0 : start + 1);
  const std::size_t point = last.find('.');
  if (point == std::string_view::npos || last.size() - point != 4) return std::nullopt;
  const auto seconds = scan_number(last);
  return seconds && seconds->value >= 0 && seconds->value < 1e6 ? std::optional(seconds->value)
                                                                : std::nullopt;
}

class AccessReader {
 public:
  AccessReader(const TraceFormat& format, const GivenColumns& given, const std::string& source,
               TraceBuilder& builder)
      : rules_(std::get<TraceAccessLog>(format.rules)), given_(given), source_(source), builder_(builder) {
    builder.origin().format = format.name;
    builder.origin().time_unit = "date";
    builder.sort_as_log();
  }

  void read(std::string_view text, std::size_t number) {
    const auto line = access_line(text, rules_.at_end);
    if (!line) return;
    ++lines_;
    if (!asks_a_model(*line)) return;
    auto at = scan_date(line->at);
    if (!at)
      builder_.fail(number, text::format("expected a date between brackets, found {}", shown(line->at)));
    if (const auto took = rules_.at_end ? seconds_at_end(line->rest) : std::nullopt) {
      at->ticks -= std::llround(*took * 1e9);
      at->value = static_cast<double>(at->ticks);
      ++timed_;
    }
    TraceRow row;
    row.line = number;
    row.timed = true;
    row.arrival = *at;
    row.unit_known = true;
    row.input_tokens = tokens(TraceRole::input, "prompts");
    row.output_tokens = tokens(TraceRole::output, "replies");
    if (line->status.front() != '2') {
      row.output_tokens = 0;
      ++builder_.origin().failed;
    }
    builder_.add(row);
  }

  void describe() {
    TraceOrigin& origin = builder_.origin();
    if (origin.rows == 0) {
      throw TraceError(source_,
                       text::format("{}: no line is a POST to a model's path (.../completions, .../generate, "
                                    ".../embeddings, ...); {} lines are requests",
                                    rules_.title, lines_));
    }
    origin.columns = text::format("input={},output={}", *given_[TraceRole::input].constant,
                                  *given_[TraceRole::output].constant);
    const std::string share =
        origin.rows == lines_ ? ""
                              : text::format("{} of {} lines are requests to a model; ", origin.rows, lines_);
    origin.reason =
        text::format("{}; {}times are {}", rules_.title, share,
                     !rules_.at_end          ? "of when requests began"
                     : timed_ == origin.rows ? "their ends less the seconds at the end of the line"
                                             : "when each request ended, for its line is written then");
  }

 private:
  [[nodiscard]] std::int32_t tokens(TraceRole role, std::string_view what) const {
    const GivenColumn& given = given_[role];
    if (given.constant) return *given.constant;
    const std::string found =
        given.is_given() ? text::format(" (no column of it is called {})", shown(given.name)) : "";
    throw TraceError(
        source_, text::format("{}: it does not say how long {} are{}; give one length for all with columns "
                              "(--columns), as in input=1000,output=200",
                              rules_.title, what, found));
  }

  const TraceAccessLog& rules_;
  const GivenColumns& given_;
  const std::string& source_;
  TraceBuilder& builder_;
  std::size_t lines_ = 0;
  std::size_t timed_ = 0;
};

}  // namespace

const TraceFormat* recognised_log(std::string_view line) {
  for (const char* name : {"nginx", "envoy"}) {
    const TraceFormat& format = trace_format(name);
    const auto found = access_line(line, std::get<TraceAccessLog>(format.rules).at_end);
    if (found && scan_date(found->at)) return &format;
  }
  return nullptr;
}

Trace parse_access_log(TextSource& text, const std::string& source, const TraceFormat& format,
                       const TraceOptions& options) {
  const GivenColumns given(options.columns, source);
  TraceBuilder builder(source, options);
  AccessReader reader(format, given, source, builder);
  LineCutter lines(text);
  std::string_view line;
  while (lines.next(line)) reader.read(line, lines.number());
  reader.describe();
  return builder.finish();
}

}  // namespace gpushare
