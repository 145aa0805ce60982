#include "gpushare/trace.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/statistics.hpp"

namespace test_trace {

namespace {

using namespace gpushare;
namespace fs = std::filesystem;

TraceOptions with_format(std::string format) {
  TraceOptions options;
  options.format = std::move(format);
  return options;
}

std::string refusal(std::string_view text, const TraceOptions& options = {}) {
  try {
    (void)parse_trace(text, "t.csv", options);
  } catch (const TraceError& error) {
    return error.what();
  }
  return "accepted";
}

template <class Action>
std::string trace_error(Action action) {
  try {
    action();
  } catch (const TraceError& error) {
    return error.what();
  }
  return "accepted";
}

/// An empty folder that goes with its owner.
struct Folder {
  fs::path path;
  explicit Folder(const char* name)
      : path(fs::temp_directory_path() / (std::string("gpushare-test-trace-") + name)) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  [[nodiscard]] std::string file(const char* name) const { return (path / name).string(); }
};

std::string contents(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

const std::vector<double> kThreeTimes = {0, 4.3144790, 4.3144791};
const std::vector<std::int32_t> kThreeInputs = {374, 396, 0};
const std::vector<std::int32_t> kThreeOutputs = {44, 109, 1};

constexpr std::string_view kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:15:46.6805900,374,44\n"
    "2023-11-16 18:15:50.9950690,396,109\n"
    "2023-11-16 18:15:50.9950691,0,1";  // like the published file: no newline at its end

void check_three(const Trace& trace) {
  CHECK(trace.arrival_s == kThreeTimes);
  CHECK(trace.input_tokens == kThreeInputs);
  CHECK(trace.output_tokens == kThreeOutputs);
}

TEST_CASE("Azure's 2023 layout is read to its hundred nanoseconds, with and without being named") {
  check_three(parse_trace(kAzure, "folder/azure.csv"));
  check_three(parse_trace(kAzure, "azure.csv", with_format("azure")));
  check_three(parse_trace(kAzure, "azure.csv", with_format("csv")));
  CHECK(parse_trace(kAzure, "folder/azure_conv.csv").name == "azure_conv");
}

TEST_CASE("Azure's 2024 layout mixes times with and without a fraction, over midnight and a leap day") {
  const Trace trace = parse_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2024-02-28 23:59:59.5+00:00,1,1\n"
      "2024-02-29 00:00:00+00:00,1,1\n"
      "2024-02-29T02:00:01.000001+02:00,1,1\n"
      "2024-03-01 00:00:00Z,1,1\n",
      "t.csv");
  CHECK(trace.arrival_s == std::vector<double>{0, 0.5, 1.500001, 86400.5});
}

TEST_CASE("columns are found by name, in any order and case, in the units that their names say") {
  const std::vector<double> times = {0, 1.5};
  for (const char* text :
       {"arrived_at,num_prefill_tokens,num_decode_tokens\n0,7,8\n1.5,9,10\n",                      // vidur
        "Timestamp,Model,Request tokens,Response tokens,Total tokens\n5,G,7,8,15\n6.5,G,9,10,19",  // BurstGPT
        "completion_tokens,TIME_MS,prompt_tokens\n8,100,7\n10,1600,9\n",
        "arrival_us,input_toks,output_toks\n1000000,7,8\n2500000,9,10\n",
        "ts,PrefillTokens,decode_tokens\n0,7,8\n1.5,9,10\n", "Timestamp,PromptLen,GenLen\n0,7,8\n1.5,9,10\n",
        "arrival_time_ns,input_tokens,output_tokens\n1700000000000000001,7,8\n1700000001500000001,9,10\n",
        "\xef\xbb\xbf"
        "arrival_s , input_length , output_length\r\n 2 , 7 , 8 \r\n\r\n3.5e0,9,10\r\n",
        "\"arrival_s\",\"note, \"\"quoted\"\"\",input_tokens,output_tokens\n"
        "\"2\",\"two\nlines\",\"7\",8\n3.5,\"say \"\"hi\"\"\",9,\"10\""}) {
    CAPTURE(text);
    const Trace trace = parse_trace(text, "t.csv");
    CHECK(trace.arrival_s == times);
    CHECK(trace.input_tokens == std::vector<std::int32_t>{7, 9});
    CHECK(trace.output_tokens == std::vector<std::int32_t>{8, 10});
  }
}

TEST_CASE("small times are written with an exponent, which is no date") {
  for (const std::string time : {"1.5e-09", "1.5E-3", "1e-05", "123e-5", "2.5e+1"}) {
    const Trace trace =
        parse_trace("arrival_s,input_tokens,output_tokens\n0,1,2\n" + time + ",1,2\n", "x.csv");
    CHECK(trace.arrival_s.back() == std::stod(time));
  }
}

TEST_CASE("JSON lines: Mooncake counts milliseconds, everyone else what the name says") {
  for (const char* text :
       {"{\"timestamp\": 1000, \"input_length\": 7, \"output_length\": 8, \"hash_ids\": [0, 1]}\n"
        "{\"timestamp\": 2500, \"input_length\": 9, \"output_length\": 10, \"hash_ids\": []}\n",
        "{\"chat_id\": 1, \"timestamp\": 61, \"input_length\": 7, \"output_length\": 8, \"hash_ids\": [1]}\n"
        "{\"chat_id\": 2, \"timestamp\": 62.5, \"input_length\": 9, \"output_length\": 10, \"hash_ids\": "
        "[1]}\n",
        "{\"input_toks\": 7, \"output_toks\": 8, \"arrival_time_ns\": 46926808}\r\n\r\n"
        "{\"input_toks\": 9, \"output_toks\": 10, \"arrival_time_ns\": 1546926808, \"more\": "
        "{\"input_toks\": -1}}",
        "{\"arrival_s\": 0.0, \"input_tokens\": 7, \"output_tokens\": 8}\n"
        "{\"output_tokens\": 10, \"input_tokens\": 9, \"arrival_s\": 15e-1}\n",
        "{\"timestamp\": \"2023-11-16 18:00:00\", \"prompt_tokens\": 7, \"completion_tokens\": 8}\n"
        "{\"timestamp\": \"2023-11-16 18:00:01.5\", \"prompt_tokens\": 9, \"completion_tokens\": 10}\n"}) {
    CAPTURE(text);
    const Trace trace = parse_trace(text, "t.jsonl");
    CHECK(trace.arrival_s == std::vector<double>{0, 1.5});
    CHECK(trace.input_tokens == std::vector<std::int32_t>{7, 9});
    CHECK(trace.output_tokens == std::vector<std::int32_t>{8, 10});
  }
}

TEST_CASE("requests without output are dropped, or kept when asked, and time starts at the first one kept") {
  constexpr std::string_view text = "arrival_s,input_tokens,output_tokens\n1,5,0\n2,6,1\n3,7,0\n5,8,2\n";
  const Trace kept = parse_trace(text, "t.csv");
  CHECK(kept.arrival_s == std::vector<double>{0, 3});
  CHECK(kept.input_tokens == std::vector<std::int32_t>{6, 8});
  CHECK(inspect(kept).empty_outputs == 0);
  TraceOptions all;
  all.keep_empty = true;
  const Trace whole = parse_trace(text, "t.csv", all);
  CHECK(whole.arrival_s == std::vector<double>{0, 1, 2, 4});
  CHECK(inspect(whole).empty_outputs == 2);
  CHECK(refusal("arrival_s,input_tokens,output_tokens\n1,5,0\n2,5,0\n") ==
        "t.csv: all 2 requests have zero output tokens; keep_empty keeps them");
}

TEST_CASE("a bad value is refused with its line, its column, what was found and what is legal") {
  const std::string head = "arrival_s,input_tokens,output_tokens\n1,2,3\n";
  const std::string tokens = "expected a whole number of tokens from 0 to 10000000, found ";
  const std::string time = "expected a number, or a date such as 2023-11-16 18:15:46.6805900, found ";
  CHECK(refusal(head + "2,-1,3\n") == "t.csv:3: column \"input_tokens\": " + tokens + "\"-1\"");
  CHECK(refusal(head + "2,1,3.5\n") == "t.csv:3: column \"output_tokens\": " + tokens + "\"3.5\"");
  CHECK(refusal(head + "2,10000001,3\n") == "t.csv:3: column \"input_tokens\": " + tokens + "\"10000001\"");
  CHECK(refusal(head + "2,99999999999999999999,3\n") ==
        "t.csv:3: column \"input_tokens\": " + tokens + "\"99999999999999999999\"");
  CHECK(refusal(head + "2,,3\n") == "t.csv:3: column \"input_tokens\": " + tokens + "\"\"");
  for (const char* bad : {"nan", "inf", "1e999", "abc", "1.5s", "0x10", "", "2023-13-01 00:00:00",
                          "2023-02-29 00:00:00", "2023-11-16 24:00:01", "2023-11-16 18:15:46.", "2023-11-16",
                          "2023-11-16 18:15:46.1234567891", "2023-11-16 18:15:46+1", "1969-12-31 23:59:59"}) {
    CHECK(refusal(head + bad + ",1,1\n") == "t.csv:3: column \"arrival_s\": " + time + "\"" + bad + "\"");
  }
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n12,1,1\n", with_format("azure")) ==
        "t.csv:2: column \"TIMESTAMP\": expected a date such as 2023-11-16 18:15:46.6805900, found \"12\"");
  CHECK(refusal(head + "2,1\n") == "t.csv:3: expected 3 fields as in the header line, found 2");
  CHECK(refusal(head + "\n\n2,\"1,1\n") == "t.csv:5: a quoted field has no closing quote");
  CHECK(refusal(head + "2,\"1\"x,1\n") ==
        "t.csv:3: expected a comma or the end of the line after the quoted field \"1\", found \"x\"");
  CHECK(refusal(head + "1e300,1,1\n") == "t.csv:3: column \"arrival_s\": " + time + "\"1e300\"");
  CHECK(refusal(head + "1e11,1,1\n") ==
        "t.csv:3: the arrival 100000000000 is more than 146 years after the first; is the unit right?");
}

TEST_CASE("a trace that goes back in time is refused with the line and both times") {
  CHECK(refusal("arrival_s,input_tokens,output_tokens\n1,2,3\n4.25,2,0\n\n3.5,2,3\n") ==
        "t.csv:5: the arrival 3.5 lies before 4.25 (line 3); sort the trace by arrival");
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                "2023-11-16 18:15:46.6805900,1,1\n2023-11-16 18:15:46.68,1,1\n") ==
        "t.csv:3: the arrival 2023-11-16 18:15:46.68 lies before 2023-11-16 18:15:46.68059 (line 2); "
        "sort the trace by arrival");
  CHECK(refusal(
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,1\n2023-11-16 18:15:47Z,1,1\n") ==
        "t.csv:3: the arrival 2023-11-16 18:15:47Z is not of the same kind as 2023-11-16 18:15:46 (line 2); "
        "use "
        "numbers, dates, dates with a time zone or clocks throughout");
}

