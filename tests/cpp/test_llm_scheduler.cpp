#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "llm_server.hpp"
#include "serving/block_pool.hpp"

namespace test_llm_scheduler {

// Timelines of the LLM scheduler worked out by hand: one token costs one FLOP, so a step's FLOP are its tokens.

namespace {

using namespace gpushare;

/// A server and its clock, a millisecond for each step.
class Server {
 public:
  explicit Server(const ContinuousOptions& engine, std::int64_t blocks = 1000)
      : engine_(engine, test::token_counter(), blocks) {}

  bool send(std::uint32_t request, std::uint32_t input, std::uint32_t output, int priority = 0,
            std::shared_ptr<const PromptPrefix> prefix = nullptr) {
    Job job = test::prompt(request, input, output);
    job.priority = static_cast<std::uint8_t>(priority);
    job.queued = Time{steps_ * 1'000'000 + request};
    job.prefix = std::move(prefix);
    return engine_.enqueue(job);
  }
  /// Tokens computed by the next step; -1: nothing to do.
  double step() {
    const auto planned = engine_.plan(Time{steps_ * 1'000'000}, out_);
    if (!planned) return -1;
    engine_.complete(*planned, Time{++steps_ * 1'000'000}, out_);
    return planned->demand.groups[0].flop;
  }
  /// Requests whose first token came out so far.
  [[nodiscard]] std::size_t answered() const {
    return static_cast<std::size_t>(
        std::count_if(out_.begin(), out_.end(), [](const Outcome& o) { return o.signal == Signal::output; }));
  }
  /// Tokens of each step until there is nothing to do, at most `most` of them.
  std::vector<double> run(int most = 1000) {
    std::vector<double> tokens;
    for (double computed = step(); computed >= 0 && most-- > 0; computed = step()) tokens.push_back(computed);
    return tokens;
  }
  std::vector<std::uint32_t> finished() const {
    std::vector<std::uint32_t> requests;
    for (const Outcome& outcome : out_)
      if (outcome.signal == Signal::finished) requests.push_back(outcome.request);
    return requests;
  }
  [[nodiscard]] ContinuousEngine& engine() { return engine_; }

