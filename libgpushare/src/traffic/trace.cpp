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

std::string chosen_format(std::string_view text, const std::string& source, const TraceOptions& options) {
  const std::vector<std::string> legal = {"auto", "azure", "csv", "jsonl"};
  if (std::find(legal.begin(), legal.end(), options.format) == legal.end()) {
    const auto near = json::nearest(options.format, legal);
    throw TraceError(source, fmt::format("unknown trace format {}; {}nown formats: {}", shown(options.format),
                                         near ? fmt::format("did you mean \"{}\"? K", *near) : "k",
                                         fmt::join(legal, ", ")));
  }
  if (options.format != "auto") return options.format;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const char c = first == std::string_view::npos ? '\n' : text[first];
  if (c == '[')
    throw TraceError(source, "the file holds a JSON array; expected CSV, or one JSON object a line");
  return c == '{' ? "jsonl" : "csv";
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

}  // namespace

void check_trace(const Trace& trace) {
  if (trace.input_tokens.size() != trace.size() || trace.output_tokens.size() != trace.size()) {
    throw TraceError(trace.name,
                     fmt::format("columns differ in length: {} arrivals, {} inputs, {} outputs", trace.size(),
                                 trace.input_tokens.size(), trace.output_tokens.size()));
  }
  for (std::size_t i = 0; i < trace.size(); ++i) check_request(trace, i);
}

Trace load_trace(const std::string& path, const TraceOptions& options) {
  return parse_trace(read_all(path), path, options);
}

Trace parse_trace(std::string_view text, const std::string& source, const TraceOptions& options) {
  refuse_other_files(text, source);
  if (begins_with(text, "\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string format = chosen_format(text, source, options);
  if (format == "jsonl") return parse_jsonl(text, source, options.keep_empty);
  return parse_csv(text, source, format == "azure", options.keep_empty);
}

void save_trace(const Trace& trace, const std::string& path) {
  constexpr std::size_t kRowsAtOnce = 4096;
  check_trace(trace);
  if (trace.size() == 0) throw TraceError(path, "the trace is empty; expected at least one request");
  Replacement file{fs::path(path)};
  std::string text(kCanonicalHeader);
  for (std::size_t i = 0; i < trace.size(); i += kRowsAtOnce) {
    append_rows(text, trace, i, std::min(i + kRowsAtOnce, trace.size()));
    file.write(text);
    text.clear();
  }
  file.commit();
}

}  // namespace gpushare
