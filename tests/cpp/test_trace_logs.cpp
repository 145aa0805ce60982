// Tables and JSON as people, spreadsheets and loggers write them: every way of writing reads back the same requests.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/trace.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_scan.hpp"

namespace test_trace_logs {

namespace {

using namespace gpushare;

TraceOptions with_columns(std::string columns) {
  TraceOptions options;
  options.columns = std::move(columns);
  return options;
}

std::string refusal(std::string_view text, const TraceOptions& options = {}) {
  try {
    (void)parse_trace(text, "log", options);
  } catch (const TraceError& error) {
    return error.what();
  }
  return "accepted";
}

void check_two(const Trace& trace) {
  CHECK(trace.arrival_s == std::vector<double>{0, 1.5});
  CHECK(trace.input_tokens == std::vector<std::int32_t>{1164, 9});
  CHECK(trace.output_tokens == std::vector<std::int32_t>{76, 1010});
}

TEST_CASE("a table is read whatever separates its fields and however its numbers are written") {
  for (const char* text : {"arrival_s;input_tokens;output_tokens\n1;1164;76\n2.5;9;1010\n",
                           "arrival_s\tinput_tokens\toutput_tokens\n1\t1164\t76\n2.5\t9\t1010\n",
                           "arrival_s|input_tokens|output_tokens\r\n1|1164|76\r\n2.5|9|1010\r\n",
                           "arrival_s,input_tokens,output_tokens\n1,\"1,164\",76\n2.5,9,\"1,010\"\n",
                           "arrival_s;input_tokens;output_tokens\n1,0;1.164;76\n2,5;9;1.010\n",
                           "arrival_s;input_tokens;output_tokens\n1,0;1164,0;76,0\n2,5;9,0;1010,0\n",
                           "arrival_s,input_tokens,output_tokens\n1,1164.0,76.0\n2.5,9.0,1.01e3\n",
                           "arrival_s,input_tokens,output_tokens\n1,1_164,76\n2.5,9,1'010\n",
                           ",arrival_s,input_tokens,output_tokens\n0,1,1164,76\n1,2.5,9,1010\n"}) {
    CAPTURE(text);
    check_two(parse_trace(text, "log"));
  }
  CHECK(parse_trace("arrival_s;input_tokens;output_tokens\n1;1;1\n", "log").origin.delimiter == "semicolon");
}

TEST_CASE("names are the same in any case and however their words are separated") {
  for (const char* text : {"startTime,promptTokens,completionTokens\n1,1164,76\n2.5,9,1010\n",
                           "Start Time,Prompt Tokens,Completion-Tokens\n1,1164,76\n2.5,9,1010\n",
                           "startTimeMs,inputTokens,OutputTokens\n1000,1164,76\n2500,9,1010\n",
                           "timestamp (ms),isl,osl\n1000,1164,76\n2500,9,1010\n"}) {
    CAPTURE(text);
    check_two(parse_trace(text, "log"));
  }
}

TEST_CASE("of the times of a log that of the start counts, and its rows are put in their order") {
  const Trace trace = parse_trace(
      "request_id,call_type,startTime,endTime,completionStartTime,model,total_tokens,prompt_tokens,"
      "completion_tokens\n"
      "b,x,2026-05-16T18:00:01.5+00:00,2026-05-16T18:00:02+00:00,2026-05-16T18:00:01.6+00:00,m,1019,9,1010\n"
      "a,x,2026-05-16T18:00:00+00:00,2026-05-16T18:00:03+00:00,2026-05-16T18:00:00.5+00:00,m,1240,1164,76\n",
      "spend.csv");
  check_two(trace);
  CHECK(trace.origin.is_log);
  CHECK(trace.origin.inversions == 1);
  CHECK(trace.origin.columns == "arrival=startTime,input=prompt_tokens,output=completion_tokens");
}

TEST_CASE("JSON is read as lines, as objects over several lines, and as an array of rows") {
  for (const char* text :
       {"[{\"time\": 1, \"input_tokens\": 1164, \"output_tokens\": 76}, {\"time\": 2.5, \"input_tokens\": 9, "
        "\"output_tokens\": 1010}]",
        "[\n  {\n    \"time\": 1,\n    \"input_tokens\": 1164,\n    \"output_tokens\": 76\n  },\n  "
        "{\"time\": 2.5,\n "
        "\"input_tokens\": 9, \"output_tokens\": 1010}\n]\n",
        "{\n \"time\": 1, \"note\": \"a \\\" } b\", \"input_tokens\": 1164, \"output_tokens\": 76\n}\n{\n "
        "\"time\": "
        "2.5, \"input_tokens\": 9, \"output_tokens\": 1010\n}\n",
        "{\"time\": \"1\", \"input_tokens\": \"1164\", \"output_tokens\": 76.0}\n"
        "{\"time\": \"2.5\", \"input_tokens\": 9, \"output_tokens\": \"1,010\"}\n"}) {
    CAPTURE(text);
    check_two(parse_trace(text, "log"));
    for (const std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{64}})
      check_two(read_trace_in_blocks(text, block, "log"));
  }
  CHECK(refusal("[{\"time\": 1, \"input_tokens\": 4, \"output_tokens\": 6},\n") ==
        "log:2: the array has no end: the file is cut short");
  CHECK(refusal("[1, 2]") == "log:1: expected a JSON object, found \"1\"");
}

TEST_CASE("members inside members are found where no outer one says the same") {
  const Trace records = parse_trace(
      R"({"metadata": {"session_num": 0, "request_start_ns": 1778954400000000000, "request_end_ns": 1778954401000000000},)"
      R"( "metrics": {"input_sequence_length": {"value": 1164, "unit": "tokens"}, "output_sequence_length": {"value": 76,)"
      R"( "unit": "tokens"}}, "error": null})"
      "\n"
      R"({"metadata": {"session_num": 2, "request_start_ns": 1778954409000000000}, "metrics": {}, "error": {"code": 5}})"
      "\n"
      R"({"metadata": {"session_num": 1, "request_start_ns": 1778954401500000000}, "metrics": {"input_sequence_length":)"
      R"( {"value": 9}, "output_sequence_length": {"value": 1010}}, "error": null})"
      "\n",
      "records.jsonl");
  check_two(records);
  CHECK(records.origin.time_unit == "ns");
  CHECK(records.origin.failed == 1);
  CHECK(records.origin.empty_outputs == 1);
  check_two(parse_trace(
      R"({"created": 1778954400, "usage": {"prompt_tokens": 1164, "completion_tokens": 76}})"
      "\n"
      R"({"created": 1778954401.5, "usage": {"completion_tokens": 1010, "prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}})"
      "\n",
      "openai.jsonl"));
  CHECK(refusal(R"({"time": 1, "a": {"input_tokens": 1}, "b": {"input_tokens": 2}, "output_tokens": 3})") ==
        "log:1: members \"a.input_tokens\" and \"b.input_tokens\" both name the input tokens; say which one "
        "counts with "
        "columns (--columns)");
}

