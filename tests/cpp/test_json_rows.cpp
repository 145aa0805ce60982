// Rows of JSON, of which only what is wanted is taken.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gpushare/json_rows.hpp"

namespace test_json_rows {

namespace {

using namespace gpushare;

/// Members called a are wanted for 0, b for 1.
int a_or_b(std::span<const std::string> path) { return path.back() == "a" ? 0 : path.back() == "b" ? 1 : -1; }

/// What is told of each row: its values with bars between them, or the row itself after a mark.
std::vector<std::string> told(std::string_view text, bool& whole) {
  std::vector<std::string> rows;
  JsonRows reader(a_or_b);
  whole = reader.read(text, [&](std::span<const JsonLeaf> leaves, std::string_view line) {
    std::string row;
    for (const JsonLeaf& leaf : leaves) row += std::string(leaf.text) + "|";
    rows.push_back(leaves.empty() ? "left " + std::string(line) : row);
  });
  return rows;
}

}  // namespace

TEST_CASE("of members of one name the outermost counts, and of those the first") {
  bool whole = false;
  CHECK(told(R"({"x": {"a": 1, "y": {"b": 2}}, "a": 3, "z": {"b": 4}})", whole) ==
        std::vector<std::string>{"3|4|"});
  CHECK(whole);
}

TEST_CASE("rows that are no strict JSON, name a member twice or hold a wanted list are left") {
  bool whole = false;
  const std::vector<std::string> rows = {R"({"a": 1, "b": "x"})",
                                         R"({"a": NaN})",
                                         R"({"a": 1, "a": 2})",
                                         R"({"x": {"a": 1}, "x": {}})",
                                         R"({"a": [1]})",
                                         "7",
                                         R"({"b": 5})"};
  std::string text;
  for (const std::string& row : rows) text += row + "\r\n\n";
  CHECK(told(text, whole) == std::vector<std::string>{"1|x|", "left " + rows[1], "left " + rows[2],
                                                      "left " + rows[3], "left " + rows[4], "left 7", "|5|"});
  CHECK(whole);
}

TEST_CASE("a list that is cut short, or has a row that is left, is not read") {
  bool whole = true;
  CHECK(told(R"([{"a": 1}, {"a": 2}])", whole).size() == 2);
  CHECK(whole);
  for (const char* text : {R"([{"a": 1}, {"a")", R"([{"a": 1}, 7])", R"([{"a": 1}] x)"}) {
    static_cast<void>(told(text, whole));
    CHECK_FALSE(whole);
  }
}

TEST_CASE("a member deeper than the deepest leaves the row") {
  bool whole = false;
  std::string deep = "{\"a\": 1}";
  for (int i = 0; i < 40; ++i) deep = "{\"x\": " + deep + "}";
  CHECK(told(deep, whole) == std::vector<std::string>{"left " + deep});
}

TEST_CASE("columns and rows of a frame are lines") {
  CHECK(lines_of_columns(R"({"n": {"0": 1, "1": 2}, "m": ["x", [3]]})") ==
        "{\"n\": 1, \"m\": \"x\"}\n{\"n\": 2, \"m\": [3]}\n");
  CHECK(lines_of_rows(R"(["n", "m"])", R"([[1, 2], [3, 4]])") ==
        "{\"n\": 1, \"m\": 2}\n{\"n\": 3, \"m\": 4}\n");
  CHECK_FALSE(lines_of_rows(R"(["n"])", "[[1, 2]]"));
  CHECK_FALSE(lines_of_rows(R"(["n", "n"])", "[[1, 2]]"));
  CHECK_FALSE(lines_of_columns(R"({"n": [1], "m": []})"));
}

}  // namespace test_json_rows