TEST_CASE("an empty trace, and files that are no traces, are refused") {
  CHECK(refusal("") == "t.csv: the trace is empty; expected at least one request");
  CHECK(refusal("\n \r\n") == "t.csv: the trace is empty; expected at least one request");
  CHECK(refusal("arrival_s,input_tokens,output_tokens\n") ==
        "t.csv: the trace is empty; expected at least one request");
  CHECK(refusal("[{\"timestamp\": 1}]").find("t.csv:1: no member of the object names the input tokens") == 0);
  CHECK(refusal("\x1f\x8b\x08") ==
        "t.csv: the file is compressed (gzip); unpack or convert it first, or "
        "read it with the Python package");
  CHECK(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\n") ==
        "t.csv: the file is a Git LFS pointer, not the trace itself; run git lfs pull");
  CHECK(refusal("arrival_s,input_tokens,output_tokens\n", with_format("jsnol")) ==
        "t.csv: unknown trace format \"jsnol\"; did you mean \"jsonl\"? Known formats: auto, azure, "
        "burstgpt, csv, "
        "jsonl, mooncake, aiperf, bailian, timed-trace, llmservingsim, nginx, envoy, "
        "ollama, w3c");
}

TEST_CASE("unknown columns are refused with what was found, what is known, and the nearest name") {
  CHECK(refusal("arrival_s,input_tokns,output_tokens\n1,2,3\n") ==
        "t.csv:1: no column of the header line names the input tokens; found \"arrival_s\", \"input_tokns\", "
        "\"output_tokens\"; did you mean \"input_tokens\"? Known names: input_tokens, num_prefill_tokens, "
        "ContextTokens, Request tokens, prompt_tokens, input_length, input_toks; or say which it is with "
        "columns "
        "(--columns): input=NAME, or input=1000 for as many in all requests");
  CHECK(refusal("0.136,1164,76\n0.367,1286,252\n") ==
        "t.csv:1: the first line holds values, not names: \"0.136\", \"1164\", \"76\"; say which column is "
        "which with "
        "columns (--columns), as in arrival=#1,input=#2,output=#3");
  // A file that is one long line of something else: an answer at once, and a short one.
  CHECK(refusal(std::string(3'000'000, 'x')).size() < 500);
  CHECK(refusal(std::string(3'000'000, ',')).size() < 500);
  CHECK(refusal("time,timestamp_ms,input_tokens,output_tokens\n1,2,3,4\n") ==
        "t.csv:1: columns \"time\" and \"timestamp_ms\" both name the arrival time; keep one of them");
  CHECK(refusal("arrival_s,input_tokens,output_tokens\n1,2,3\n", with_format("azure")) ==
        "t.csv:1: no column names the arrival time; an azure trace begins with the line "
        "TIMESTAMP,ContextTokens,GeneratedTokens");
}

