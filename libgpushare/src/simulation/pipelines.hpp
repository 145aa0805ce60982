#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "core/function_ref.hpp"
#include "results/recorder.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/held_streams.hpp"
#include "simulation/luck.hpp"
#include "simulation/merged_iterations.hpp"
#include "simulation/router.hpp"

namespace gpushare {

/// A request's way through the stages of its pipeline: delays, workers, visits to services, and what each triggers.
class Pipelines {
 public:
  /// What the source of a request hears of it.
  struct Listener {
    FunctionRef<void(Time, const Request&)> closed;  ///< it has ended; it is recorded already
    FunctionRef<void(Time, const Request&)>
        heard;  ///< so much of its speech has come that its user breaks in
  };
  /// Who it hands jobs to.
  struct Services {
    Fleet& fleet;
    Router& router;
    HeldStreams& streams;
    MergedIterations& merged;
  };

  Pipelines(Kernel& kernel, const Workload& workload, const Services& services, Recorder& recorder,
            const Luck& luck, Listener listener);

  /// A request arrives.
  void begin(Time now, const Request& request);
  /// A request that will never be sent: it is counted and recorded.
  void skip(Time now, const Request& request);
  /// Event: a delay is over.
  void on_delay(Time now, std::uint32_t delay);
  void on_outcome(Time now, const Outcome& outcome);

  [[nodiscard]] std::uint64_t arrived() const { return arrived_; }
  [[nodiscard]] std::size_t in_flight() const { return requests_.in_flight(); }

 private:
  struct Delay {
    std::uint32_t request = 0;
    std::uint8_t stage = 0;
    EventQueue::Slot slot = 0;
  };
  /// The workers of a pipeline, and the visits that wait for one.
  struct WorkerPool {
    int busy = 0;
    std::deque<std::pair<std::uint32_t, std::uint8_t>> waiting;  // request, stage
  };

  [[nodiscard]] std::size_t number_of(const Request& request) const {
    return static_cast<std::size_t>(workload_.traffic[static_cast<std::size_t>(request.traffic)].pipeline);
  }
  [[nodiscard]] const Pipeline& pipeline_of(const Request& request) const {
    return workload_.pipelines[number_of(request)];
  }
  void start_stage(Time now, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] bool take_worker(std::uint32_t slot, std::uint8_t stage);
  void release_worker(Time now, std::uint32_t slot, std::uint8_t stage);
  void begin_visit(Time now, std::uint32_t slot, std::uint8_t stage);
  void start_delay(Time now, std::uint32_t slot, std::uint8_t stage, double seconds);
  void send_job(Time now, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] Job make_job(const Request& request, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] int choose_server(Time now, const Job& job, const Request& request);
  void refuse(Time now, const Job& job, RequestStatus status);
  void on_audio(Time now, Request& request, double seconds);
  void leave_service(Time now, const Outcome& outcome);
  void trigger(Time now, std::uint32_t slot, std::uint8_t stage, Trigger on);
  void offer_sentences(Time now, std::uint32_t slot, std::uint8_t stage, std::uint32_t tokens, bool complete);
  void next_sentence(Time now, std::uint32_t slot, std::uint8_t stage);
  void on_job_done(Time now, std::uint32_t slot, std::uint8_t stage);
  void close_if_done(Time now, std::uint32_t slot);

  Kernel& kernel_;
  const Workload& workload_;
  Services to_;
  Recorder& recorder_;
  Listener listener_;
  Time warm_{};  // when measuring begins
  RequestPool requests_;
  std::vector<WorkerPool> workers_;  // by pipeline
  std::vector<Delay> delays_;
  std::vector<std::uint32_t> free_delays_;
  std::vector<Stream> service_luck_, delay_luck_;  // by service, by stage
  std::uint64_t arrived_ = 0;
};

}  // namespace gpushare
