// The published trace formats, on small files of the same shape: what each counts in, and what is kept of it.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/trace.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_json.hpp"

namespace test_trace_formats {

namespace {

using namespace gpushare;
using Tokens = std::vector<std::int32_t>;
using Seconds = std::vector<double>;

TraceOptions as(std::string format) {
  TraceOptions options;
  options.format = std::move(format);
  return options;
}

std::string refusal(std::string_view text, const TraceOptions& options = {}) {
  try {
    (void)parse_trace(text, "t.jsonl", options);
  } catch (const TraceError& error) {
    return error.what();
  }
  return "accepted";
}

constexpr std::string_view kMooncake =
    R"({"timestamp": 3000, "input_length": 1030, "output_length": 20, "hash_ids": [0, 1, 2]}
{"timestamp": 3000, "input_length": 512, "output_length": 5, "hash_ids": [0]}
{"timestamp": 6000, "input_length": 600, "output_length": 7, "hash_ids": [0, 9]}
)";

TEST_CASE("Mooncake: milliseconds, and blocks of 512 tokens whose ids are kept") {
  for (const char* format : {"auto", "jsonl", "mooncake"}) {
    const Trace trace = parse_trace(kMooncake, "t.jsonl", as(format));
    CHECK(trace.arrival_s == Seconds{0, 0, 3});
    CHECK(trace.hash_ids == std::vector<std::int64_t>{0, 1, 2, 0, 0, 9});
    CHECK(trace.hash_starts == std::vector<std::int64_t>{0, 3, 4, 6});
    CHECK(trace.block_tokens == 512);
    CHECK(trace.origin.format == "mooncake");
    CHECK(trace.origin.time_unit == "ms");
    CHECK(trace.session.empty());
  }
  // Six blocks, of which 0, 1, 2 and 9 are met for the first time.
  const TraceSummary summary = inspect(parse_trace(kMooncake, "t.jsonl"));
  CHECK(summary.prefix_blocks == 6);
  CHECK(summary.prefix_hit_rate == doctest::Approx(2.0 / 6));
  CHECK(summary.ties == 1);
}

TEST_CASE(
    "vLLM's timed_trace: seconds with a fraction, blocks of 16 tokens, both of which may be overridden") {
  constexpr std::string_view text =
      R"({"timestamp": 12.5, "input_length": 42, "output_length": 8, "hash_ids": [981, 4412, 7]}
{"timestamp": 13, "input_length": 16, "output_length": 8, "hash_ids": [981]})";
  const Trace trace = parse_trace(text, "t.jsonl");
  CHECK(trace.arrival_s == Seconds{0, 0.5});
  CHECK(trace.block_tokens == 16);
  CHECK(trace.origin.format == "timed-trace");
  TraceOptions options = as("timed-trace");
  options.time_unit = "ms";
  options.block_tokens = 512;
  const Trace mooncake = parse_trace(kMooncake, "t.jsonl", options);
  CHECK(mooncake.arrival_s == Seconds{0, 0, 3});
  CHECK(mooncake.block_tokens == 512);
  CHECK(parse_trace(kMooncake, "t.jsonl", as("timed-trace")).arrival_s == Seconds{0, 0, 3000});
}

TEST_CASE("Bailian: seconds, a tree of chats, blocks of 16 tokens") {
  const Trace trace = parse_trace(
      R"({"chat_id": 7, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 21, "output_length": 2, "type": "text", "turn": 1, "hash_ids": [1, 2]}
{"chat_id": 8, "parent_chat_id": -1, "timestamp": 61.614, "input_length": 5, "output_length": 3, "type": "image", "turn": 1, "hash_ids": [3]}
{"chat_id": 9, "parent_chat_id": 7, "timestamp": 62.114, "input_length": 9, "output_length": 4, "type": "text", "turn": 2, "hash_ids": []}
{"chat_id": 11, "parent_chat_id": 10, "timestamp": 63.114, "input_length": 9, "output_length": 4, "type": "text", "turn": 5, "hash_ids": []}
)",
      "t.jsonl");
  CHECK(trace.origin.format == "bailian");
  CHECK(trace.arrival_s[3] == doctest::Approx(2));
  CHECK(trace.session == Tokens{0, 1, 0, 2});
  CHECK(trace.parent == Tokens{-1, -1, 0, -1});  // chat 10 began before the trace
  CHECK(trace.block_tokens == 16);
  CHECK(inspect(trace).sessions == 3);
}

