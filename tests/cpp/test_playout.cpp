#include <doctest/doctest.h>

#include <cmath>

#include "results/request.hpp"
#include "serving/playout.hpp"
#include "serving/slot_engine.hpp"

namespace test_playout {

using namespace gpushare;

namespace {

Time at_ms(double ms) { return {std::llround(ms * 1e6)}; }

}  // namespace

TEST_CASE("speech plays on while chunks come in time, and has a gap before one that does not") {
  Playout playout;
  playout.hear(at_ms(100), 0.25F);  // plays until 350
  playout.hear(at_ms(300), 0.25F);  // until 600
  CHECK(playout.end == at_ms(600));
  CHECK(playout.late_chunks == 0);
  playout.hear(at_ms(640), 0.5F);  // 40 ms late: until 1140
  CHECK(playout.end == at_ms(1140));
  CHECK(playout.gap_s == doctest::Approx(0.04));
  CHECK(playout.late_chunks == 1);
  CHECK(playout.chunks == 3);
  CHECK(playout.audio_s == doctest::Approx(1.0));
}

TEST_CASE("a listener breaks in at the first chunk with so much speech, and nobody before the first") {
  Playout patient, at_once, later;
  at_once.heard_s = 0;
  later.heard_s = 0.3;
  CHECK_FALSE(at_once.is_broken_into());
  for (Playout* playout : {&patient, &at_once, &later}) playout->hear(at_ms(100), 0.25F);
  CHECK_FALSE(patient.is_broken_into());
  CHECK(at_once.is_broken_into());
  CHECK_FALSE(later.is_broken_into());
  later.hear(at_ms(200), 0.25F);
  CHECK(later.is_broken_into());
}

TEST_CASE("a request in flight stays where it is, however many come") {
  RequestPool pool;
  const Request* first = &pool[pool.add({})];
  for (int i = 0; i < 10'000; ++i) static_cast<void>(pool.add({}));
  CHECK(&pool[0] == first);
}

TEST_CASE("chunks of whatever length are heard for as long as their frames last") {
  AutoregressiveTtsModel model;
  model.frames_per_s = 7;
  for (const int frames : {1, 2, 63, 64, 65, 700}) {
    CAPTURE(frames);
    SlotOptions config;
    config.first_chunk_frames = config.chunk_frames = frames;
    SlotEngine engine(config, model, 1);
    Outbox out;
    Playout heard;
    Job speech;
    speech.audio_s = frames * 3 / 7.0;
    speech.playout = &heard;
    CHECK(engine.enqueue(speech));
    while (const Step* step = engine.plan(Time{}, out)) engine.complete(*step, Time{}, out);
    CHECK(heard.chunks == 3);
    const auto seconds = static_cast<float>(frames / 7.0);
    CHECK(heard.audio_s == 3 * static_cast<double>(seconds));
    CHECK(heard.end == Time{} + duration_from_seconds(seconds) * 3);
  }
}

}  // namespace test_playout
