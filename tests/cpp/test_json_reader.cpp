#include "core/json_reader.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "gpushare/errors.hpp"

namespace test_json_reader {

using namespace gpushare;
using json::kFraction;
using json::kNonNegative;
using json::kPositive;
using json::Reader;

namespace {

const json::Thrower kThrow = [](std::string where, const std::string& what) {
  throw ScenarioError(std::move(where), what);
};

nlohmann::json parse(std::string_view text) { return json::parse(text, "s.json", kThrow); }

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "no ScenarioError";
}

// What reading the document `text` with `read` complains about.
std::string complaint(std::string_view text, const std::function<void(Reader&)>& read) {
  const nlohmann::json value = parse(text);
  Reader reader(value, "s.json", kThrow);
  return message_of([&] { read(reader); });
}

std::string parse_error(std::string_view text) {
  return message_of([&] { (void)parse(text); });
}

Distribution distribution(std::string_view text) {
  const nlohmann::json value = parse(text);
  return Reader(value, "s.json", kThrow).distribution();
}

std::string distribution_error(std::string_view text) {
  return message_of([&] { (void)distribution(text); });
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "gpushare-json-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string name(const std::string& file) const { return (path_ / file).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("bytes are a number, or a text with its unit") {
  const auto read = [](std::string_view text) {
    const auto document = parse(text);
    return json::bytes(Reader(document, "s.json", kThrow), "memory_bytes", -1);
  };
  CHECK(read("{}") == -1);
  CHECK(read(R"({"memory_bytes": 1e9})") == 1e9);
  CHECK(read(R"({"memory_bytes": "10Gi"})") == 10737418240);
  CHECK(read(R"({"memory_bytes": "10GiB"})") == 10737418240);
  CHECK(read(R"({"memory_bytes": "0.5Ti"})") == 549755813888);
  CHECK(read(R"({"memory_bytes": "512Mi"})") == 536870912);
  CHECK(read(R"({"memory_bytes": "80GB"})") == 80e9);
  CHECK(read(R"({"memory_bytes": "20 GiB"})") == 20.0 * (1 << 30));
  CHECK(read(R"({"memory_bytes": "64k"})") == 64e3);
  CHECK(read(R"({"memory_bytes": "10gb"})") == 10e9);
  CHECK(read(R"({"memory_bytes": "10 gib"})") == 10737418240);
  CHECK(read(R"({"memory_bytes": "64kb"})") == 64e3);
  CHECK(read(R"({"memory_bytes": "64kib"})") == 65536);
  for (const char* text : {"\"\"", "\"10\"", "\"Gi\"", "\"10Gb\"", "\"-1Gi\"", "\"0Gi\"", "\"1..5Gi\"",
                           "\"1Pi\"", "\"1ki\"", "\"10GiBi\""})
    CHECK(
        message_of([&] {
          static_cast<void>(read(std::string(R"({"memory_bytes": )") + text + "}"));
        }).find(R"(s.json#/memory_bytes: expected bytes, or a text with their unit such as "10Gi" (2^30))") ==
        0);
  CHECK(message_of([&] { static_cast<void>(read(R"({"memory_bytes": 0})")); }) ==
        "s.json#/memory_bytes: expected a number > 0, found 0");
}

TEST_CASE("values are read with their types") {
  const auto value =
      parse(R"({"n": 1.5, "i": 42, "e": 1e9, "b": true, "s": "text", "a": [1, 2], "o": {"x": null}})");
  const Reader r(value, "s.json", kThrow);
  CHECK(r.at("n").number() == 1.5);
  CHECK(r.at("i").integer() == 42);
  CHECK(r.at("i").number() == 42);
  CHECK(r.at("e").integer() == 1'000'000'000);
  CHECK(r.at("b").boolean());
  CHECK(r.at("s").string() == "text");
  CHECK(r.at("s").choice({"other", "text"}) == 1);
  CHECK(r.at("a").size() == 2);
  CHECK(r.at("a").at(0).integer(0, 5) == 1);  // literal zeros are an index and a minimum, never a key
  CHECK_FALSE(r.at("o").find("x").has_value());
  CHECK_FALSE(r.has("nowhere"));
  CHECK(r.has("n"));
  CHECK(r.keys() == std::vector<std::string>{"a", "b", "e", "i", "n", "o", "s"});
  CHECK(r.at("o").is_object());
  CHECK(r.at("a").is_array());
  CHECK(r.at("s").is_string());
  CHECK(r.at("n").is_number());
  CHECK(message_of([&] { r.finish(); }) == "no ScenarioError");
}

TEST_CASE("absent members take their default, and null counts as absent") {
  const auto value = parse(R"({"x": null, "n": 2, "s": "given", "b": false})");
  const Reader r(value, "", kThrow);
  CHECK(r.number("x", 7.5) == 7.5);
  CHECK(r.number("y", 8.5) == 8.5);
  CHECK(r.number("n", 7.5) == 2);
  CHECK(r.integer("n", 9) == 2);
  CHECK(r.integer("y", 9) == 9);
  CHECK(r.string("s", "otherwise") == "given");
  CHECK(r.string("y", "otherwise") == "otherwise");
  CHECK_FALSE(r.boolean("b", true));
  CHECK(r.boolean("y", true));
}

TEST_CASE("a wrong type or value says where, what was expected and what was found") {
  const auto rate = [](Reader& r) {
    (void)r.at("traffic").at(std::size_t{0}).at("rate_per_s").number(kPositive);
  };
  CHECK(complaint(R"({"traffic": [{"rate_per_s": "fast"}]})", rate) ==
        "s.json#/traffic/0/rate_per_s: expected a number > 0, found \"fast\"");
  CHECK(complaint(R"({"traffic": [{"rate_per_s": 0}]})", rate) ==
        "s.json#/traffic/0/rate_per_s: expected a number > 0, found 0");
  CHECK(complaint(R"({"traffic": [{"rate_per_s": {"a": 1}}]})", rate) ==
        "s.json#/traffic/0/rate_per_s: expected a number > 0, found an object");
  CHECK(complaint(R"({"traffic": []})", rate) == "s.json#/traffic: expected at least 1 elements, found 0");
  CHECK(complaint(R"({"traffic": 3})", rate) == "s.json#/traffic: expected an array, found 3");
  CHECK(complaint("[]", rate) == "s.json: expected an object, found an array of 0");

  const auto x = [](auto read) { return [read](Reader& r) { read(r.at("x")); }; };
  CHECK(complaint(R"({"x": 1.5})", x([](const Reader& r) { (void)r.number(kFraction); })) ==
        "s.json#/x: expected a number between 0 and 1, found 1.5");
  CHECK(complaint(R"({"x": -1})", x([](const Reader& r) { (void)r.number(kNonNegative); })) ==
        "s.json#/x: expected a number >= 0, found -1");
  CHECK(complaint(R"({"x": true})", x([](const Reader& r) { (void)r.number(); })) ==
        "s.json#/x: expected a finite number, found true");
  CHECK(complaint(R"({"x": 1.5})", x([](const Reader& r) { (void)r.integer(0, 9); })) ==
        "s.json#/x: expected a whole number between 0 and 9, found 1.5");
  CHECK(complaint(R"({"x": 0})", x([](const Reader& r) { (void)r.integer(1); })) ==
        "s.json#/x: expected a whole number >= 1, found 0");
  CHECK(complaint(R"({"x": 18446744073709551615})", x([](const Reader& r) { (void)r.integer(); })) ==
        "s.json#/x: expected a whole number, found 18446744073709551615");
  CHECK(complaint(R"({"x": 1})", x([](const Reader& r) { (void)r.boolean(); })) ==
        "s.json#/x: expected true or false, found 1");
  CHECK(complaint(R"({"x": null})", x([](const Reader& r) { (void)r.string(); })) ==
        "s.json#/x: expected a string, found null");
  CHECK(complaint(R"({"x": 4})", [](Reader& r) {
          (void)r.number("x", 1.0, {0, 3});
        }) == "s.json#/x: expected a number between 0 and 3, found 4");
}

TEST_CASE("a long value is cut in the message") {
  const std::string text = "{\"x\": \"" + std::string(500, 'a') + "\"}";
  CHECK(complaint(text, [](Reader& r) { (void)r.at("x").number(); }) ==
        "s.json#/x: expected a finite number, found \"" + std::string(59, 'a') + "...");
}

TEST_CASE("an unknown key is refused with the nearest known one") {
  const auto read = [](Reader& r) {
    auto llm = r.at("services").at("llm");
    for (const char* key : {"model", "engine", "replicas"}) (void)llm.find(key);
    llm.finish();
  };
  CHECK(complaint(R"({"services": {"llm": {"modle": "x"}}})", read) ==
        "s.json#/services/llm: unknown key \"modle\"; did you mean \"model\"? Known keys: engine, model, "
        "replicas");
  CHECK(complaint(R"({"services": {"llm": {"xyz": "x"}}})", read) ==
        "s.json#/services/llm: unknown key \"xyz\". Known keys: engine, model, replicas");
  CHECK(complaint(R"({"a": 1})", [](Reader& r) { r.finish(); }) ==
        "s.json: unknown key \"a\". Known keys: none");
  CHECK(complaint(R"({"description": 1})", [](Reader& r) {
          r.ignore("description");
          r.finish();
        }) == "no ScenarioError");
}

TEST_CASE("what other tools call a key is told with ours, whether it is missing or not") {
  const auto rate = [](Reader& r) { (void)r.at("rate_per_s"); };
  for (const std::string word : {"qps", "request-rate", "RPS"})
    CHECK(complaint("{\"" + word + "\": 3}", rate) ==
          "s.json: the required key \"rate_per_s\" is missing; is \"" + word + "\" meant to be it?");
  CHECK(complaint(R"({"rat": 3, "on": 1})", rate) ==
        "s.json: the required key \"rate_per_s\" is missing; beside it the object has \"on\", \"rat\"");
  const auto sizes = [](Reader& r) {
    for (const char* key : {"input_tokens", "output_tokens"}) (void)r.find(key);
    r.finish();
  };
  CHECK(
      complaint(R"({"osl": 3})", sizes) ==
      "s.json: unknown key \"osl\"; did you mean \"output_tokens\"? Known keys: input_tokens, output_tokens");
  CHECK(complaint(R"({"qps": 3})", sizes) ==
        "s.json: unknown key \"qps\". Known keys: input_tokens, output_tokens");
}

TEST_CASE("a missing key is named, with the slip that may stand for it") {
  const auto read = [](Reader& r) { (void)r.at("model"); };
  CHECK(complaint("{}", read) == "s.json: the required key \"model\" is missing");
  CHECK(complaint(R"({"modle": 1, "engine": 2})", read) ==
        "s.json: the required key \"model\" is missing; is \"modle\" meant to be it?");
}

TEST_CASE("a choice lists what is legal and suggests the nearest") {
  const auto read = [](Reader& r) { (void)r.at("sharing").choice({"exclusive", "time-slicing", "mps"}); };
  CHECK(complaint(R"({"sharing": "timeslicing"})", read) ==
        "s.json#/sharing: expected one of \"exclusive\", \"time-slicing\", \"mps\", found \"timeslicing\"; "
        "did you mean "
        "\"time-slicing\"?");
  CHECK(complaint(R"({"sharing": 3})", read) ==
        "s.json#/sharing: expected one of \"exclusive\", \"time-slicing\", \"mps\", found 3");
}

TEST_CASE("pointers escape what JSON pointers must") {
  CHECK(complaint(R"({"a/b~c": 1})", [](Reader& r) { (void)r.at("a/b~c").string(); }) ==
        "s.json#/a~1b~0c: expected a string, found 1");
  const auto value = parse(R"({"a": 1})");
  CHECK(Reader(value, "", kThrow).at("a").where() == "/a");
  CHECK(Reader(value, "", kThrow).where().empty());
}

TEST_CASE("the nearest name is offered for slips only") {
  CHECK(json::nearest("modle", {"mode", "model"}) == "mode");  // both one edit away: the first
  CHECK(json::nearest("replica", {"engine", "replicas"}) == "replicas");
  CHECK(json::nearest("ab", {"ba"}) == "ba");
  CHECK_FALSE(json::nearest("zebra", {"model", "engine"}).has_value());
  CHECK_FALSE(json::nearest("a", {"b"}).has_value());
  CHECK_FALSE(json::nearest("model", {}).has_value());
}

TEST_CASE("broken JSON is located by line and column") {
  CHECK(parse_error("{\n  \"a\": 1,\n  \"b\": oops\n}").rfind("s.json:3:8: broken JSON: ", 0) == 0);
  CHECK(parse_error("{\"a\": 1").rfind("s.json:1:8: broken JSON: ", 0) == 0);
  CHECK(parse_error("[1, 2] x").rfind("s.json:1:8: broken JSON: ", 0) == 0);
  CHECK(parse_error("[1, // two\n 2]").rfind("s.json:1:5: broken JSON: ", 0) == 0);
  CHECK(parse_error("[NaN]").rfind("s.json:1:2: broken JSON: ", 0) == 0);
  CHECK(parse_error("[Infinity]").rfind("s.json:1:2: broken JSON: ", 0) == 0);
  for (const auto& [text, told] :
       {std::pair{"{\"a\": 1,}", "; take the comma before it away"},
        std::pair{"[1, 2,\n ]", "; take the comma before it away"},
        std::pair{"{ // x\n}", "; JSON has no comments"},
        std::pair{"{\"a\": 1, # x\n\"b\": 2}", "; JSON has no comments"},
        std::pair{"{'a': 1}", "; names and texts stand in double quotes"},
        std::pair{"{\xe2\x80\x9c"
                  "a\xe2\x80\x9d: 1}",
                  "plain double quotes"},
        std::pair{"{\"a\": True}", "; write true"}, std::pair{"[None]", "; write null"},
        std::pair{"{name: 1}", "; names stand in double quotes"}}) {
    const char* given = text;
    CAPTURE(given);
    CHECK(parse_error(text).find(told) != std::string::npos);
  }
  CHECK(parse_error(" \n") == "s.json: the document is empty");
  CHECK(message_of([] { (void)json::parse("[", "", kThrow); }).rfind("line 1, column 2: broken JSON: ", 0) ==
        0);
}

TEST_CASE("numbers too large for a double are refused") {
  CHECK(parse_error("{\"a\": 1e999}") == "s.json:1:11: broken JSON: number overflow parsing '1e999'");
  CHECK(parse_error("-1e999").rfind("s.json:1:6: broken JSON: number overflow", 0) == 0);
}

TEST_CASE("text that is not UTF-8 is refused") {
  const std::string message = parse_error("{\"a\": \"\xff\xfe\"}");
  CHECK(message.rfind("s.json:1:", 0) == 0);
  CHECK(message.find("UTF-8") != std::string::npos);
}

TEST_CASE("duplicate keys are refused where they stand") {
  CHECK(parse_error(R"({"a": 1, "a": 2})") == "s.json: duplicate key \"a\"");
  CHECK(parse_error(R"({"x": {"b": 0}, "list": [0, {"b": [], "b": 2}]})") ==
        "s.json#/list/1: duplicate key \"b\"");
  CHECK(parse_error(R"({"a": {"k": 1}, "b": {"k": 1}})") == "no ScenarioError");
}

TEST_CASE("nesting is limited to 200") {
  CHECK(parse_error(std::string(200, '[') + std::string(200, ']')) == "no ScenarioError");
  CHECK(parse_error(std::string(201, '[') + std::string(201, ']')) ==
        "s.json: arrays and objects are nested more than 200 deep");
  CHECK(parse_error(std::string(1'000'000, '[')) ==
        "s.json: arrays and objects are nested more than 200 deep");
}

TEST_CASE("parsing agrees with nlohmann's own parser") {
  const std::string text =
      R"({"a": [1, -2, 3.5, true, false, null, "\u00e9", {}], "b": {"c": [[], [[1]]]}, "d": 1e-3})";
  CHECK(parse(text) == nlohmann::json::parse(text));
  CHECK(parse("3") == 3);
}

TEST_CASE("files are loaded, and bad ones are named") {
  const TemporaryFolder folder;
  CHECK(json::load_file(folder.write("voice-heavy.json", "{\"a\": [1]}"), kThrow)["a"][0] == 1);
  CHECK(message_of([&] { (void)json::load_file(folder.name("voice-hevy.json"), kThrow); }) ==
        folder.name("voice-hevy.json") + ": there is no such file; did you mean \"voice-heavy.json\"?");
  CHECK(message_of([&] { (void)json::load_file(folder.name("nowhere/x.json"), kThrow); }) ==
        folder.name("nowhere/x.json") + ": there is no such file");
  CHECK(message_of([&] { (void)json::load_file(folder.name(""), kThrow); }) ==
        folder.name("") + ": expected a JSON or YAML file, found a folder");
  CHECK(message_of([&] {
          (void)json::load_file(folder.write("broken.json", "{\n]"), kThrow);
        }).rfind(folder.name("broken.json") + ":2:1: broken JSON: ", 0) == 0);
}

TEST_CASE("every distribution can be written down") {
  using Kind = Distribution::Kind;
  CHECK(distribution("2.5").kind == Kind::constant);
  CHECK(distribution("2.5").mean() == 2.5);
  CHECK(distribution(R"({"kind": "constant", "value": 3})").mean() == 3);
  CHECK(distribution(R"({"kind": "exponential", "mean": 0.5})").mean() == 0.5);
  CHECK(distribution(R"({"kind": "gamma", "mean": 6, "shape": 3})").b == 3);
  CHECK(distribution(R"({"kind": "lognormal", "mean": 3, "sigma": 0.5})").mean() == doctest::Approx(3));
  CHECK(distribution(R"({"kind": "lognormal", "mu": -1, "sigma": 0.5})").a == -1);
  CHECK(distribution(R"({"kind": "uniform", "low": 1, "high": 3})").mean() == 2);
  CHECK(distribution(R"({"kind": "pareto", "scale": 2, "shape": 3})").mean() == 3);
  CHECK(distribution(R"({"kind": "weibull", "scale": 2, "shape": 1})").mean() == doctest::Approx(2));
  CHECK(distribution(R"({"kind": "zipf", "exponent": 0, "count": 6})").mean() == doctest::Approx(3.5));
  CHECK(distribution(R"({"kind": "empirical", "values": [1, 3]})").mean() == 2);
  CHECK(distribution(R"({"kind": "empirical", "values": [1, 3], "weights": [3, 1]})").mean() == 1.5);
  const Distribution clamped = distribution(R"({"kind": "exponential", "mean": 1, "min": 0.5, "max": 2})");
  CHECK(clamped.low == 0.5);
  CHECK(clamped.high == 2);
}

TEST_CASE("a wrong distribution is refused where it is wrong") {
  CHECK(distribution_error("-1") == "s.json: expected a number >= 0, found -1");
  CHECK(distribution_error("\"fast\"") ==
        "s.json: expected a number >= 0 or a distribution such as {\"kind\": \"exponential\", \"mean\": 1}, "
        "found \"fast\"");
  CHECK(distribution_error(R"({"kind": "expnential", "mean": 1})")
            .find("s.json#/kind: expected one of \"constant\"") == 0);
  CHECK(distribution_error(R"({"kind": "expnential", "mean": 1})").find("did you mean \"exponential\"?") !=
        std::string::npos);
  CHECK(distribution_error(R"({"kind": "exponential", "maen": 1})") ==
        "s.json: the required key \"mean\" is missing; is \"maen\" meant to be it?");
  CHECK(distribution_error(R"({"kind": "lognormal", "mean": 100, "stddev": 100})") ==
        "s.json: a lognormal takes \"sigma\", the standard deviation of the logarithm, not \"stddev\"; here "
        "that is 0.833");
  CHECK(distribution_error(R"({"kind": "lognormal", "mean": 100, "sigma": 1, "std": 2})") ==
        "s.json: unknown key \"std\". Known keys: kind, max, mean, min, mu, sigma");
  CHECK(distribution_error(R"({"kind": "exponential", "mean": 1, "shape": 2})") ==
        "s.json: unknown key \"shape\". Known keys: kind, max, mean, min");
  CHECK(
      distribution_error(R"({"kind": "uniform", "min": 1, "max": 3})").find("between \"low\" and \"high\"") !=
      std::string::npos);
  CHECK(distribution_error(R"({"kind": "uniform", "low": 3, "high": 2})") ==
        "s.json#/high: expected a number >= 3, found 2");
  CHECK(distribution_error(R"({"kind": "gamma", "mean": 1, "shape": 0})") ==
        "s.json#/shape: expected a number > 0, found 0");
  CHECK(distribution_error(R"({"kind": "lognormal", "sigma": 1})") ==
        "s.json: a lognormal needs either \"mean\" or \"mu\", found neither");
  CHECK(distribution_error(R"({"kind": "lognormal", "sigma": 1, "mu": 0, "mean": 1})") ==
        "s.json: a lognormal needs either \"mean\" or \"mu\", found both");
  CHECK(distribution_error(R"({"kind": "empirical", "values": []})") ==
        "s.json#/values: expected at least one value, found an empty array");
  CHECK(distribution_error(R"({"kind": "empirical", "values": [1, 2], "weights": [1]})") ==
        "s.json#/weights: expected one weight for each of the 2 values, found 1");
  CHECK(distribution_error(R"({"kind": "empirical", "values": [1], "weights": [0]})") ==
        "s.json#/weights: expected weights with a finite sum > 0, found a sum of 0");
  CHECK(distribution_error(R"({"kind": "exponential", "mean": 1, "min": 2, "max": 1})") ==
        "s.json#/max: expected a number >= 2, found 1");
}

}  // namespace test_json_reader