TEST_CASE("AIPerf: milliseconds, sessions with delays, prompts as text counted at four bytes a token") {
  const Trace trace = parse_trace(
      R"({"timestamp": 0, "input_length": 6755, "output_length": 500, "hash_ids": [0, 1]}
{"timestamp": 535, "text_input": "literal prompt", "output_length": 12}
{"session_id": "s1", "timestamp": 1000, "input_length": 300, "output_length": 40}
{"session_id": "s1", "delay": 2000, "input_length": 150, "output_length": 80}
{"session_id": "s2", "timestamp": 1500, "input_length": 300, "output_length": 40}
)",
      "t.jsonl");
  CHECK(trace.origin.format == "aiperf");
  CHECK(trace.arrival_s == Seconds{0, 0.535, 1, 1.5, 3});  // the delayed one is put in its place
  CHECK(trace.input_tokens == Tokens{6755, 4, 300, 300, 150});
  CHECK(trace.session == Tokens{-1, -1, 0, 1, 0});
  CHECK(trace.parent == Tokens{-1, -1, -1, -1, 2});
  CHECK(trace.delay_s == Seconds{-1, -1, -1, -1, 2});
  CHECK(trace.origin.estimated == 1);
  CHECK(refusal(R"({"session_id": "s", "delay": 5, "input_length": 1, "output_length": 1})")
            .find("t.jsonl:1: a delay counts from the request before it in its session, but there is none") ==
        0);
}

TEST_CASE(
    "AIPerf's sessions with turns, and LLMServingSim's with sub-requests, become requests with parents") {
  const Trace turns = parse_trace(
      R"({"session_id": "s1", "turns": [{"text": "hello", "timestamp": 0, "output_length": 3}, {"text": "and then?", "delay": 1500, "output_length": 4}]})",
      "t.jsonl");
  CHECK(turns.arrival_s == Seconds{0, 1.5});
  CHECK(turns.input_tokens == Tokens{2, 3});
  CHECK(turns.parent == Tokens{-1, 0});
  const Trace calls = parse_trace(
      R"({"input_toks": 1472, "output_toks": 133, "arrival_time_ns": 4059740}
{"session_id": "a", "arrival_time_ns": 1004059740, "sub_requests": [{"input_toks": 10, "output_toks": 1, "tool_duration_ns": 500000000}, {"input_toks": 20, "output_toks": 2, "tool_duration_ns": 0}]}
{"arrival_time_ns": 1254059740, "sub_requests": [{"input_toks": 30, "output_toks": 3}, {"input_toks": 40, "output_toks": 4}]}
)",
      "t.jsonl");
  CHECK(calls.origin.format == "llmservingsim");
  CHECK(calls.arrival_s == Seconds{0, 1, 1.25, 1.25, 1.5});
  CHECK(calls.input_tokens == Tokens{1472, 10, 30, 40, 20});
  CHECK(calls.session == Tokens{-1, 0, 1, 1, 0});
  CHECK(calls.parent == Tokens{-1, -1, -1, 2, 1});
  CHECK(calls.delay_s == Seconds{-1, -1, -1, 0, 0.5});
}

TEST_CASE("BurstGPT: both layouts by header name, blank sessions on API rows, failures counted") {
  const Trace first = parse_trace(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,API log\n118,GPT-4,417,276,693,API "
      "log\n",
      "b.csv");
  CHECK(first.arrival_s == Seconds{0, 113});
  CHECK(first.origin.format == "burstgpt");
  CHECK(first.origin.rows == 3);
  CHECK(first.origin.empty_outputs == 1);
  const Trace third = parse_trace(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "19440110.0,1722ac82,43,GPT-4,906,446,1352,Conversation log\n"
      "19440161.0,,2,ChatGPT,36,29,65,API log\n19440192.5,1722ac82,8,GPT-4,17,12,29,Conversation log\n",
      "b.csv", as("burstgpt"));
  CHECK(third.arrival_s == Seconds{0, 51, 82.5});
  CHECK(third.session == Tokens{0, -1, 0});
  CHECK(refusal("Timestamp,Model,Request tokns,Response tokens\n1,a,2,3\n", as("burstgpt")) ==
        "t.jsonl:1: no column names the input tokens; a burstgpt trace begins with the line "
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type");
}

TEST_CASE("Azure 2025 keeps the number of images") {
  const Trace trace = parse_trace(
      "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n2024-10-15 00:00:00.5,2,700,5\n2024-10-15 "
      "00:00:01,0,9,1\n",
      "m.csv", as("azure"));
  CHECK(trace.images == Tokens{2, 0});
  CHECK(trace.origin.time_unit == "date");
}

TEST_CASE("rows out of order are refused, or put in order with everything that belongs to them") {
  constexpr std::string_view text =
      R"({"timestamp": 4000, "input_length": 1, "output_length": 1, "hash_ids": [5]}
{"timestamp": 1000, "input_length": 2, "output_length": 2, "hash_ids": [6, 7]}
{"timestamp": 2000, "input_length": 3, "output_length": 3, "hash_ids": []}
)";
  CHECK(refusal(text).find("t.jsonl:2: the arrival 1000 lies before 4000 (line 1)") == 0);
  TraceOptions options;
  options.sort = true;
  const Trace trace = parse_trace(text, "t.jsonl", options);
  CHECK(trace.arrival_s == Seconds{0, 1, 3});
  CHECK(trace.input_tokens == Tokens{2, 3, 1});
  CHECK(trace.hash_ids == std::vector<std::int64_t>{6, 7, 5});
  CHECK(trace.hash_starts == std::vector<std::int64_t>{0, 2, 2, 3});
  CHECK(trace.origin.inversions == 1);
}