TEST_CASE("lines of an array are read without its brackets") {
  const std::string line = R"({"arrival_s": 1, "input_tokens": 2, "output_tokens": 3})";
  const Trace plain = parse_trace(line + "\n" + line + "\n", "t.jsonl");
  for (const char* between : {",\n", ", \r\n", ",\n\n"}) {
    const Trace cut = parse_trace(line + between + line + between, "t.jsonl");
    CHECK(cut.input_tokens == plain.input_tokens);
    CHECK(cut.arrival_s == plain.arrival_s);
  }
}

TEST_CASE("broken JSON lines are refused with line and remedy") {
  const std::string good = "{\"arrival_s\": 1, \"input_tokens\": 2, \"output_tokens\": 3}\n";
  CHECK(refusal(good + "\n{\"arrival_s\": 1,\n") ==
        "t.csv:3: not a JSON object: broken at column 17, near \"1,\"");
  CHECK(refusal(good + "{\"arrival_s\": NaN}\n").find("; write null") != std::string::npos);
  CHECK(refusal(good + "{'arrival_s': 1}\n").find("stand in double quotes") != std::string::npos);
  CHECK(refusal(good + "{\"arrival_s\": NaN}\n").find("t.csv:2: not a JSON object: broken at column 15") ==
        0);
  CHECK(refusal(good + "[1]\n") == "t.csv:2: expected a JSON object, found \"[1]\"");
  CHECK(refusal(good + "{\"arrival_s\": 1e999}\n") == "t.csv:2: the number \"1e999\" is too large");
  CHECK(refusal(good + "{\"arrival_s\": 2, \"input_tokens\": \"2a\", \"output_tokens\": 3}\n") ==
        "t.csv:2: member \"input_tokens\": expected a whole number of tokens from 0 to 10000000, found the "
        "string "
        "\"2a\"");
  CHECK(refusal(good + "{\"arrival_s\": null, \"input_tokens\": 2, \"output_tokens\": 3}\n") ==
        "t.csv:2: member \"arrival_s\": expected a number, or a date such as 2023-11-16 18:15:46.6805900, "
        "found "
        "\"null\"");
  CHECK(refusal(good + "{\"arrival_s\": 2, \"output_tokens\": 3, \"output_tokens\": 3}\n") ==
        "t.csv:2: members \"output_tokens\" and \"output_tokens\" both name the output tokens; keep one of "
        "them");
  CHECK(refusal(good + "{\"time\": 2, \"input_tokens\": 2, \"output_tokens\": 3}\n") ==
        "t.csv:2: the arrival is in \"time\" here and in \"arrival_s\" above");
  CHECK(refusal("{\"session_id\": \"s\", \"arrival_time_ns\": 1}\n")
            .find("t.csv:1: no member of the object names the input tokens; found \"session_id\"") == 0);
  CHECK(refusal("{\"session_id\": \"s\", \"arrival_time_ns\": 1, \"sub_requests\": []}\n") ==
        "t.csv:1: member \"sub_requests\": expected at least one request, found \"[...]\"");
  const std::string mooncake =
      "{\"timestamp\": 5, \"input_length\": 2, \"output_length\": 3, \"hash_ids\": []}\n";
  const std::string seconds = "{\"timestamp\": 5.5, \"input_length\": 2, \"output_length\": 3}\n";
  CHECK(refusal(mooncake + seconds) ==
        "t.csv:2: member \"timestamp\": expected whole milliseconds as in the lines above, or the name "
        "arrival_s, "
        "found \"5.5\"");
  CHECK(refusal(seconds + mooncake).find("t.csv:2: with hash_ids a whole timestamp counts milliseconds") ==
        0);
}

