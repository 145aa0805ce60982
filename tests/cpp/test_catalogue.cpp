// Data files by name or by path, and how a name that is not known is refused.
#include "core/catalogue.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/model.hpp"
#include "gpushare/scenario.hpp"

namespace test_catalogue {

namespace {

using namespace gpushare;

constexpr Catalogue kModels{"models", "model"};
constexpr Catalogue kPresets{"engines", "engine preset", true};

[[noreturn]] void refuse(const std::string& where, const std::string& what) { throw ModelError(where, what); }

/// What a document is told that has this there.
std::string told(const Catalogue& catalogue, const nlohmann::json& value) {
  try {
    return "found " + catalogue.named_by(json::Reader(value, "d.json", refuse));
  } catch (const ModelError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a path has a slash or ends in .json, and everything else is a name") {
  CHECK(is_path("models/mine"));
  CHECK(is_path("./mine"));
  CHECK(is_path("mine.json"));
  CHECK_FALSE(is_path("llama-3.1-8b"));
  CHECK_FALSE(is_path("mine.json.v2"));
  CHECK_FALSE(is_path(""));
}

TEST_CASE("what looks like a path in its middle only is a name that is not known, for files of every kind") {
  CHECK_THROWS_WITH_AS(static_cast<void>(load_model("my.json.v2")),
                       doctest::Contains("no model is called \"my.json.v2\"; known: "), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_profile("my.json.v2")),
                       doctest::Contains("no GPU profile is called \"my.json.v2\"; known: "), ProfileError);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario("my.json.v2")),
                       doctest::Contains("unknown scenario \"my.json.v2\". Known: "), ScenarioError);
}

TEST_CASE("a folder's schema is none of its files") {
  CHECK(kModels.has("llama-3.1-8b"));
  CHECK_FALSE(kModels.has("schema"));
  CHECK_THROWS_AS(static_cast<void>(load_model("schema")), ModelError);
  CHECK_THROWS_AS(static_cast<void>(load_engine_preset("schema")), ScenarioError);
  for (const std::string& name : kModels.names()) CHECK(name != "schema");
}

TEST_CASE("a document that names a file which is not there is told so where it does") {
  CHECK(told(kModels, "llama-3.1-8b") == "found llama-3.1-8b");
  CHECK(told(kModels, "no/such.json") == "d.json: there is no model file \"no/such.json\"");
  CHECK(told(kModels, "llama-3.1-8")
            .starts_with("d.json: unknown model \"llama-3.1-8\"; did you mean \"llama-3.1-8b\"? Known: "));
  CHECK(told(kModels, "x")
            .ends_with("; or give the path of a .json or .yaml file, a published config.json among them"));
  CHECK(told(kModels, 8) == "d.json: expected a string, found 8");
  CHECK(told(kPresets, "no/such.json") == "d.json: there is no engine preset file \"no/such.json\"");
}

TEST_CASE("errors call a file by its path, or by its folder and name") {
  CHECK(kModels.source("llama-3.1-8b") == "models/llama-3.1-8b.json");
  CHECK(kModels.source("../mine.json") == "../mine.json");
}

TEST_CASE("the nearest name is offered, and what is known is listed") {
  const std::vector<std::string> known{"asr", "tts"};
  CHECK(did_you_mean("ttd", known) == "; did you mean \"tts\"?");
  CHECK(did_you_mean("something", known, ".") == ".");
  CHECK(unknown_name("service", "ttd", known) ==
        "unknown service \"ttd\"; did you mean \"tts\"? Known: asr, tts");
  CHECK(unknown_name("service", "something", {}) == "unknown service \"something\". Known: none");
  CHECK(unknown_option("trace format", "cvs", "\"cvs\"", {"csv", "jsonl"}) ==
        "unknown trace format \"cvs\"; did you mean \"csv\"? Known formats: csv, jsonl");
  CHECK(unknown_option("time unit", "h", "\"h\"", {"ms", "us"}) ==
        "unknown time unit \"h\"; known units: ms, us");
}

}  // namespace test_catalogue