TEST_CASE("all columns survive being saved as JSON lines, all but the block ids as CSV") {
  const Trace trace = parse_trace(
      R"({"session_id": "s", "timestamp": 250, "input_length": 600, "output_length": 4, "hash_ids": [4, 5], "images": 3}
{"session_id": "s", "delay": 125, "input_length": 9, "output_length": 8})",
      "t.jsonl");
  const std::string folder = std::filesystem::temp_directory_path().string();
  for (const char* name : {"gpushare-formats.jsonl", "gpushare-formats.csv"}) {
    const std::string path = folder + "/" + name;
    save_trace(trace, path);
    const Trace back = load_trace(path);
    std::filesystem::remove(path);
    CHECK(back.arrival_s == trace.arrival_s);
    CHECK(back.session == trace.session);
    CHECK(back.parent == trace.parent);
    CHECK(back.delay_s == trace.delay_s);
    CHECK(back.images == trace.images);
    const bool lines = path.ends_with("jsonl");
    CHECK(back.hash_ids == (lines ? trace.hash_ids : std::vector<std::int64_t>{}));
    CHECK(back.hash_starts == (lines ? trace.hash_starts : std::vector<std::int64_t>{}));
    CHECK(back.block_tokens == (lines ? 512 : 0));
  }
}

TEST_CASE("what is wrong in a format's own members is said with its line") {
  const auto line = [](std::string_view rest) {
    return R"({"timestamp": 1, "input_length": 1, "output_length": 1, )" + std::string(rest) + "}";
  };
  CHECK(refusal(line(R"("hash_ids": [1, "2"])")) ==
        R"(t.jsonl:1: member "hash_ids": expected an array of whole numbers, found "[...]")");
  CHECK(refusal(line(R"("hash_ids": {"a": [1]})")) ==
        R"(t.jsonl:1: member "hash_ids": expected an array of whole numbers, found "{...}")");
  CHECK(refusal(line(R"("chat_id": "x", "hash_ids": [])")) ==
        R"(t.jsonl:1: member "chat_id": expected a whole number, found the string "x")");
  CHECK(refusal(line(R"("session_id": [])")) ==
        R"(t.jsonl:1: member "session_id": expected a text or a number, found "[...]")");
  CHECK(refusal(line(R"("parent": 0)")) ==
        R"(t.jsonl:1: member "parent": expected the number of an earlier request, or -1, found "0")");
  CHECK(refusal(R"({"session_id": "a", "turns": [1]})") ==
        R"(t.jsonl:1: member "turns": expected an array of objects)");
  TraceOptions options;
  options.time_unit = "mz";
  CHECK(refusal(kMooncake, options) ==
        R"(t.jsonl: unknown time unit "mz"; did you mean "ms"? Known units: auto, s, ms, us, ns)");
}

TEST_CASE("the scanner takes what JSON is and refuses what it is not") {
  for (const char* good :
       {"{}", "[1, -2.5e3, \"a\\u00e9\", null, {\"b\": [[], {}]}]", "1e-999", "\"\xc3\xa9\""})
    CHECK(is_json(good));
  for (const char* bad :
       {"", "01", "1.", "[1,]", "{\"a\" 1}", "1e999", "nul", "\"\xff\"", "\"\\ud800\"", "[1}", "{} x"})
    CHECK_FALSE(is_json(bad));
  CHECK_FALSE(is_json(std::string(1'000'000, '[')));
  CHECK(is_json(std::string(1'000'000, '[') + std::string(1'000'000, ']')));
}

}  // namespace

}  // namespace test_trace_formats
