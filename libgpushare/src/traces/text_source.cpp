#include "traces/text_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "gpushare/errors.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {

void TextSource::more() {
  if (ended_) return;
  const std::size_t kept = rest_.size();
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

TextFile::TextFile(const std::string& path) : path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw TraceError(path, "expected a trace file, found a folder");
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

}  // namespace gpushare
