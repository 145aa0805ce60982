#pragma once

#include <cstdint>
#include <vector>

#include "core/function_ref.hpp"
#include "gpushare/workload.hpp"
#include "results/request.hpp"
#include "simulation/fleet.hpp"
#include "simulation/kernel.hpp"
#include "simulation/router.hpp"

namespace gpushare {

/// Streams of recognition that users and calls keep open between their turns.
class HeldStreams {
 public:
  struct Held {
    enum class State : std::uint8_t { closed, waiting, open };
    State state = State::closed;
    int server = -1;
    RequestStatus refusal = RequestStatus::failed;  ///< of a turn while it is closed
    bool by_fault = false;                          ///< that refusal
  };
  /// A stream that its holder waited for is open, or will not be: (now, holder).
  using Told = FunctionRef<void(Time, std::uint32_t)>;

  HeldStreams(Kernel& kernel, Fleet& fleet, const Workload& workload, Router& router, Told told);

  [[nodiscard]] static std::uint32_t holder_of_user(std::uint32_t user) { return user << 1; }
  [[nodiscard]] static std::uint32_t holder_of_call(std::uint32_t call) { return call << 1 | 1; }
  [[nodiscard]] static bool is_call(std::uint32_t holder) { return (holder & 1) != 0; }
  [[nodiscard]] static std::uint32_t holder_of(const Request& request);

  [[nodiscard]] Held& operator[](std::uint32_t holder);
  /// Whether a visit is heard in a stream that stays open.
  [[nodiscard]] bool is_held(const Request& request, std::uint8_t stage) const {
    return held_stage_[static_cast<std::size_t>(request.traffic)] == stage;
  }
  /// Asks for a stream; false when it is refused.
  [[nodiscard]] bool open(Time now, std::uint32_t holder, const Request& request);
  void hang_up(Time now, std::uint32_t holder);
  /// Puts an utterance into the open stream of its user or call; the server, or -1 when it is not open.
  [[nodiscard]] int speak(const Request& request, const Job& job);
  /// What engines tell of held streams.
  void on_outcome(Time now, const Outcome& outcome);

 private:
  Kernel& kernel_;
  Fleet& fleet_;
  const Workload& workload_;
  Router& router_;
  Told told_;
  std::vector<int> held_stage_;  // by traffic; -1: none
  std::vector<Held> users_, calls_;
};

/// The pipeline's first stage that recognises speech; -1: none.
[[nodiscard]] int recogniser_of(const Workload& workload, const Traffic& traffic);

}  // namespace gpushare
