#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "simulation/sources/sources.hpp"
#include "toy_fleet.hpp"

namespace test_sources {

// Sources with a sink of the test's own: no document, no servers at work.

namespace {

using namespace gpushare;

Time at(double seconds) { return Time{} + duration_from_seconds(seconds); }

/// Answers every request after `answer_s`, or refuses it.
struct House {
  explicit House(Workload the_workload) : workload(std::move(the_workload)) {}

  void begin(Time now, const Request& arriving) {
    Request request = arriving;
    request.arrival = now;
    begun.push_back({to_seconds(now), request});
    request.status = answers ? RequestStatus::completed : RequestStatus::rejected;
    if (request.playout.heard_s >= 0 && speaks) {
      request.playout.audio_s = request.playout.heard_s;
      request.playout.end = now + duration_from_seconds(request.playout.heard_s);
      sources.heard(now, request);
    }
    waiting.push_back(request);
    kernel.set(add_slot(kernel, kDelayEvent, Part::delay, waiting.size() - 1),
               now + duration_from_seconds(answer_s));
  }
  void skip(Time now, const Request& request) { skipped.push_back({to_seconds(now), request}); }
  void run() {
    sources.start();
    kernel.run(*this);
  }
  void on_event(Time now, std::uint8_t part, std::uint32_t index) {
    if (static_cast<Part>(part) != Part::delay) return sources.on_event(now, static_cast<Part>(part), index);
    const Request ended = waiting[index];
    sources.after(now, ended);
  }
  void on_outcome(Time, const Outcome&) {}
  void serve(Time, std::uint32_t) {}
  void settle(Time) {}
  void report(Time) {}

  struct Seen {
    double at_s;
    Request request;
  };
  static constexpr auto ignore = [](Time, int) {};

  Workload workload;
  double answer_s = 0.25;
  bool answers = true, speaks = false;
  Kernel kernel;
  Fleet fleet;
  Router router{fleet, workload.services, Stream(1, 0, "routing"), ignore};
  HeldStreams streams{kernel, fleet, workload, router, HeldStreams::Told::to<&Sources::stream_told>(sources)};
  Sources sources{{kernel,
                   workload,
                   Luck{7, 0},
                   at(workload.duration_s),
                   {FunctionRef<void(Time, const Request&)>::to<&House::begin>(*this),
                    FunctionRef<void(Time, const Request&)>::to<&House::skip>(*this)}},
                  streams};
  std::vector<Seen> begun, skipped;
  std::vector<Request> waiting;
};

Workload with(const Traffic& traffic, double duration_s = 10) {
  Workload workload = test::toy_workload({test::toy_service("s", constant(1))}, duration_s);
  workload.traffic = {traffic};
  return workload;
}

std::vector<double> times(const std::vector<House::Seen>& seen) {
  std::vector<double> all;
  all.reserve(seen.size());
  for (const auto& each : seen) all.push_back(each.at_s);
  return all;
}

}  // namespace

TEST_CASE("An open source sends at its own times until arrivals end, whatever becomes of its requests") {
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::open);
  traffic.arrivals.kind = ArrivalProcess::Kind::constant;
  traffic.arrivals.rate_per_s = 2;
  House house(with(traffic, 3));
  house.answers = false;
  house.run();
  REQUIRE(house.begun.size() >= 5);
  for (std::size_t i = 1; i < house.begun.size(); ++i) {
    CHECK(house.begun[i].at_s - house.begun[i - 1].at_s == doctest::Approx(0.5));
    CHECK(house.begun[i].request.uid == house.begun[i - 1].request.uid + 1);
  }
  CHECK(house.begun.back().at_s <= 3);
}

TEST_CASE("A user thinks after every answer, and leaves on time") {
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::closed);
  traffic.users = 2;
  traffic.ramp_up_s = 1;
  traffic.think_s = constant(0.75);
  House house(with(traffic, 4));
  house.run();
  // User 0 from 0 s, user 1 from 0.5 s; a second from one turn to the next.
  CHECK(times(house.begun) == std::vector<double>{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5});
  CHECK(house.begun[2].request.user == 0);
  CHECK(house.begun[2].request.turn == 1);
}

TEST_CASE("A user who is turned away waits half a second at least") {
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::closed);
  traffic.users = 1;
  House house(with(traffic, 2));
  house.answers = false;
  house.answer_s = 0;
  house.run();
  CHECK(times(house.begun) == std::vector<double>{0, 0.5, 1, 1.5});
}

TEST_CASE("Prompts carry what was said before, until the session ends") {
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::closed);
  traffic.users = 1;
  traffic.history = true;
  traffic.turns_per_session = 3;
  traffic.think_s = constant(0.75);
  traffic.sizes.input_tokens = constant(10);
  traffic.sizes.output_tokens = constant(5);
  House house(with(traffic, 4));
  house.run();
  std::vector<std::uint32_t> prompts;
  for (const auto& seen : house.begun) prompts.push_back(seen.request.input_tokens);
  CHECK(prompts == std::vector<std::uint32_t>{10, 25, 40, 10});
}

TEST_CASE("A trace's request follows its parent's answer, and is skipped when there is none") {
  auto trace = std::make_shared<Trace>();
  trace->arrival_s = {0, 0, 1};
  trace->input_tokens = {1, 1, 1};
  trace->output_tokens = {1, 1, 1};
  trace->parent = {-1, 0, -1};
  trace->delay_s = {0, 0.5, 0};
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::trace);
  traffic.trace = trace;
  SUBCASE("answered") {
    House house(with(traffic));
    house.run();
    CHECK(times(house.begun) == std::vector<double>{0, 0.75, 1});
    CHECK(house.sources.left() == 0);
  }
  SUBCASE("refused") {
    House house(with(traffic));
    house.answers = false;
    house.run();
    CHECK(times(house.begun) == std::vector<double>{0, 1});
    CHECK(times(house.skipped) == std::vector<double>{0.25});
    CHECK(house.sources.left() == 0);
  }
}

TEST_CASE("A call's turn comes when the reply was heard, or when the user breaks in") {
  CallTurn turn;
  turn.silence_s = 1;
  turn.speech_s = 2;
  turn.reply_tokens = 10;
  turn.audio_s = turn.heard_s = 4;
  VoiceCall call;
  call.begin_s = 0.5;
  call.turns = {turn, turn};
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::calls);
  SUBCASE("heard to the end by someone else's voice") {
    traffic.calls = std::make_shared<const std::vector<VoiceCall>>(std::vector{call});
    House house(with(traffic, 60));
    house.run();
    // Nobody listens meanwhile: 1 s of silence and 2 s of speech, then the answer 0.25 s later, and 4 s to hear it.
    CHECK(times(house.begun) == std::vector<double>{3.5, 3.5 + 0.25 + 4 + 3});
  }
  SUBCASE("broken into after a second of it") {
    call.turns[0].heard_s = 1;
    traffic.calls = std::make_shared<const std::vector<VoiceCall>>(std::vector{call});
    House house(with(traffic, 60));
    house.speaks = true;
    house.run();
    REQUIRE(house.begun.size() == 2);
    CHECK(house.begun[0].at_s == 3.5);
    CHECK(house.begun[1].at_s == doctest::Approx(3.5 + 1 + 3));
  }
}

}  // namespace test_sources