 private:
  ContinuousEngine engine_;
  Outbox out_;
  std::int64_t steps_ = 0;
};

std::shared_ptr<const PromptPrefix> prefix(std::uint64_t rest,
                                           std::vector<PromptPrefix::Stretch> stretches = {}) {
  return std::make_shared<const PromptPrefix>(PromptPrefix{std::move(stretches), rest});
}

}  // namespace

TEST_CASE("prompts fill what decodes leave of the budget, in order of arrival") {
  Server server(test::continuous(8, 100));
  CHECK(server.send(0, 60, 4));
  CHECK(server.send(1, 60, 2));
  CHECK(server.send(2, 60, 2));
  // 60 + 40; one decode, the 20 left of the second and 60 of the third; decodes: three, and the first alone.
  CHECK(server.run() == std::vector<double>{100, 81, 3, 1});
}

TEST_CASE("without chunking a prompt waits until it fits whole, and one beyond the budget is refused") {
  ContinuousOptions engine = test::continuous(8, 100);
  engine.chunked_prefill = false;
  Server server(engine);
  CHECK(server.send(0, 60, 3));
  CHECK(server.send(1, 60, 2));
  CHECK_FALSE(server.send(2, 99, 2));
  CHECK(server.run() == std::vector<double>{60, 61, 2});
}

TEST_CASE("prompts go first where the server does not mix them with decodes") {
  ContinuousOptions engine = test::continuous(8, 100);
  engine.prefill_first = true;
  Server server(engine);
  CHECK(server.send(0, 50, 3));
  CHECK(server.step() == 50);
  CHECK(server.step() == 1);
  CHECK(server.send(1, 150, 2));
  // Two iterations of the prompt alone, while the first sequence waits for its last token.
  CHECK(server.run() == std::vector<double>{100, 50, 2});
  CHECK(server.engine().inter_token().max_s() == doctest::Approx(0.003));
}

TEST_CASE(
    "a server that plans ahead admits an arrival one iteration later, and computes one token too many") {
  ContinuousOptions engine = test::continuous(8, 100);
  engine.async_scheduling = true;
  Server server(engine);
  CHECK(server.send(0, 50, 3));
  CHECK(server.step() == 50);    // nothing ran before it
  CHECK(server.send(1, 20, 1));  // while the second iteration runs
  CHECK(server.step() == 1);
  CHECK(server.step() == 1);  // was planned before the request came
  CHECK(server.finished() == std::vector<std::uint32_t>{0});
  CHECK(server.step() == 21);  // the first has ended, and is in it still
  CHECK(server.finished() == std::vector<std::uint32_t>{0, 1});
  CHECK(server.send(2, 30, 1));
  CHECK(server.run() == std::vector<double>{1, 30, 1});  // nothing runs: the third waits no longer
  CHECK(server.finished() == std::vector<std::uint32_t>{0, 1, 2});
}

TEST_CASE("tokens come out an iteration late where the server hands them out while the next one runs") {
  ContinuousOptions engine = test::continuous(8, 100);
  engine.async_output = true;
  engine.prefill_first = true;
  Server server(engine);
  CHECK(server.send(0, 50, 2));
  CHECK(server.step() == 50);
  CHECK(server.answered() == 0);
  CHECK(server.send(1, 20, 1));
  CHECK(server.step() == 20);  // a prompt by itself: the first token of the other comes out with it
  CHECK(server.answered() == 1);
  CHECK(server.step() == 2);  // the second has ended, and is in it
  CHECK(server.answered() == 2);
  CHECK(server.finished() == std::vector<std::uint32_t>{1});
  CHECK(server.step() == 1);
  CHECK(server.finished() == std::vector<std::uint32_t>{1, 0});
  CHECK(server.step() == -1);
}

TEST_CASE("a sequence that has ended takes no block for a token that is thrown away") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.async_scheduling = true;
  Server server(engine, 3);
  CHECK(server.send(0, 16, 17));  // 32 tokens are kept, two blocks; one more would need a third
  static_cast<void>(server.run(11));
  CHECK(server.send(1, 8, 8));  // has the third when the first ends
  static_cast<void>(server.run());
  CHECK(server.finished() == std::vector<std::uint32_t>{0, 1});
  CHECK(server.engine().counts().preemptions == 0);
}

