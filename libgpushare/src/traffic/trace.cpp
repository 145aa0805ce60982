#include "gpushare/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/json_reader.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/time.hpp"
#include "traffic/trace_builder.hpp"
#include "traffic/trace_formats.hpp"

namespace gpushare {
namespace {

namespace fs = std::filesystem;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

std::string last_problem() { return std::strerror(errno); }

std::string read_all(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw TraceError(path, "expected a trace file, found a folder");
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw TraceError(path, "cannot open the trace: " + last_problem());
  std::string text;
  const auto size = fs::file_size(path, ignored);
  if (!ignored) text.reserve(size);
  std::string block(std::size_t{1} << 16, '\0');
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file.get()))
    text.append(block, 0, got);
  if (std::ferror(file.get()) != 0) throw TraceError(path, "cannot read the trace: " + last_problem());
  return text;
}

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

void refuse_other_files(std::string_view text, const std::string& source) {
  if (begins_with(text, "\x1f\x8b"))
    throw TraceError(source, "the file is compressed (gzip); unpack it first");
  if (begins_with(text, "\xff\xfe") || begins_with(text, "\xfe\xff")) {
    throw TraceError(source, "the file is UTF-16 text; expected UTF-8");
  }
  if (begins_with(text, "version https://git-lfs")) {
    throw TraceError(source, "the file is a Git LFS pointer, not the trace itself; run git lfs pull");
  }
}

[[noreturn]] void refuse_name(const std::string& source, std::string_view what, const std::string& found,
                              const std::vector<std::string>& legal) {
  const auto near = json::nearest(found, legal);
  throw TraceError(source, fmt::format("unknown {} {}; {}nown {}s: {}", what, shown(found),
                                       near ? fmt::format("did you mean \"{}\"? K", *near) : "k",
                                       what.substr(what.find(' ') + 1), fmt::join(legal, ", ")));
}

void check_options(const std::string& source, const TraceOptions& options) {
  const std::vector<std::string>& legal = trace_formats();
  if (std::find(legal.begin(), legal.end(), options.format) == legal.end())
    refuse_name(source, "trace format", options.format, legal);
  const std::vector<std::string> units = {"auto", "s", "ms", "us", "ns"};
  if (std::find(units.begin(), units.end(), options.time_unit) == units.end())
    refuse_name(source, "time unit", options.time_unit, units);
  if (options.block_tokens < 0 || options.block_tokens > kMaxTokens) {
    throw TraceError(
        source, fmt::format("block_tokens: expected 0 to {}, found {}", kMaxTokens, options.block_tokens));
  }
}

bool is_lines(std::string_view text, const std::string& source, const TraceOptions& options) {
  if (options.format != "auto") return trace_format(options.format).lines;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const char c = first == std::string_view::npos ? '\n' : text[first];
  if (c == '[')
    throw TraceError(source, "the file holds a JSON array; expected CSV, or one JSON object a line");
  return c == '{';
}

/// A new file beside `path` that takes its place only when it is whole.
class Replacement {
 public:
  explicit Replacement(const fs::path& path) : path_(path) {
    for (int attempt = 0; !file_ && attempt < 1000; ++attempt) {
      temporary_ = path;
      temporary_ += fmt::format(".{}.tmp", attempt);
      file_.reset(std::fopen(temporary_.c_str(), "wbx"));
      if (!file_ && errno != EEXIST) break;
    }
    if (!file_) throw TraceError(path_.string(), "cannot write the trace: " + last_problem());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    std::error_code ignored;
    if (!committed_) fs::remove(temporary_, ignored);
  }

  void write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) fail();
  }
  void commit() {
    if (std::fclose(file_.release()) != 0) fail();
    std::error_code problem;
    fs::rename(temporary_, path_, problem);
    if (problem) throw TraceError(path_.string(), "cannot write the trace: " + problem.message());
    committed_ = true;
  }

 private:
  [[noreturn]] void fail() const {
    throw TraceError(path_.string(), "cannot write the trace: " + last_problem());
  }

  fs::path path_;
  fs::path temporary_;
  File file_;
  bool committed_ = false;
};