TEST_CASE("columns can be said by name, by path, by place, and as one length for all requests") {
  check_two(
      parse_trace("x,in,out\n1,1164,76\n2.5,9,1010\n", "log", with_columns("arrival=x,input=in,output=out")));
  check_two(parse_trace("1,1164,76\n2.5,9,1010\n", "log", with_columns("arrival=#1,input=#2,output=#3")));
  check_two(parse_trace("t,1164,76\n1,1164,76\n2.5,9,1010\n", "log",
                        with_columns("arrival=#1,input=#2,output=#3")));
  check_two(parse_trace("a, b;in;out\n1;1164;76\n2.5;9;1010\n", "log",
                        with_columns("arrival=a, b,input=in,output=out")));
  check_two(parse_trace(
      "{\"x\": {\"t\": 1, \"n\": 1164}, \"out\": 76}\n{\"x\": {\"t\": 2.5, \"n\": 9}, \"out\": 1010}\n",
      "log", with_columns("arrival=x.t,input=x.n,output=out")));
  const Trace constant = parse_trace("timestamp\n1\n2\n", "log", with_columns("input=1000,output=200"));
  CHECK(constant.input_tokens == std::vector<std::int32_t>{1000, 1000});
  CHECK(constant.output_tokens == std::vector<std::int32_t>{200, 200});
  // A given name takes the place of a known one.
  CHECK(parse_trace("time,input_tokens,output_tokens,billed\n1,2,3,4\n", "log", with_columns("input=billed"))
            .input_tokens.front() == 4);
  CHECK(
      refusal("time,input_tokens,output_tokens\n1,2,3\n", with_columns("input=inputs")) ==
      "log:1: columns: no column is called \"inputs\"; found \"time\", \"input_tokens\", \"output_tokens\"");
  CHECK(refusal("time,input_tokens\n1,2\n", with_columns("output=#3")) ==
        "log:1: columns: output=#3, but the line has 2 fields");
  CHECK(refusal("time\n1\n", with_columns("when=ts"))
            .find("log: columns: found \"when=ts\"; write which column") == 0);
  CHECK(refusal("time\n1\n", with_columns("input=0"))
            .find("log: columns: input: expected 1 to 10000000 tokens") == 0);
  CHECK(refusal("time\n1\n", with_columns("input=a,input=b")).find("log: columns: input is given twice") ==
        0);
}

