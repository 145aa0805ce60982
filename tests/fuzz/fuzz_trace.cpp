// Fuzz target of the trace parsers. The first byte chooses the options; the rest is the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gpushare/errors.hpp"
#include "gpushare/trace.hpp"
#include "traffic/trace_formats.hpp"

namespace {

using namespace gpushare;

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const Trace& a, const Trace& b) {
  return a.arrival_s == b.arrival_s && a.input_tokens == b.input_tokens && a.output_tokens == b.output_tokens;
}

// What is accepted is a legal trace, and survives being written and read.
void check_accepted(const Trace& trace) {
  require(trace.size() > 0 && trace.arrival_s.front() == 0);
  check_trace(trace);
  const TraceSummary summary = inspect(trace);
  require(summary.requests == trace.size() && summary.dispersion_1s >= 0 && summary.gap_cv >= 0);
  std::string text(kCanonicalHeader);
  append_rows(text, trace, 0, trace.size());
  TraceOptions all;
  all.keep_empty = true;
  require(same(parse_trace(text, "saved.csv", all), trace));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr const char* kFormats[] = {"auto", "azure", "csv", "jsonl"};
  TraceOptions options;
  options.format = kFormats[data[0] % 4];
  options.keep_empty = (data[0] / 4) % 2 == 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Trace trace;
  try {
    trace = parse_trace(text, "fuzz.csv", options);
  } catch (const TraceError&) {
    return 0;
  }
  check_accepted(trace);
  return 0;
}

#ifdef GPUSHARE_FUZZ_REPLAY
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

// Replays the files of the folders named, so that the corpus is a test wherever there is no libFuzzer.
int main(int argc, char** argv) {
  int replayed = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      std::cout << entry.path().filename().string() << std::endl;
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      ++replayed;
    }
  }
  std::cout << replayed << " inputs replayed\n";
  return replayed > 0 ? 0 : 2;
}
#endif