TEST_CASE("a saved trace reads back the same, replaces its file whole and leaves nothing beside it") {
  const Folder folder("save");
  Trace trace = azure_conversation_like(1, 60);
  trace.arrival_s.back() += 1.0 / 3;
  const std::string path = folder.file("azure_conversation_like.csv");
  std::ofstream(path) << "old";
  save_trace(trace, path);
  const Trace read = load_trace(path);
  CHECK(read.arrival_s == trace.arrival_s);
  CHECK(read.input_tokens == trace.input_tokens);
  CHECK(read.output_tokens == trace.output_tokens);
  CHECK(read.name == trace.name);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator{}) == 1);

  save_trace(Trace{{0, 0.1}, {1, 2}, {3, 4}, "t"}, path);
  CHECK(contents(path) == "arrival_s,input_tokens,output_tokens\n0,1,3\n0.1,2,4\n");
}

TEST_CASE("a trace that cannot be read or written is named with the reason") {
  const Folder folder("errors");
  const std::string missing = folder.file("none/t.csv");
  CHECK(trace_error([&] { (void)load_trace(missing); }) ==
        missing + ": cannot open the trace: No such file or directory");
  CHECK(trace_error([&] { (void)load_trace(folder.path.string()); }) ==
        folder.path.string() + ": expected a trace file, found a folder");
  const Trace one{{0}, {1}, {1}, "one"};
  CHECK(trace_error([&] { save_trace(one, missing); }) ==
        missing + ": cannot write the trace: No such file or directory");
  CHECK(trace_error([&] { save_trace(one, folder.path.string()); }) ==
        folder.path.string() + ": cannot write the trace: Is a directory");
  CHECK(fs::is_empty(folder.path));
  CHECK(trace_error([&] { save_trace(Trace{}, folder.file("t.csv")); }) ==
        folder.file("t.csv") + ": the trace is empty; expected at least one request");
  CHECK(trace_error([&] {
          save_trace(Trace{{0, 1}, {1}, {1, 1}, "odd"}, missing);
        }) == "odd: columns differ in length: 2 arrivals, 1 inputs, 2 outputs");
  CHECK(trace_error([&] {
          (void)inspect(Trace{{1, 0}, {1, 1}, {1, 1}, "back"});
        }) == "back: request 1: expected an arrival of at least 1 s, found 0");
}

