// The recogniser's engine where a stream stays open for many utterances.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "serving/stream_engine.hpp"

namespace test_held_stream {

namespace {

using namespace gpushare;

Time at_ms(double ms) { return {std::llround(ms * 1e6)}; }

Job job(std::uint32_t request, double queued_ms) {
  Job result;
  result.request = request;
  result.queued = at_ms(queued_ms);
  return result;
}

auto count(const Outbox& out, Signal signal) {
  return std::count_if(out.begin(), out.end(), [&](const Outcome& o) { return o.signal == signal; });
}

}  // namespace

TEST_CASE("a held stream goes on between utterances, and each is heard with the chunk in which it ends") {
  StreamingAsrModel model;
  model.floor_s = 0.01;
  StreamOptions config;
  config.overlap_decoding = false;
  config.chunk_s = 0.125;
  config.max_streams = 1;
  StreamEngine engine(config, model);
  Outbox out;
  Job line = job(6, 0), next_line = job(8, 20);
  line.held = next_line.held = true;
  line.stage = next_line.stage = kHolder;
  CHECK(engine.enqueue(line));
  CHECK(engine.enqueue(next_line));  // waits for the first to hang up
  const auto chunk = [&](double ms) {
    out.clear();
    const auto step = engine.plan(at_ms(ms), out);
    REQUIRE(step);
    engine.complete(*step, at_ms(ms + 10), out);
  };
  CHECK_FALSE(engine.plan(at_ms(0), out));
  REQUIRE(out.size() == 1);
  CHECK(out[0].signal == Signal::opened);
  CHECK(out[0].request == 6);
  CHECK(engine.wake() == at_ms(125));
  chunk(125);  // silence
  CHECK(out.empty());
  Job said = job(40, 150);
  said.audio_s = 0.12;  // from 150 to 270 ms: in the second and third chunk
  engine.speak(6, said);
  CHECK(engine.wake() == at_ms(250));
  chunk(250);
  CHECK(count(out, Signal::started) == 1);
  CHECK(count(out, Signal::finished) == 0);
  chunk(375);
  CHECK(count(out, Signal::started) == 0);
  CHECK(count(out, Signal::finished) == 1);
  CHECK(out.back().request == 40);
  engine.hang_up(6, at_ms(400));
  CHECK_FALSE(engine.plan(at_ms(400), out));
  CHECK(out.back().signal == Signal::opened);
  CHECK(out.back().request == 8);
  CHECK(engine.wake() == at_ms(525));  // its chunks count from here
  Job lost = job(41, 410);
  lost.audio_s = 1;
  engine.speak(8, lost);
  out.clear();
  engine.fail(out);
  CHECK(count(out, Signal::failed) == 1);
  CHECK(count(out, Signal::lost) == 1);
  CHECK(engine.wake() == kNever);
}

}  // namespace test_held_stream