TEST_CASE("a gap where the lengths should be is a request that failed") {
  const Trace trace = parse_trace(
      "time,input_tokens,output_tokens\n1,1164.0,76.0\n1.2,,\n1.3,5.0,nan\n2.5,9.0,1010.0\n", "log");
  check_two(trace);
  CHECK(trace.origin.failed == 2);
  CHECK(
      refusal("time,input_tokens,output_tokens\n1,,76\n").find("log:2: column \"input_tokens\": expected") ==
      0);
}

TEST_CASE("dates are read as ISO, as web servers, and as American and German tables write them") {
  const auto ticks = [](std::string_view text) {
    const auto found = scan_date(text);
    return found ? found->ticks / 1'000'000 : -1;
  };
  constexpr std::int64_t at = 1'795'973'420'000;  // 2026-11-29 17:30:20
  for (const char* text :
       {"2026-11-29 17:30:20", "2026-11-29T17:30:20Z", "2026/11/29 17:30:20", "2026-11-29 17:30:20 UTC",
        "29/Nov/2026:17:30:20 +0000", "29/Nov/2026:18:30:20 +0100", "11/29/2026 17:30:20",
        "11/29/2026, 5:30:20 PM", "29.11.2026 17:30:20", "2026-11-29 17:30:20 +0000"}) {
    CAPTURE(text);
    CHECK(ticks(text) == at);
  }
  CHECK(ticks("2026-11-29 17:30:20,250") == at + 250);
  CHECK(ticks("11/29/2026 12:30 AM") == ticks("2026-11-29 00:30:00"));
  CHECK(ticks("1/2/2026 12:00 PM") == ticks("2026-01-02 12:00:00"));
  for (const char* text : {"29/11/2026 17:30:20", "11/29/2026 13:30 PM", "29/Nov/2026", "31.02.2026 10:00",
                           "a:b", "Sun 17:30:20", "Nov 29, 17:30:20", "29-11-2026 17:30:20",
                           "2026-11-29 17:30:20 XYZ", "Nov 29 17:30:20"}) {
    CAPTURE(text);
    CHECK(ticks(text) == -1);
  }
}

TEST_CASE("dates are read as mail, C, Kibana and Java write them, with the names of zones") {
  const auto seconds = [](std::string_view text) {
    const auto found = scan_date(text);
    return found ? found->ticks / 1'000'000'000 : -1;
  };
  constexpr std::int64_t at = 1'795'973'420;  // 2026-11-29 17:30:20
  for (const char* text :
       {"Sun, 29 Nov 2026 17:30:20 GMT", "29 Nov 2026 17:30:20", "29-Nov-2026 17:30:20",
        "Sun Nov 29 17:30:20 2026", "Nov 29, 2026 17:30:20", "Nov 29, 2026 @ 17:30:20.000",
        "Nov 29, 2026, 5:30:20 PM", "2026-11-29 18:30:20 CET", "2026-11-29 19:30:20 CEST",
        "2026-11-29 12:30:20 EST", "2026-11-29 23:00:20 IST", "2026-11-29T18:30:20+01:00[Europe/Berlin]",
        "2026-11-29 19:30:20 GMT+2", "Sun, 29 Nov 2026 09:30:20 PST"}) {
    CAPTURE(text);
    CHECK(seconds(text) == at);
  }
}