TEST_CASE("inspect counts what a trace holds") {
  // Gaps 0, 1, 2, 17: mean 5, deviations 25, 16, 9, 144 over 3, so CV = sqrt(194 / 3) / 5.
  const Trace trace{{0, 0, 1, 3, 20}, {10, 20, 30, 40, 50}, {0, 1, 2, 3, 4}, "five"};
  const TraceSummary summary = inspect(trace);
  CHECK(summary.requests == 5);
  CHECK(summary.duration_s == 20);
  CHECK(summary.rate_per_s == doctest::Approx(0.2));
  CHECK(summary.gap_cv == doctest::Approx(1.608312));
  // 20 windows of 1 s hold 2, 1, 0, 1, 0 ...: mean 0.2, mean square 0.3; the request at 20 s lies in none.
  CHECK(summary.dispersion_1s == doctest::Approx((0.3 - 0.04) / 0.2));
  // Two windows of 10 s hold 4 and 0: mean 2, variance 4.
  CHECK(summary.dispersion_10s == doctest::Approx(2));
  CHECK(summary.dispersion_60s == 0);
  CHECK(summary.ties == 1);
  CHECK(summary.empty_outputs == 1);
  CHECK(summary.input_mean == 30);
  CHECK(summary.input_p50 == 30);
  CHECK(summary.input_p90 == doctest::Approx(46));
  CHECK(summary.input_p99 == doctest::Approx(49.6));
  CHECK(summary.input_max == 50);
  CHECK(summary.output_mean == 2);
  CHECK(summary.output_p50 == 2);
  CHECK(summary.output_p90 == doctest::Approx(3.6));
  CHECK(summary.output_p99 == doctest::Approx(3.96));
  CHECK(summary.output_max == 4);
}

