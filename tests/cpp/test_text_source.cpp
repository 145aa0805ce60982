// Files are read in blocks: whatever their size, the same trace or the same error comes out.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "gpushare/errors.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_formats.hpp"

namespace test_text_source {

namespace {

using namespace gpushare;

/// All columns of the trace, or the error.
template <class Read>
std::string outcome(Read read) {
  try {
    const Trace trace = read();
    std::string text = trace.origin.format + " " + trace.origin.reason + "\n";
    append_lines(text, trace, 0, trace.size());
    return text;
  } catch (const TraceError& error) {
    return error.what();
  }
}

const std::vector<std::string_view> kTexts = {
    // Accepted: no newline at the end, CRLF, blank lines, quotes that span lines, doubled quotes, a mark at the start.
    "arrival_s,input_tokens,output_tokens\n0,1,2\n0.5,30,4\n1,5,600",
    "arrival_s,input_tokens,output_tokens\r\n\r\n0,1,2\r\n  \r\n0.5,30,4\r\n",
    ("\xef\xbb\xbf\"note\",arrival_s,\"input_tokens\",output_tokens\n\"a,\"\"b\"\"\nc\",0,\"1\",2\n\"\",1,3,"
     "\"4\"\r\n"),
    ("\n\n \t\r\n{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 2, \"hash_ids\": [1, 2]}\r\n\n"
     "{\"timestamp\": 5, \"input_length\": 3, \"output_length\": 4, \"hash_ids\": [1]}"),
    ("{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 0.5, \"input_length\": 1, \"output_length\": "
     "1}\n"
     "{\"chat_id\": 2, \"parent_chat_id\": 1, \"timestamp\": 0.75, \"input_length\": 1, \"output_length\": "
     "1}\n"),
    // Refused, each with its line.
    "arrival_s,input_tokens,output_tokens\n0,1,2\n\n1,2\n",
    "arrival_s,input_tokens,output_tokens\n0,1,2\n\"1,2,3\n4,5,6\n",
    "arrival_s,input_tokens,output_tokens\n0,\"1\"x,2\n",
    "arrival_s,input_tokens,output_tokens\n\"0\n\",1,2\n",
    "{\"timestamp\": 0, \"input_length\": 6, \"output_length\": 2, \"hash_ids\": []}\n{\"timestamp\": 1, ",
    "{\"timestamp\": 0, \"input_length\": 6, \"output_length\": 2, \"hash_ids\": []}\n\n{\"timestamp\": 1}",
    "\x1f\x8b..................................................................................", "PAR1",
    "ARROW1", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "\xff\xfe", " \n\t", "", "[]"};

TEST_CASE("a text read in blocks of any size gives the same trace, or the same error, as one in memory") {
  for (const std::string_view text : kTexts) {
    const std::string expected = outcome([&] { return parse_trace(text, "t"); });
    CAPTURE(expected);
    for (std::size_t block = 1; block <= text.size() + 1; ++block) {
      const std::string found = outcome([&] { return read_trace_in_blocks(text, block, "t"); });
      if (found != expected) FAIL_CHECK("blocks of " << block << ": " << found);
    }
  }
}

TEST_CASE("only the records that are not yet read are kept in memory") {
  const std::string line = "0.25,7,8\n";
  std::size_t left = 200'000, most = 0;
  bool begun = false;
  TextSource text([&](char* to, std::size_t size) -> std::size_t {
    std::string block;
    if (!begun) block = "arrival_s,input_tokens,output_tokens\n";
    begun = true;
    while (left > 0 && block.size() + line.size() <= size) block += line, --left;
    return block.copy(to, size);
  });
  LineCutter lines(text);
  std::string_view found;
  std::size_t count = 0;
  while (lines.next(found)) {
    most = std::max(most, text.rest().size());
    ++count;
  }
  CHECK(count == 200'001);
  CHECK(lines.number() == 200'001);
  CHECK(most <= TextSource::kBlock);  // of 1.8 MB
}

TEST_CASE("a line longer than a block is cut whole") {
  const std::string line(1000, 'x');
  std::string_view rest = line;
  int reads = 0;
  TextSource text(
      [&](char* to, std::size_t size) {
        ++reads;
        const std::size_t got = rest.copy(to, size);
        rest.remove_prefix(got);
        return got;
      },
      10);
  LineCutter lines(text);
  std::string_view found;
  REQUIRE(lines.next(found));
  CHECK(found == line);
  CHECK(reads < 12);  // each twice as long as the one before
}

}  // namespace

}  // namespace test_text_source