TEST_CASE("fourteen digits are a date where no name says a unit, and a number where one does") {
  for (const char* text :
       {"time,isl,osl\n20261129235959000,1164,76\n20261130000000500,9,1010\n",
        "time,isl,osl\n20261129T235959Z,1164,76\n20261130T000000.5Z,9,1010\n",
        "{\"time\": 20261129235959000, \"isl\": 1164, \"osl\": 76}\n"
        "{\"time\": 20261130000000500, \"isl\": 9, \"osl\": 1010}\n",
        "date,time,isl,osl\n2026-11-29,23:59:59,1164,76\n2026-11-30,00:00:00.5,9,1010\n",
        "{\"date\": \"2026-11-29\", \"time\": \"23:59:59\", \"isl\": 1164, \"osl\": 76}\n"
        "{\"date\": \"2026-11-30\", \"time\": \"00:00:00.5\", \"isl\": 9, \"osl\": 1010}\n",
        "date,isl,osl\n2026-11-29 23:59:59,1164,76\n2026-11-30 00:00:00.5,9,1010\n"}) {
    CAPTURE(text);
    check_two(parse_trace(text, "log"));
  }
  TraceOptions options;
  options.time_unit = "us";
  CHECK(parse_trace("time,isl,osl\n20261129235959,1,1\n20261130235959,1,1\n", "log", options).arrival_s ==
        std::vector<double>{0, 1});
  CHECK(parse_trace("ts_us,isl,osl\n20261129235959,1,1\n20261130235959,1,1\n", "log").arrival_s ==
        std::vector<double>{0, 1});
}

TEST_CASE(
    "words that may count other things are taken for tokens where no other name is there, and it is said") {
  for (const char* text : {"ts,in,out\n1,1164,76\n2.5,9,1010\n", "ts,prefill,decode\n1,1164,76\n2.5,9,1010\n",
                           "{\"ts\": 1, \"tokens\": {\"in\": 1164, \"out\": 76}}\n"
                           "{\"ts\": 2.5, \"tokens\": {\"in\": 9, \"out\": 1010}}\n"}) {
    CAPTURE(text);
    const Trace trace = parse_trace(text, "log");
    check_two(trace);
    CHECK(trace.origin.reason.find("taken for tokens") != std::string::npos);
  }
  const Trace named = parse_trace("ts,in,out,isl,osl\n1,7,7,1164,76\n2.5,7,7,9,1010\n", "log");
  check_two(named);
  CHECK(named.origin.reason.find("taken for tokens") == std::string::npos);
  CHECK(refusal("ts,prefill,decode\n1,0.35,1.2\n").find("expected a whole number of tokens") !=
        std::string::npos);
  CHECK(refusal("ts,isl,osl\n1,0.8k,5\n").find("write all digits") != std::string::npos);
  CHECK(refusal("ts,isl,osl\n29/11/2026 17:30:20,8,5\n").find("with slashes the month comes first") !=
        std::string::npos);
}

TEST_CASE(
    "an access log is known by its first line, and its POSTs to a model are requests of given lengths") {
  const std::string nginx =
      "10.0.0.1 - - [29/Nov/2026:17:30:22 +0000] \"POST /v1/chat/completions HTTP/1.1\" 200 812 \"-\" "
      "\"curl\" rt=1.500\n"
      "10.0.0.2 - - [29/Nov/2026:17:30:23 +0000] \"GET /health HTTP/1.1\" 200 2 \"-\" \"probe\" rt=0.001\n"
      "not a line of it\n"
      "10.0.0.2 - - [29/Nov/2026:17:30:24 +0000] \"POST /generate HTTP/1.1\" 503 2 \"-\" \"curl\" rt=0.100\n"
      "10.0.0.1 - - [29/Nov/2026:17:30:20 +0000] \"POST /generate HTTP/1.1\" 200 99 \"-\" \"curl\" "
      "rt=0.250\n";
  const Trace trace = parse_trace(nginx, "access.log", with_columns("input=1000,output=200"));
  CHECK(trace.arrival_s == std::vector<double>{0, 0.75});
  CHECK(trace.origin.format == "nginx");
  CHECK(trace.origin.failed == 1);
  CHECK(trace.origin.reason.find(
            "3 of 4 lines are requests to a model; times are their ends less the seconds") !=
        std::string::npos);
  for (const std::size_t block : {std::size_t{1}, std::size_t{50}})
    CHECK(read_trace_in_blocks(nginx, block, "log", with_columns("input=1,output=2")).arrival_s ==
          trace.arrival_s);
  const Trace envoy = parse_trace(
      "[2026-11-29T17:30:20.250Z] \"POST /v1/completions HTTP/2\" 200 - 1 2 3 100 \"-\"\n"
      "[2026-11-29T17:30:21.750Z] \"POST /v1/completions HTTP/2\" 200 - 1 2 3 100 \"-\"\n",
      "log", with_columns("input=1000,output=200"));
  CHECK(envoy.arrival_s == std::vector<double>{0, 1.5});
  CHECK(envoy.origin.format == "envoy");
  CHECK(refusal(nginx) ==
        "log: an access log (combined format): it does not say how long prompts are; give one length for all "
        "with "
        "columns (--columns), as in input=1000,output=200");
  CHECK(refusal("[2026-11-29T17:30:20Z] \"GET / HTTP/2\" 200 - 1 2 3 100\n", with_columns("input=1,output=1"))
            .find("log: an Envoy access log: no line is a POST to a model's path") == 0);
}