void check_request(const Trace& trace, std::size_t i) {
  const auto legal = [](std::int32_t tokens) { return tokens >= 0 && tokens <= kMaxTokens; };
  const double arrival_s = trace.arrival_s[i];
  if (!(arrival_s >= 0 && arrival_s < to_seconds(kForever)) ||
      (i > 0 && arrival_s < trace.arrival_s[i - 1])) {
    throw TraceError(trace.name, fmt::format("request {}: expected an arrival of at least {} s, found {}", i,
                                             i > 0 ? trace.arrival_s[i - 1] : 0, arrival_s));
  }
  if (!legal(trace.input_tokens[i]) || !legal(trace.output_tokens[i])) {
    throw TraceError(trace.name, fmt::format("request {}: expected 0 to {} tokens, found {} and {}", i,
                                             kMaxTokens, trace.input_tokens[i], trace.output_tokens[i]));
  }
}

constexpr TraceFormat kFormats[] = {
    {"azure", false, 1, 16},  {"burstgpt", false, 1, 16},     {"csv", false, 1, 16},
    {"jsonl", true, 1, 16},   {"mooncake", true, 1'000, 512}, {"aiperf", true, 1'000, 512},
    {"bailian", true, 1, 16}, {"timed-trace", true, 1, 16},   {"llmservingsim", true, 1, 16}};

bool parents_come_first(const Trace& trace) {
  for (std::size_t i = 0; i < trace.parent.size(); ++i)
    if (trace.parent[i] < kNone || trace.parent[i] >= static_cast<std::int64_t>(i)) return false;
  return true;
}

void check_extra(const Trace& trace) {
  const auto fits = [&](const auto& column) { return column.empty() || column.size() == trace.size(); };
  const auto& starts = trace.hash_starts;
  const bool blocks = starts.empty()
                          ? trace.hash_ids.empty()
                          : starts.size() == trace.size() + 1 && starts.front() == 0 &&
                                starts.back() == static_cast<std::int64_t>(trace.hash_ids.size()) &&
                                std::is_sorted(starts.begin(), starts.end());
  if (!fits(trace.session) || !fits(trace.parent) || !fits(trace.delay_s) || !fits(trace.images) || !blocks ||
      !parents_come_first(trace)) {
    throw TraceError(trace.name, "session, parent, delay_s, images or block ids do not fit the requests");
  }
}

}  // namespace

const std::vector<std::string>& trace_formats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found = {"auto"};
    for (const TraceFormat& format : kFormats) found.emplace_back(format.name);
    return found;
  }();
  return names;
}

const TraceFormat& trace_format(std::string_view name) {
  for (const TraceFormat& format : kFormats)
    if (format.name == name) return format;
  throw TraceError(std::string(name), "not a trace format");
}

std::int64_t chosen_ticks(const TraceOptions& options) {
  for (const std::int64_t ticks : {1, 1'000, 1'000'000, 1'000'000'000})
    if (unit_name(ticks) == options.time_unit) return ticks;
  return 0;
}

std::string_view unit_name(std::int64_t ticks_per_second) {
  return ticks_per_second == 1           ? "s"
         : ticks_per_second == 1'000     ? "ms"
         : ticks_per_second == 1'000'000 ? "us"
                                         : "ns";
}

void check_trace(const Trace& trace) {
  if (trace.input_tokens.size() != trace.size() || trace.output_tokens.size() != trace.size()) {
    throw TraceError(trace.name,
                     fmt::format("columns differ in length: {} arrivals, {} inputs, {} outputs", trace.size(),
                                 trace.input_tokens.size(), trace.output_tokens.size()));
  }
  for (std::size_t i = 0; i < trace.size(); ++i) check_request(trace, i);
  check_extra(trace);
}

Trace load_trace(const std::string& path, const TraceOptions& options) {
  return parse_trace(read_all(path), path, options);
}

Trace parse_trace(std::string_view text, const std::string& source, const TraceOptions& options) {
  refuse_other_files(text, source);
  if (begins_with(text, "\xef\xbb\xbf")) text.remove_prefix(3);
  check_options(source, options);
  return is_lines(text, source, options) ? parse_jsonl(text, source, options)
                                         : parse_csv(text, source, options);
}

void save_trace(const Trace& trace, const std::string& path) {
  constexpr std::size_t kRowsAtOnce = 4096;
  check_trace(trace);
  if (trace.size() == 0) throw TraceError(path, "the trace is empty; expected at least one request");
  Replacement file{fs::path(path)};
  const bool lines = fs::path(path).extension() == ".jsonl";
  std::string text = lines ? std::string{} : canonical_header(trace);
  for (std::size_t i = 0; i < trace.size(); i += kRowsAtOnce) {
    (lines ? append_lines : append_rows)(text, trace, i, std::min(i + kRowsAtOnce, trace.size()));
    file.write(text);
    text.clear();
  }
  file.commit();
}

}  // namespace gpushare
