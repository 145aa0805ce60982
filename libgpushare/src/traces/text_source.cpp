#include "traces/text_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/regular_file.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {

void TextSource::more() {
  if (ended_) return;
  const std::size_t kept = rest_.size();
  if (kept > kLongestRecord)
    throw TraceError("", text::format("a line or record has more than {} MB: this is no log of requests",
                                      kLongestRecord >> 20));
  const std::size_t wanted = std::max(block_, kept);
  std::string next;
  next.reserve(kept + wanted);
  next.assign(rest_);
  next.resize(kept + wanted);
  const std::size_t got = read_(next.data() + kept, wanted);
  next.resize(kept + got);
  buffer_.swap(next);
  rest_ = buffer_;
  ended_ = got == 0;
}

std::string_view TextSource::start() {
  while (!ended_ && rest_.size() < kStart) more();
  return rest_;
}

std::string_view TextSource::first_line() {
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  for (;; more()) {
    const std::size_t first = rest_.find_first_not_of(" \t\r\n");
    const std::string_view line =
        first == std::string_view::npos ? rest_.substr(0, 0) : rest_.substr(first, kLongest);
    const std::size_t end = line.find('\n');
    if (end != std::string_view::npos || line.size() == kLongest || ended_) return line.substr(0, end);
  }
}

TextFile::TextFile(const std::string& path) : path_(path) {
  if (const std::string found = no_file(path); !found.empty())
    throw TraceError(path, "expected a trace file, found a " + found);
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) throw TraceError(path, std::string("cannot open the trace: ") + std::strerror(errno));
}

ReadBlock TextFile::reader() const {
  return [this](char* to, std::size_t size) {
    const std::size_t got = std::fread(to, 1, size, file_.get());
    if (std::ferror(file_.get()) != 0)
      throw TraceError(path_, std::string("cannot read the trace: ") + std::strerror(errno));
    return got;
  };
}

bool LineCutter::next(std::string_view& line) {
  for (std::size_t searched = 0;;) {
    const std::string_view rest = text_.rest();
    const std::size_t end = rest.find('\n', searched);
    if (end == std::string_view::npos && !text_.ended()) {
      searched = rest.size();
      text_.more();
      continue;
    }
    if (rest.empty()) return false;
    line = rest.substr(0, end);
    text_.consume(std::min(line.size() + 1, rest.size()));
    ++number_;
    searched = 0;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!trimmed(line).empty()) return true;
  }
}

bool ObjectCutter::fits(TextSource& text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  for (;; text.more()) {
    const std::size_t first = text.rest().find_first_not_of(kSpaces);
    const bool seen = first != std::string_view::npos && text.rest().size() - first > 2;
    if (!seen && !text.ended()) continue;
    if (first == std::string_view::npos) return false;
    const std::string_view start = text.rest().substr(first, 3);
    return start.front() == '[' || start.substr(0, 2) == "{\n" || start == "{\r\n";
  }
}

void ObjectCutter::pass(std::size_t bytes) {
  const std::string_view passed = text_.rest().substr(0, bytes);
  number_ += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
  text_.consume(bytes);
}

bool ObjectCutter::find_start() {
  for (;;) {
    const std::size_t at = text_.rest().find_first_not_of(" \t\r\n");
    if (at == std::string_view::npos) {
      pass(text_.rest().size());
      if (text_.ended()) return false;
      text_.more();
      continue;
    }
    pass(at);
    const char c = text_.rest().front();
    const bool opens = c == '[' && !begun_, ends = c == ']' && in_array_;
    if (opens || ends) in_array_ = opens;
    if (!opens && !ends && !(c == ',' && in_array_)) return true;
    begun_ = true;
    pass(1);
  }
}

/// Bytes of the object at the front of the text, or of what stands in its place.
std::size_t ObjectCutter::find_end() {
  const bool is_object = text_.rest().front() == '{';
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0;; ++i) {
    while (i >= text_.rest().size() && !text_.ended()) text_.more();
    if (i >= text_.rest().size()) return text_.rest().size();
    const char c = text_.rest()[i];
    if (!is_object) {
      if (i > 0 && (c == '\n' || c == ',' || c == ']')) return i;
    } else if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
}

bool ObjectCutter::next(std::string_view& object) {
  number_ += std::exchange(lines_of_last_, 0);
  if (!find_start()) return false;
  begun_ = true;
  const std::size_t size = find_end();  // which moves the text
  object = text_.rest().substr(0, size);
  lines_of_last_ = static_cast<std::size_t>(std::count(object.begin(), object.end(), '\n'));
  text_.consume(object.size());
  return true;
}

}  // namespace gpushare