TEST_CASE("who waits behind a sequence that has ended without a block is served") {
  ContinuousOptions engine = test::continuous(1, 100);
  engine.async_output = true;
  engine.prefill_first = true;
  Server server(engine);
  CHECK(server.send(0, 15, 2));  // with its reply a block and one token that is thrown away
  CHECK(server.send(1, 15, 1));
  CHECK(server.run() == std::vector<double>{15, 1, 15, 1});
  CHECK(server.finished() == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("so many prompts are in the middle of their prefill, each so many tokens an iteration") {
  ContinuousOptions engine = test::continuous(8, 100);
  engine.long_prefill_token_threshold = 20;
  SUBCASE("one") {
    Server server(engine);
    CHECK(server.send(0, 60, 1));
    CHECK(server.send(1, 40, 1));
    // The third chunk ends the first prompt, so the second may begin beside it.
    CHECK(server.run() == std::vector<double>{20, 20, 40, 20});
  }
  SUBCASE("two") {
    engine.max_num_partial_prefills = 2;
    Server server(engine);
    CHECK(server.send(0, 60, 1));
    CHECK(server.send(1, 40, 1));
    CHECK(server.run() == std::vector<double>{40, 40, 20});
  }
}

TEST_CASE("a server that reserves the output admits less and preempts nothing") {
  ContinuousOptions engine = test::continuous(8, 1000);
  // Eight blocks of 16; each sequence ends with 80 tokens, five blocks.
  Server eager(engine, 8);
  engine.reserve_output = true;
  Server careful(engine, 8);
  for (Server* server : {&eager, &careful})
    for (std::uint32_t request = 0; request < 2; ++request) CHECK(server->send(request, 48, 32));
  const auto together = eager.run(), in_turn = careful.run();
  CHECK(together.front() == 96);
  CHECK(eager.engine().counts().preemptions == 1);
  CHECK(in_turn.front() == 48);
  CHECK(in_turn.size() == 64);
  CHECK(careful.engine().counts().preemptions == 0);
}

TEST_CASE("out of blocks the least urgent gives way where the server schedules by priority") {
  ContinuousOptions engine = test::continuous(8, 1000);
  for (const bool by_priority : {false, true}) {
    engine.priority_scheduling = by_priority;
    Server server(engine, 8);
    CHECK(server.send(0, 48, 32, 5));
    server.step();
    CHECK(server.send(1, 48, 31, 1));  // urgent, and admitted later
    server.run();
    CHECK(server.engine().counts().preemptions == 1);
    CHECK(server.finished() ==
          (by_priority ? std::vector<std::uint32_t>{1, 0} : std::vector<std::uint32_t>{0, 1}));
  }
}

TEST_CASE("batches are padded to the next size that graphs were captured for") {
  ContinuousOptions engine = test::continuous(64, 1000);
  engine.cuda_graph_max_batch = 16;
  Server server(engine);
  for (std::uint32_t request = 0; request < 3; ++request) CHECK(server.send(request, 1, 3));
  CHECK(server.run() == std::vector<double>{4, 4, 4});
  for (std::uint32_t request = 0; request < 9; ++request) CHECK(server.send(request, 1, 2));
  CHECK(server.run() == std::vector<double>{16, 16});
  for (std::uint32_t request = 0; request < 17; ++request) CHECK(server.send(request, 1, 2));
  CHECK(server.run() == std::vector<double>{17, 17});
}

TEST_CASE("host time is that of the sequences in the iteration") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.prefill_first = true;
  engine.host_per_sequence_s = 0.0001;
  ContinuousEngine server(engine, test::token_counter(), 100);
  Outbox out;
  CHECK(server.enqueue(test::prompt(0, 10, 3)));
  CHECK(server.enqueue(test::prompt(1, 10, 3)));
  server.complete(*server.plan(Time{}, out), Time{1}, out);
  CHECK(server.enqueue(test::prompt(2, 10, 3)));
  CHECK(server.plan(Time{1}, out)->demand.host_before_s == doctest::Approx(0.0001));  // its prompt alone
}

TEST_CASE("prompts are launched kernel by kernel beside the GPU, piece by piece where graphs hold the rest") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.cuda_graph_max_batch = 16;
  engine.piecewise_kernel_s = 1e-4;
  engine.eager_kernel_s = 5e-4;
  engine.beside_per_step_s = 1e-5;
  engine.beside_per_sequence_s = 1e-6;
  const auto launch_of = [&](std::uint32_t prompt) {
    ContinuousEngine server(engine, test::token_counter(), 100);
    Outbox out;
    CHECK(server.enqueue(test::prompt(0, prompt, 2)));
    const Demand& first_step = server.plan(Time{}, out)->demand;
    const double first = first_step.launch_s;
    CHECK(first_step.eager_launch_s ==
          doctest::Approx(first - 1.1e-5));  // all but what is beside every iteration
    server.complete({}, Time{1}, out);
    return std::pair{first, server.plan(Time{1}, out)->demand.launch_s};
  };
  const double kernels = test::token_counter().model->kernels_per_step;
  CHECK(launch_of(16).first == doctest::Approx(kernels * 1e-4 + 1.1e-5));
  CHECK(launch_of(17).first == doctest::Approx(kernels * 5e-4 + 1.1e-5));
  CHECK(launch_of(17).second == doctest::Approx(1.1e-5));  // a decode, which a graph holds
  engine.cuda_graph_max_batch = 0;                         // not known: decodes are taken to be captured
  CHECK(launch_of(16).first == doctest::Approx(kernels * 5e-4 + 1.1e-5));
  CHECK(launch_of(16).second == doctest::Approx(1.1e-5));
}

