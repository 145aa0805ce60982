#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "gpushare/errors.hpp"
#include "gpushare/trace.hpp"
#include "traces/trace_formats.hpp"

namespace gpushare {
namespace {

namespace fs = std::filesystem;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

std::string last_problem() { return std::strerror(errno); }

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

}  // namespace

std::string canonical_header(const Trace& trace) {
  std::string header(kCanonicalHeader);
  header.pop_back();
  if (!trace.session.empty()) header += ",session";
  if (!trace.parent.empty()) header += ",parent";
  if (!trace.delay_s.empty()) header += ",delay_s";
  if (!trace.images.empty()) header += ",images";
  return header + "\n";
}

void append_rows(std::string& out, const Trace& trace, std::size_t first, std::size_t last) {
  const auto to = std::back_inserter(out);
  for (std::size_t i = first; i < last; ++i) {
    fmt::format_to(to, "{},{},{}", trace.arrival_s[i], trace.input_tokens[i], trace.output_tokens[i]);
    if (!trace.session.empty()) fmt::format_to(to, ",{}", trace.session[i]);
    if (!trace.parent.empty()) fmt::format_to(to, ",{}", trace.parent[i]);
    if (!trace.delay_s.empty()) fmt::format_to(to, ",{}", trace.delay_s[i]);
    if (!trace.images.empty()) fmt::format_to(to, ",{}", trace.images[i]);
    out += '\n';
  }
}

void append_lines(std::string& out, const Trace& trace, std::size_t first, std::size_t last) {
  const auto to = std::back_inserter(out);
  for (std::size_t i = first; i < last; ++i) {
    fmt::format_to(to, R"({{"arrival_s": {}, "input_tokens": {}, "output_tokens": {})", trace.arrival_s[i],
                   trace.input_tokens[i], trace.output_tokens[i]);
    if (!trace.session.empty()) fmt::format_to(to, R"(, "session": {})", trace.session[i]);
    if (!trace.parent.empty()) fmt::format_to(to, R"(, "parent": {})", trace.parent[i]);
    if (!trace.delay_s.empty()) fmt::format_to(to, R"(, "delay_s": {})", trace.delay_s[i]);
    if (!trace.images.empty()) fmt::format_to(to, R"(, "images": {})", trace.images[i]);
    if (!trace.hash_starts.empty()) {
      fmt::format_to(to, R"(, "block_tokens": {}, "hash_ids": [)", trace.block_tokens);
      for (auto at = trace.hash_starts[i]; at < trace.hash_starts[i + 1]; ++at) {
        fmt::format_to(to, "{}{}", at > trace.hash_starts[i] ? ", " : "",
                       trace.hash_ids[static_cast<std::size_t>(at)]);
      }
      out += ']';
    }
    out += "}\n";
  }
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
