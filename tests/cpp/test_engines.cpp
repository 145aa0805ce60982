#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "llm_server.hpp"
#include "serving/batch_engine.hpp"
#include "serving/slot_engine.hpp"
#include "serving/stream_engine.hpp"

namespace test_engines {

namespace {

using namespace gpushare;

Time at_ms(double ms) { return {std::llround(ms * 1e6)}; }

Job job(std::uint32_t request, double queued_ms = 0) {
  Job result;
  result.request = request;
  result.queued = at_ms(queued_ms);
  return result;
}

int count(const Outbox& out, Signal signal) {
  return static_cast<int>(
      std::count_if(out.begin(), out.end(), [&](const Outcome& o) { return o.signal == signal; }));
}

Model batch_model() {
  BatchModel cost;
  cost.floor_s = 0.001;
  Model model;
  model.cost = cost;
  return model;
}

BatchOptions dynamic_batching(int max_batch, std::vector<int> preferred, double delay_s) {
  BatchOptions engine;
  engine.max_batch = max_batch;
  engine.preferred_batch = std::move(preferred);
  engine.max_queue_delay_s = delay_s;
  return engine;
}

}  // namespace

TEST_CASE("a dynamic batch without delay takes whatever waits, up to its limit") {
  const Model model = batch_model();
  BatchEngine engine(dynamic_batching(4, {}, 0), model, std::make_shared<JobQueue>());
  Outbox out;
  for (std::uint32_t i = 0; i < 6; ++i) CHECK(engine.enqueue(job(i)));
  auto step = engine.plan(at_ms(0), out);
  REQUIRE(step);
  CHECK(step->items == 4);
  CHECK_FALSE(engine.plan(at_ms(0), out));  // one step at a time
  engine.complete(*step, at_ms(1), out);
  step = engine.plan(at_ms(1), out);
  REQUIRE(step);
  CHECK(step->items == 2);
  CHECK(count(out, Signal::finished) == 4);
}

TEST_CASE("a dynamic batch waits for a preferred size until its oldest job reaches the delay") {
  const Model model = batch_model();
  BatchEngine engine(dynamic_batching(8, {2, 4}, 0.005), model, std::make_shared<JobQueue>());
  Outbox out;
  CHECK(engine.enqueue(job(0, 0)));
  CHECK_FALSE(engine.plan(at_ms(1), out));
  CHECK(engine.wake() == at_ms(5));
  for (std::uint32_t i = 1; i < 5; ++i) CHECK(engine.enqueue(job(i, 2)));
  auto step = engine.plan(at_ms(2), out);  // five wait: the largest preferred size goes at once
  REQUIRE(step);
  CHECK(step->items == 4);
  engine.complete(*step, at_ms(3), out);
  CHECK_FALSE(engine.plan(at_ms(3), out));
  CHECK(engine.wake() == at_ms(7));
  step = engine.plan(at_ms(7), out);
  REQUIRE(step);
  CHECK(step->items == 1);
}

TEST_CASE("a full queue turns jobs away") {
  const Model model = batch_model();
  BatchEngine engine(dynamic_batching(2, {}, 0), model, std::make_shared<JobQueue>(1));
  CHECK(engine.enqueue(job(0)));
  CHECK_FALSE(engine.enqueue(job(1)));
}

TEST_CASE("a stream's chunks are served as they arrive, one at a time and in order") {
  StreamingAsrModel model;
  model.floor_s = 0.01;
  StreamOptions config;
  config.overlap_decoding = false;
  config.max_batch = 8;
  config.chunk_s = 0.16;
  config.speech_speed = 2;  // a chunk arrives every 80 ms
  StreamEngine engine(config, model);
  Outbox out;
  Job speech = job(7, 0);
  speech.audio_s = 0.40;  // chunks complete after 0.16, 0.32 and 0.40 s of speech: 80, 160, 200 ms
  CHECK(engine.enqueue(speech));
  CHECK_FALSE(engine.plan(at_ms(79), out));
  CHECK(engine.wake() == at_ms(80));
  auto step = engine.plan(at_ms(80), out);
  REQUIRE(step);
  CHECK_FALSE(engine.plan(at_ms(170), out));  // the second chunk is there, but the first is not done
  engine.complete(*step, at_ms(180), out);
  step = engine.plan(at_ms(180), out);
  REQUIRE(step);
  engine.complete(*step, at_ms(190), out);
  CHECK(engine.wake() == at_ms(200));
  step = engine.plan(at_ms(200), out);
  REQUIRE(step);
  engine.complete(*step, at_ms(215), out);
  CHECK(count(out, Signal::output) == 3);
  CHECK(count(out, Signal::finished) == 1);
  CHECK(engine.wake() == kNever);
  // 100, 30 and 15 ms from arrival to transcript.
  CHECK(engine.chunk_latency().mean_s() == doctest::Approx(0.145 / 3));
  // Delays change by 70 and 15 ms: 70/16, then + (15 - 70/16)/16 (RFC 3550).
  CHECK(engine.interarrival_jitter().mean_s() == doctest::Approx((70.0 / 16 + (15 - 70.0 / 16) / 16) * 1e-3));
}

TEST_CASE("synthesis encodes newcomers first, then frames, and vocodes a stream when its chunk is full") {
  AutoregressiveTtsModel model;
  model.frames_per_s = 20;
  SlotOptions config;
  config.first_chunk_frames = 2;
  config.chunk_frames = 3;
  SlotEngine engine(config, model, 1);
  Outbox out;
  Job first = job(0), second = job(1);
  Playout heard_first, heard_second;
  first.audio_s = 0.3;  // six frames: chunks after 2, 5 and 6
  second.audio_s = 0.1;
  first.playout = &heard_first;
  second.playout = &heard_second;
  CHECK(engine.enqueue(first));
  CHECK(engine.enqueue(second));
  std::vector<int> chunks_at;  // steps after which audio came out
  int steps = 0;
  while (const auto step = engine.plan(at_ms(steps), out)) {
    const auto chunks = [&] { return heard_first.chunks + heard_second.chunks; };
    const std::uint32_t before = chunks();
    engine.complete(*step, at_ms(++steps), out);
    if (chunks() > before) chunks_at.push_back(steps);
  }
  // Encode, 2 frames, vocode (4); 3 frames, vocode (8); 1 frame, vocode (10); then the second stream: 2 frames (14).
  CHECK(chunks_at == std::vector<int>{4, 8, 10, 14});
  CHECK(heard_first.audio_s == doctest::Approx(0.3));
  CHECK(heard_second.audio_s == doctest::Approx(0.1));
  CHECK(count(out, Signal::output) == 2);  // the first chunk of each
  CHECK(count(out, Signal::finished) == 2);
  CHECK(engine.inter_chunk().count() == 2);
}

TEST_CASE("recognition waits for a full batch until its oldest chunk reaches the delay") {
  StreamingAsrModel model;
  StreamOptions config;
  config.overlap_decoding = false;
  config.max_batch = 2;
  config.chunk_s = 0.1;
  config.max_queue_delay_s = 0.005;
  StreamEngine engine(config, model);
  Outbox out;
  const auto speak = [&](std::uint32_t request, double queued_ms) {
    Job speech = job(request, queued_ms);
    speech.audio_s = 0.1;  // its one chunk is there 100 ms later
    CHECK(engine.enqueue(speech));
  };
  speak(0, 0);
  CHECK_FALSE(engine.plan(at_ms(100), out));
  CHECK(engine.wake() == at_ms(105));
  speak(1, 2);
  CHECK(engine.wake() == at_ms(102));  // when the batch is full
  const auto full = engine.plan(at_ms(102), out);
  REQUIRE(full);
  CHECK(full->items == 2);
  engine.complete(*full, at_ms(103), out);
  speak(2, 10);
  CHECK_FALSE(engine.plan(at_ms(114), out));
  CHECK(engine.plan(at_ms(115), out));
}

TEST_CASE("with overlapped decoding the next step starts when the GPU is done with the one before") {
  StreamingAsrModel model;
  StreamOptions config;
  config.max_batch = 1;
  config.chunk_s = 0.1;
  config.overlap_decoding = true;
  StreamEngine engine(config, model);
  Outbox out;
  for (std::uint32_t request = 0; request < 2; ++request) {
    Job speech = job(request);
    speech.audio_s = 0.2;
    CHECK(engine.enqueue(speech));
  }
  const Step* planned = engine.plan(at_ms(100), out);
  REQUIRE(planned);
  const Step first = *planned;
  CHECK_FALSE(engine.plan(at_ms(101), out));
  CHECK(engine.gpu_done());
  const Step* second =
      engine.plan(at_ms(110), out);  // of the other stream: the first one's chunk is not decoded
  REQUIRE(second);
  CHECK(second->ticket != first.ticket);
  engine.complete(first, at_ms(115), out);
  CHECK(out.back().request == 0);
  CHECK_FALSE(engine.plan(at_ms(200), out));  // the second step is still on the GPU
  CHECK(engine.gpu_done());
  engine.complete(*second, at_ms(216), out);
  CHECK(out.back().request == 1);
  CHECK(engine.chunk_latency().mean_s() == doctest::Approx((0.015 + 0.116) / 2));
}

TEST_CASE("chunks of speech grow with the streams that are active") {
  AutoregressiveTtsModel model;
  model.frames_per_s = 10;
  SlotOptions config;
  config.first_chunk_frames = 2;
  config.chunk_frames = 2;
  config.chunk_growth = 0.5;  // three frames with two streams
  SlotEngine engine(config, model, 2, -1, 0.02);
  Outbox out;
  std::array<Playout, 2> heard;
  for (std::uint32_t request = 0; request < 2; ++request) {
    Job sentence = job(request);
    sentence.audio_s = 0.6;
    sentence.playout = &heard[request];
    CHECK(engine.enqueue(sentence));
  }
  int steps = 0;
  while (const auto step = engine.plan(at_ms(steps), out)) {
    engine.complete(*step, at_ms(++steps), out);
    for (const Playout& stream : heard) CHECK(stream.audio_s == doctest::Approx(stream.chunks * 0.3));
  }
  for (const Playout& stream : heard) CHECK(stream.chunks == 2);
  // Encode, three frames, vocode: 5 ms, and the overhead before.
  CHECK(engine.first_chunk().mean_s() == doctest::Approx(0.025));
}

TEST_CASE("a stream whose client goes while its chunk is vocoded is not heard, and the others are") {
  AutoregressiveTtsModel model;
  model.frames_per_s = 10;
  SlotOptions config;
  config.first_chunk_frames = 2;
  config.chunk_frames = 2;
  for (const std::uint32_t going : {1u, 2u}) {  // of the two that are due
    CAPTURE(going);
    SlotEngine engine(config, model, 3);
    Outbox out;
    std::array<Playout, 3> heard;
    int at = 0;
    const auto step = [&] {
      const Step* planned = engine.plan(at_ms(at), out);
      REQUIRE(planned != nullptr);
      engine.complete(*planned, at_ms(++at), out);
    };
    const auto speak = [&](std::uint32_t request) {
      Job sentence = job(request);
      sentence.audio_s = 1;
      sentence.playout = &heard[request];
      CHECK(engine.enqueue(sentence));
    };
    speak(0);
    speak(1);
    step();  // text
    step();  // a frame of the first two
    speak(2);
    step();  // text of the third
    step();  // a frame of all: the first two have a chunk
    REQUIRE(engine.plan(at_ms(at), out) != nullptr);
    for (std::uint32_t request = 0; request < going; ++request)
      CHECK_FALSE(engine.cancel(at_ms(at), request, 0));
    engine.complete(engine.planned(), at_ms(++at), out);
    CHECK(count(out, Signal::failed) == static_cast<int>(going));
    CHECK(heard[0].chunks == 0);
    CHECK(heard[1].chunks == (going == 1 ? 1 : 0));
    CHECK(heard[2].chunks == 0);
    step();  // its second frame
    step();
    CHECK(heard[2].chunks == 1);
  }
}

TEST_CASE("tokens of the prefix cache take no blocks of their own") {
  ContinuousOptions config = test::continuous(8, 1000);
  config.prefix_cache_share = 0.75;
  // Prompts of 64 tokens, 48 of them shared: two blocks for each sequence that grows to 80, and four sequences fit.
  ContinuousEngine engine(config, test::token_counter(), 8);
  Outbox out;
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(engine.enqueue(test::prompt(i, 64, 16)));
  int steps = 0;
  while (const auto step = engine.plan(at_ms(steps), out)) engine.complete(*step, at_ms(++steps), out);
  CHECK(count(out, Signal::finished) == 4);
  CHECK(steps == 16);
  CHECK(engine.counts().preemptions == 0);
}

TEST_CASE("a long prompt is prefilled in chunks of the token budget, behind running decodes") {
  ContinuousEngine engine(test::continuous(8, 100), test::token_counter(), 1000);
  Outbox out;
  CHECK(engine.enqueue(test::prompt(0, 50, 10)));
  auto step = engine.plan(at_ms(0), out);
  REQUIRE(step);
  engine.complete(*step, at_ms(1), out);
  CHECK(count(out, Signal::output) == 1);
  CHECK(engine.enqueue(test::prompt(1, 250, 1)));  // 99 a step beside one decode: three steps
  for (int i = 1; i <= 3; ++i) {
    step = engine.plan(at_ms(i), out);
    REQUIRE(step);
    engine.complete(*step, at_ms(i + 1), out);
    CHECK(count(out, Signal::finished) == (i == 3 ? 1 : 0));
  }
  CHECK(engine.inter_token().count() == 3);
}

TEST_CASE("tokens come out one an iteration, and progress is told at every sentence") {
  ContinuousEngine engine(test::continuous(8, 100), test::token_counter(), 1000);
  Outbox out;
  Job told = test::prompt(0, 10, 7);
  told.notify_every = 3;
  CHECK(engine.enqueue(told));
  int steps = 0;
  while (const auto step = engine.plan(at_ms(steps), out)) engine.complete(*step, at_ms(++steps), out);
  CHECK(steps == 7);
  CHECK(count(out, Signal::progress) == 2);
  CHECK(count(out, Signal::finished) == 1);
}

TEST_CASE("out of blocks, the latest sequence is preempted and computed again") {
  // Eight blocks of 16: two sequences of 48 tokens hold three each and need a fourth and fifth while they grow to 80.
  ContinuousEngine engine(test::continuous(8, 1000), test::token_counter(), 8);
  Outbox out;
  CHECK(engine.enqueue(test::prompt(0, 48, 32)));
  CHECK(engine.enqueue(test::prompt(1, 48, 32)));
  std::vector<std::uint32_t> order;
  int steps = 0;
  while (const auto step = engine.plan(at_ms(steps), out)) {
    engine.complete(*step, at_ms(++steps), out);
    REQUIRE(steps < 200);
  }
  for (const Outcome& outcome : out)
    if (outcome.signal == Signal::finished) order.push_back(outcome.request);
  CHECK(order == std::vector<std::uint32_t>{0, 1});
  CHECK(engine.counts().preemptions == 1);
  CHECK(steps > 32);
  CHECK(engine.inter_token().count() == 62);
}

TEST_CASE("a sequence that could never fit the cache is refused at once") {
  ContinuousEngine engine(test::continuous(8, 1000), test::token_counter(), 8);
  CHECK(engine.enqueue(test::prompt(0, 64, 64)));
  CHECK_FALSE(engine.enqueue(test::prompt(1, 65, 64)));
}

TEST_CASE("a cached share of the prompt is not computed") {
  ContinuousOptions config = test::continuous(8, 1000);
  config.prefix_cache_share = 0.5;
  ContinuousEngine engine(config, test::token_counter(), 100);
  Outbox out;
  CHECK(engine.enqueue(test::prompt(0, 100, 1)));
  const auto step = engine.plan(at_ms(0), out);
  REQUIRE(step);
  CHECK(step->demand.groups[0].flop == 52);  // 48 tokens are three whole blocks
}

TEST_CASE("a failed engine returns every job") {
  ContinuousEngine engine(test::continuous(1, 1000), test::token_counter(), 100);
  Outbox out;
  CHECK(engine.enqueue(test::prompt(0, 10, 5)));
  CHECK(engine.enqueue(test::prompt(1, 10, 5)));
  CHECK(engine.plan(at_ms(0), out));
  engine.fail(out);
  CHECK(count(out, Signal::failed) == 2);
  CHECK_FALSE(engine.plan(at_ms(1), out));
}

}  // namespace test_engines