TEST_CASE("a server that plans ahead launches prompts while the iteration before runs") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.async_scheduling = true;
  engine.eager_kernel_s = 1e-3;
  ContinuousEngine server(engine, test::token_counter(), 100);
  const double launch_s = 1e-3 * test::token_counter().model->kernels_per_step;
  const auto nanoseconds = [](double seconds) { return Time{static_cast<std::int64_t>(seconds * 1e9)}; };
  Outbox out;
  CHECK(server.enqueue(test::prompt(0, 10, 9)));
  CHECK(server.plan(Time{}, out)->demand.launch_s == doctest::Approx(launch_s));
  Time now = nanoseconds(2 * launch_s);  // the GPU took twice as long as the launches
  server.complete({}, now, out);
  Job late = test::prompt(1, 10, 9);
  late.queued = Time{1};
  CHECK(server.enqueue(late));
  CHECK(server.plan(now, out)->demand.launch_s == doctest::Approx(0));  // done before the GPU was free
  now = now + duration_from_seconds(launch_s / 4);
  server.complete({}, now, out);
  late = test::prompt(2, 10, 9);
  late.queued = nanoseconds(2 * launch_s);
  CHECK(server.enqueue(late));
  const Demand& half_launched = server.plan(now, out)->demand;
  CHECK(half_launched.launch_s == doctest::Approx(launch_s * 3 / 4));
  CHECK(half_launched.eager_launch_s == doctest::Approx(launch_s * 3 / 4));
}

TEST_CASE("what a busy server prepares beside the GPU is waited for by the first request of an idle one") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.async_scheduling = true;
  engine.idle_start_s = 0.005;
  ContinuousEngine server(engine, test::token_counter(), 100);
  Outbox out;
  std::vector<double> host_s;
  const auto serve = [&](std::int64_t from) {
    for (std::int64_t at = from; const auto step = server.plan(Time{at}, out); ++at) {
      host_s.push_back(step->demand.host_before_s);
      server.complete(*step, Time{at + 1}, out);
    }
  };
  CHECK(server.enqueue(test::prompt(0, 10, 2)));
  serve(0);
  CHECK(server.enqueue(test::prompt(1, 10, 1)));
  serve(100);
  // Prompt, decode and the iteration in which who has ended takes part; then the server is idle again.
  CHECK(host_s == std::vector<double>{0.005, 0, 0, 0.005, 0});
}

TEST_CASE("one thread takes requests in and sends tokens out, in turns") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.frontend_request_s = 2e-9;
  engine.frontend_token_s = 3e-9;
  ContinuousEngine server(engine, test::token_counter(), 100, 2);
  Outbox out;
  for (std::uint32_t request = 0; request < 2; ++request) CHECK(server.enqueue(test::prompt(request, 10, 2)));
  CHECK_FALSE(server.enqueue(test::prompt(2, 10, 2)));  // two wait to be taken in
  CHECK(server.wake() == Time{2});
  CHECK_FALSE(server.plan(Time{1}, out));
  const auto first = server.plan(Time{2}, out);
  CHECK(first->items == 1);
  server.complete(*first, Time{3}, out);  // its token waits for the second request, until 4, and is sent at 7
  out.clear();
  CHECK(server.wake() == Time{4});
  const auto second = server.plan(Time{4}, out);
  CHECK(second->items == 2);
  CHECK(server.wake() == Time{7});
  server.complete(*second, Time{5}, out);  // two tokens, sent at 10 and 13; the first sequence has ended
  CHECK(std::none_of(out.begin(), out.end(), [](const Outcome& o) { return o.signal == Signal::output; }));
  CHECK(server.plan(Time{7}, out));
  CHECK(out.back().signal == Signal::output);
  CHECK(out.back().request == 0);
  out.clear();
  CHECK_FALSE(server.plan(Time{10}, out));  // a step runs; what was sent is told
  CHECK(out.size() == 1);
  CHECK(out[0].signal == Signal::finished);
  out.clear();
  server.fail(out);  // the second request, told once
  CHECK(out.size() == 1);
  CHECK(out[0].signal == Signal::failed);
  CHECK(out[0].request == 1);
}

TEST_CASE("host time grows with the batch") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.host_per_step_s = 0.001;
  engine.host_per_sequence_s = 0.0001;
  ContinuousEngine server(engine, test::token_counter(), 100);
  Outbox out;
  for (std::uint32_t request = 0; request < 3; ++request) CHECK(server.enqueue(test::prompt(request, 10, 2)));
  CHECK(server.plan(Time{}, out)->demand.host_before_s == doctest::Approx(0.0013));
}