TEST_CASE("lines of Ollama's server and of IIS are requests at their ends less what they took") {
  const auto options = [](const char* format) {
    TraceOptions asked = with_columns("input=1000,output=200");
    asked.format = format;
    return asked;
  };
  const std::string gin =
      "time=2026-11-29T17:30:20Z level=INFO msg=listening\n"
      "[GIN] 2026/11/29 - 17:31:30 | 200 |         1m10s |       127.0.0.1 | POST     \"/api/chat\"\n"
      "[GIN] 2026/11/29 - 17:30:26 | 200 |     500.000ms |             ::1 | POST     \"/api/generate\"\r\n"
      "[GIN] 2026/11/29 - 17:30:26 | 200 |        12.1\u00b5s |       127.0.0.1 | GET      \"/api/tags\"\n"
      "[GIN] 2026/11/29 - 17:30:28 | 500 |       1h0m2s |       127.0.0.1 | POST     \"/api/chat\"\n"
      "[GIN] 2026/11/29 - 17:30:26 | 200 | \n[GIN] 2026/11/29\n";
  const Trace ollama = parse_trace(gin, "log", options("ollama"));
  CHECK(ollama.arrival_s == std::vector<double>{0, 5.5});
  CHECK(ollama.origin.failed == 1);
  CHECK(ollama.origin.reason ==
        "a log of Ollama's server; 3 of 4 lines are requests to a model; times are their ends less what they "
        "took");

  const std::string iis =
      "#Software: Microsoft Internet Information Services 10.0\n2026-11-29 1 2 3 4 5 6\n"
      "#Fields: time cs-method cs-uri-stem  date sc-status s-ip time-taken\n"
      "17:30:25 POST /v1/completions 2026-11-29 200 10.0.0.1 4500\n\n17:30:26 POST\n"
      "#Fields: date time cs-method cs-uri-stem sc-status time-taken\n#Date: 2026-11-29 17:30:26\n"
      "2026-11-29 17:30:27 POST /v1/completions 200 1.5 more\n";
  const Trace w3c = parse_trace(iis, "log", options("w3c"));
  CHECK(w3c.arrival_s == std::vector<double>{0, 5});
  for (const std::size_t block : {std::size_t{1}, std::size_t{50}}) {
    CHECK(read_trace_in_blocks(gin, block, "log", options("ollama")).arrival_s == ollama.arrival_s);
    CHECK(read_trace_in_blocks(iis, block, "log", options("w3c")).arrival_s == w3c.arrival_s);
  }
  // Cut off before it says what it took, a line is of its end.
  const Trace cut = parse_trace(iis + "2026-11-29 17:30:28 POST /v1/completions 200", "log", options("w3c"));
  CHECK(cut.arrival_s == std::vector<double>{0, 5, 7.5});
  CHECK(cut.origin.reason.find("times are when each request ended") != std::string::npos);
  CHECK(refusal("#Fields: time cs-method cs-uri-stem sc-status\n17:30:25 POST /v1/completions 200\n",
                options("w3c")) == "log:2: expected a date, found \"T17:30:25Z\"");
}