TEST_CASE(
    "numbers that are dates of our time only in a smaller unit count that, unless somebody says the unit") {
  const auto csv = [](const std::string& name, const std::string& first, const std::string& second) {
    return name + ",input_tokens,output_tokens\n" + first + ",1,2\n" + second + ",3,4\n";
  };
  for (const auto& [first, second, unit] : {std::tuple{"1778954400135", "1778954401635", "ms"},
                                            std::tuple{"1778954400135000", "1778954401635000", "us"},
                                            std::tuple{"1778954400135000000", "1778954401635000000", "ns"}}) {
    const Trace trace = parse_trace(csv("timestamp", first, second), "t.csv");
    CHECK(trace.arrival_s == std::vector<double>{0, 1.5});
    CHECK(trace.origin.time_unit == unit);
    CHECK(trace.origin.guessed_unit);
  }
  const std::string lines = R"({"timestamp": 1778954400135, "input_tokens": 1, "output_tokens": 2})"
                            "\n"
                            R"({"timestamp": 1778954401635, "input_tokens": 1, "output_tokens": 2})";
  CHECK(parse_trace(lines, "t.jsonl").arrival_s == std::vector<double>{0, 1.5});
  TraceOptions seconds;
  seconds.time_unit = "s";
  CHECK(parse_trace(csv("timestamp", "1778954400135", "1778954400136"), "t.csv", seconds).arrival_s.back() ==
        1);
  CHECK(parse_trace(csv("arrival_s", "1778954400135", "1778954400136"), "t.csv").arrival_s.back() == 1);
  const Trace plain = parse_trace(csv("timestamp", "1778954400", "1778954401"), "t.csv");
  CHECK(plain.arrival_s.back() == 1);
  CHECK_FALSE(plain.origin.guessed_unit);
}

TEST_CASE("inspect of one request, of none, and of long silences neither divides by zero nor takes long") {
  const TraceSummary one = inspect(Trace{{0}, {3}, {4}, "one"});
  CHECK(one.requests == 1);
  CHECK(one.rate_per_s == 0);
  CHECK(one.gap_cv == 0);
  CHECK(one.output_p99 == 4);
  CHECK(inspect(Trace{}).requests == 0);
  CHECK(inspect(Trace{{0, 0}, {1, 1}, {1, 1}, "tie"}).rate_per_s == 0);
  // n windows, one with one request and one with none counted at the end: variance / mean = 1 - 1/n.
  CHECK(inspect(Trace{{0, 4e9}, {1, 1}, {1, 1}, "rare"}).dispersion_1s == doctest::Approx(1));
}

}  // namespace

}  // namespace test_trace