TEST_CASE("blocks of a prefix are computed once and found by those that follow") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.prefix_caching = true;
  Server server(engine, 100);
  const PromptPrefix::Stretch system{7, 40};  // two whole blocks of 16
  CHECK(server.send(0, 50, 2, 0, prefix(100, {system})));
  CHECK(server.run() == std::vector<double>{50, 1});
  CHECK(server.send(1, 50, 2, 0, prefix(101, {system})));
  CHECK(server.send(2, 32, 1, 0, prefix(102, {{7, 32}})));  // the last token is always computed: one block
  CHECK(server.run() == std::vector<double>{18 + 16, 1});
  // The first prompt again, with its reply: 51 tokens were computed, three blocks.
  CHECK(server.send(3, 60, 1, 0, prefix(100, {system})));
  CHECK(server.run() == std::vector<double>{12});
  const auto counts = server.engine().counts();
  CHECK(counts.prompt_tokens == 50 + 50 + 32 + 60);
  CHECK(counts.hit_tokens == 32 + 16 + 48);
  CHECK(counts.evicted_blocks == 0);
}

TEST_CASE("prompts that begin together share the blocks that the first of them computes") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.prefix_caching = true;
  // 64 tokens in common and 16 of its own each, growing to a fifth and sixth block: 4 + 3 x 2 of ten blocks.
  Server server(engine, 10);
  for (std::uint32_t request = 0; request < 3; ++request)
    CHECK(server.send(request, 80, 16, 0, prefix(100 + request, {{7, 64}})));
  CHECK(server.step() == 80 + 16 + 16);
  server.run();
  CHECK(server.finished().size() == 3);
  CHECK(server.engine().counts().preemptions == 0);
}

TEST_CASE("the least recently used prefix gives way, from its end") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.prefix_caching = true;
  Server server(engine, 8);
  for (std::uint32_t request = 0; request < 2; ++request) {
    CHECK(server.send(request, 48, 1, 0, prefix(100 + request)));  // three blocks each
    server.run();
  }
  CHECK(server.send(2, 48, 1, 0, prefix(102)));  // two are empty: the last of the first prompt goes
  server.run();
  CHECK(server.engine().counts().evicted_blocks == 1);
  const auto cached = [&](std::uint64_t rest) {
    Job job;
    job.input_tokens = 64;
    job.prefix = prefix(rest);
    return server.engine().cached_tokens(job);
  };
  CHECK(cached(100) == 32);
  CHECK(cached(101) == 48);
  CHECK(cached(102) == 48);
  CHECK(cached(103) == 0);
}

TEST_CASE("a preempted sequence finds its own blocks again unless they were needed") {
  ContinuousOptions engine = test::continuous(8, 1000);
  engine.prefix_caching = true;
  Server server(engine, 8);
  CHECK(server.send(0, 48, 32, 0, prefix(100)));
  CHECK(server.send(1, 48, 32, 0, prefix(101)));
  const auto tokens = server.run();
  CHECK(server.engine().counts().preemptions == 1);
  CHECK(server.finished() == std::vector<std::uint32_t>{0, 1});
  // 16 tokens in, both ask for a fifth block of eight: the second gives its four up, and the first takes one of them.
  // When the first has ended the second finds three, and computes the other 17 of its 65 tokens again.
  CHECK(tokens.size() == 32 + 1 + 14);
  CHECK(tokens[32] == 17);
}

TEST_CASE("a pool gives empty blocks first, then cached ones nobody uses") {
  BlockPool pool(10, true);
  pool.take(6);
  const auto a = pool.keep(1, 4, false);
  const auto b = pool.keep(2, 2, false);
  CHECK(pool.free() == 4);
  pool.release(a);
  CHECK(pool.free() == 8);
  pool.hold(*pool.find(1));
  CHECK(pool.free() == 4);
  pool.release(a);
  pool.release(b);
  CHECK(pool.free() == 10);
  pool.take(5);
  CHECK(pool.evictions() == 1);
  CHECK(pool.blocks_of(a) == 3);
  pool.take(4);
  CHECK_FALSE(pool.find(1));
  CHECK(pool.blocks_of(b) == 1);
  pool.clear();
  CHECK(pool.free() == 10);
  CHECK_FALSE(pool.find(2));
}

}  // namespace test_llm_scheduler