TEST_CASE("what a cache had is input where the count of the input leaves it out, and only there") {
  const auto read = [](const std::string& usage) {
    return parse_trace("{\"timestamp\": 1, \"usage\": {" + usage + ", \"output_tokens\": 5}}\n", "log");
  };
  const std::string cached = ", \"cache_read_input_tokens\": 900, \"cache_creation_input_tokens\": 60";
  const Trace anthropic = read("\"input_tokens\": 40" + cached);
  CHECK(anthropic.input_tokens == std::vector<std::int32_t>{1000});
  CHECK(anthropic.origin.columns ==
        "arrival=timestamp,input=usage.input_tokens+usage.cache_read_input_tokens+usage.cache_creation_input_"
        "tokens,output=usage.output_tokens");
  CHECK(read("\"input_tokens\": 40, \"cache_read_input_tokens\": null").input_tokens.front() == 40);
  CHECK(read("\"prompt_tokens\": 1000" + cached).input_tokens.front() == 1000);
  CHECK(read("\"gen_ai.usage.input_tokens\": 1000, \"gen_ai.usage.cache_read.input_tokens\": 900")
            .input_tokens.front() == 1000);
  const Trace table = parse_trace(
      "timestamp,input_tokens,cache_read_input_tokens,output_tokens\n1,40,960,5\n2,40,,5\n", "log");
  CHECK(table.input_tokens == std::vector<std::int32_t>{1000, 40});
  CHECK(refusal("timestamp,input_tokens,cache_read_input_tokens,output_tokens\n1,9999999,9,5\n")
            .find("column \"cache_read_input_tokens\": expected") != std::string::npos);
}

TEST_CASE("a clock without a day counts from its beginning, and cannot go back") {
  for (const char* text :
       {"time,input_tokens,output_tokens\n17:30:20.5,1164,76\n17:30:22,9,1010\n",
        "time,input_tokens,output_tokens\n0 days 00:00:01,1164,76\n0 days 00:00:02.5,9,1010\n",
        "time,input_tokens,output_tokens\n\"1 day, 0:00:01\",1164,76\n\"1 day, 0:00:02.5\",9,1010\n"}) {
    CAPTURE(text);
    const Trace trace = parse_trace(text, "log");
    check_two(trace);
    CHECK(trace.origin.reason == "the names of its columns; arrivals are clocks");
  }
  TraceOptions sorted;
  sorted.sort = true;
  CHECK(refusal("time,input_tokens,output_tokens\n23:59:59,1,1\n00:00:01,1,1\n", sorted) ==
        "log:3: the arrival 0:00:01 lies before 23:59:59 (line 2): a clock without a day cannot go past "
        "midnight, or "
        "back; write dates");
  for (const char* wrong : {"1:30", "25:00:00", "-1 days 00:00:01", "1:2:3:4", "1 days"}) {
    CAPTURE(wrong);
    CHECK_FALSE(scan_span(wrong));
  }
}

TEST_CASE("lines before the names that begin with # are passed over, and counted") {
  check_two(parse_trace("# from us\n\n# 2026\narrival_s,input_tokens,output_tokens\n1,1164,76\n2.5,9,1010\n",
                        "log"));
  check_two(parse_trace("# arrival_s;input_tokens;output_tokens\n1;1164;76\n2.5;9;1010\n", "log"));
  CHECK(refusal("# from us\narrival_s,input_tokens,output_tokens\n1,x,76\n").find("log:3: column") == 0);
  CHECK(refusal("# only this\n").find("the trace is empty") != std::string::npos);
}

TEST_CASE("what was found is shown as it is written, in any language; what cannot be shown by its bytes") {
  CHECK(refusal("horodatage;jetons d\u2019entr\u00e9e\n1;2\n")
            .find("\"horodatage\", \"jetons d\u2019entr\u00e9e\"") != std::string::npos);
  CHECK(refusal("\u5165\u529b;jetons_entr\u00e9e\nx;y\n").find("\"\u5165\u529b\", \"jetons_entr\u00e9e\"") !=
        std::string::npos);
  CHECK(shown("a\xff\xc3(\x1b\xe2\x80\xae") ==
        "\"a\\xff\\xc3(\\x1b\\xe2\\x80\\xae\"");  // a mark that turns the text round
  CHECK(shown(std::string(41, 'x')) == "\"" + std::string(40, 'x') + "...\"");
}

TEST_CASE("counts are whole numbers in any writing, and nothing else") {
  CHECK(scan_count("1,164,000", ',') == 1'164'000);
  CHECK(scan_count("1.164", '.') == 1164);
  CHECK(scan_count("12.0", ',') == 12);
  CHECK(scan_count("1e3", ',') == 1000);
  for (const char* text : {"1,16", "1,1640", ",164", "1164,", "1,164.5", "12.5", "1,164'000", "", "1 2"}) {
    CAPTURE(text);
    CHECK_FALSE(scan_count(text, ','));
  }
}

}  // namespace

}  // namespace test_trace_logs
