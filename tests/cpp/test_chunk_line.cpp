#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "serving/chunk_line.hpp"
#include "thinned.hpp"

using namespace gpushare;

namespace {

/// What a line answers, from all that is in it.
struct PlainLine {
  std::size_t batch;
  std::vector<ChunkLine::Place> places;

  [[nodiscard]] Time nth(std::size_t n) const {
    if (places.size() < n) return kNever;
    auto sorted = places;
    std::sort(sorted.begin(), sorted.end());
    return sorted[n - 1].arrival;
  }
  std::vector<std::uint32_t> take(Time now) {
    std::vector<ChunkLine::Place> come;
    for (const auto& place : places)
      if (place.arrival <= now) come.push_back(place);
    const auto by_admission = [](const auto& a, const auto& b) { return a.admission < b.admission; };
    std::sort(come.begin(), come.end(), by_admission);
    if (come.size() > batch) {
      std::sort(come.begin(), come.end());
      come.resize(batch);
    }
    std::vector<std::uint32_t> slots;
    for (const auto& place : come) {
      slots.push_back(place.slot);
      std::erase(places, place);
    }
    return slots;
  }
};

std::vector<std::uint32_t> taken(ChunkLine& line, Time now) {
  std::vector<std::uint32_t> slots;
  line.take(now, slots);
  return slots;
}

void check_against_plain(std::size_t batch, std::uint32_t seed) {
  std::mt19937 luck(seed);
  ChunkLine line(batch);
  PlainLine plain{batch, {}};
  for (std::uint32_t admission = 0; admission < 600; ++admission) {
    const ChunkLine::Place place{Time{static_cast<std::int64_t>(luck() % 50)}, admission, admission};
    line.insert(place);
    plain.places.push_back(place);
    if (luck() % 4 == 0) {
      const ChunkLine::Place leaves = plain.places[luck() % plain.places.size()];
      line.erase(leaves);
      std::erase(plain.places, leaves);
    }
    if (luck() % 8 == 0) {
      const Time now{static_cast<std::int64_t>(luck() % 60)};
      REQUIRE(taken(line, now) == plain.take(now));
    }
    REQUIRE(line.first() == plain.nth(1));
    REQUIRE(line.fills() == plain.nth(batch));
    if (admission == 300) {  // what was noted stays so in a line that moves
      ChunkLine moved = std::move(line);
      line = std::move(moved);
    }
  }
}

}  // namespace

TEST_CASE("a line of chunks says what a look at all of them says") {
  for (const std::size_t batch : {1u, 2u, 7u, 64u, 1000u})
    for (int seed = 0; seed < test::thinned(20); ++seed)
      check_against_plain(batch, static_cast<std::uint32_t>(seed));
}

TEST_CASE("chunks are taken by admission, and by arrival when more have come than a batch holds") {
  ChunkLine line(2);
  CHECK(line.first() == kNever);
  line.insert({Time{30}, 0, 10});
  line.insert({Time{20}, 1, 11});
  CHECK(line.fills() == Time{30});
  line.insert({Time{25}, 2, 12});
  CHECK(line.fills() == Time{25});
  CHECK(taken(line, Time{19}).empty());
  CHECK(taken(line, Time{30}) == std::vector<std::uint32_t>{11, 12});
  line.insert({Time{25}, 3, 13});
  CHECK(taken(line, Time{30}) == std::vector<std::uint32_t>{10, 13});
  CHECK(line.first() == kNever);
}
