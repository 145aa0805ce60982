#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "simulation/held_streams.hpp"
#include "simulation/sources/context.hpp"

namespace gpushare {

/// Voice calls, turn by turn: silence, speech, a reply that is played out or broken into.
class Calls {
 public:
  Calls(const SourceContext& context, HeldStreams& streams) : context_(context), streams_(streams) {}

  void add(int traffic);
  /// Event: a call begins.
  void on_arrival(Time now, std::uint32_t source);
  /// Event: the call's next turn is due; or the stream it waited for is open or refused.
  void on_due(Time now, std::uint32_t call);
  /// So much of a reply was received that its user breaks in, as soon as it was played; what is left of it is still
  /// made and thrown away.
  void break_in(Time now, const Request& request);
  /// Its request has ended.
  void after(Time now, const Request& request);

 private:
  struct Source {
    int traffic = 0;
    std::optional<ArrivalGenerator> arrivals;  ///< of calls that are drawn
    Stream luck, sizes;
    bool hears = false, speaks = false;  ///< its pipeline has a recogniser, and someone who speaks
    EventQueue::Slot slot = 0;
    std::size_t next = 0;
  };
  struct Call {
    std::uint32_t source = 0;
    std::int64_t number = 0;
    std::vector<CallTurn> turns{};
    std::size_t turn = 0;         ///< the next one
    std::uint32_t in_flight = 0;  ///< turns that are not done: two when the user broke in
    bool next_is_due = false;     ///< the timer is set for the next turn
    bool over = false;
    std::shared_ptr<PromptPrefix> said{};
    std::uint64_t last_key = 0;  ///< of the last turn's own part of the prompt
    EventQueue::Slot slot = 0;
  };

  [[nodiscard]] const Traffic& traffic_of(const Call& call) const {
    return context_.traffic(sources_[call.source].traffic);
  }
  [[nodiscard]] bool is_last(const Call& call, const Request& request) const {
    return static_cast<std::size_t>(request.turn) + 1 == call.turn;
  }
  void set_next(Source& source);
  [[nodiscard]] std::uint32_t take();
  void next_turn(Time from, std::uint32_t call);
  [[nodiscard]] Request request_of(std::uint32_t call, std::size_t turn) const;
  void begin_turn(Time now, std::uint32_t call);
  void skip_turns(Time now, std::uint32_t call);
  void end(Time now, std::uint32_t call);
  void free_if_over(std::uint32_t call);

  const SourceContext& context_;
  HeldStreams& streams_;
  std::vector<Source> sources_;
  std::vector<Call> calls_;
  std::vector<std::uint32_t> free_;
};

}  // namespace gpushare
