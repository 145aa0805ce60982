#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traces/access_lines.hpp"
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

bool asks_a_model(const AccessLine& line) {
  return line.method == "POST" &&
         std::any_of(kModelPaths.begin(), kModelPaths.end(),
                     [&](std::string_view known) { return line.path.find(known) != std::string_view::npos; });
}

class AccessReader {
 public:
  AccessReader(const TraceFormat& format, const GivenColumns& given, const std::string& source,
               TraceBuilder& builder)
      : rules_(std::get<TraceAccessLog>(format.rules)),
        log_(rules_),
        given_(given),
        source_(source),
        builder_(builder) {
    builder.origin().format = format.name;
    builder.origin().time_unit = "date";
    builder.sort_as_log();
  }

  void read(std::string_view text, std::size_t number) {
    const auto line = log_.read(text);
    if (!line) return;
    ++lines_;
    if (!asks_a_model(*line)) return;
    auto at = scan_date(line->at);
    if (!at) builder_.fail(number, text::format("expected a date, found {}", shown(line->at)));
    if (line->took_s) {
      at->ticks -= std::llround(*line->took_s * 1e9);
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
    const bool at_end_of_line = rules_.form == TraceAccessLog::Form::bracketed;
    origin.reason =
        text::format("{}; {}times are {}", rules_.title, share,
                     !rules_.at_end          ? "of when requests began"
                     : timed_ != origin.rows ? "when each request ended, for its line is written then"
                     : at_end_of_line        ? "their ends less the seconds at the end of the line"
                                             : "their ends less what they took");
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
  AccessLines log_;
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
    const auto found = AccessLines(std::get<TraceAccessLog>(format.rules)).read(line);
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
