#pragma once

#include <cstdint>
#include <vector>

#include "core/function_ref.hpp"
#include "results/recorder.hpp"
#include "simulation/clients.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/held_streams.hpp"
#include "simulation/luck.hpp"
#include "simulation/merged_iterations.hpp"
#include "simulation/parked.hpp"
#include "simulation/router.hpp"
#include "simulation/stage_jobs.hpp"
#include "simulation/stage_waits.hpp"

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
    Parked& parked;
  };

  Pipelines(Kernel& kernel, const Workload& workload, const Services& services, Recorder& recorder,
            const Luck& luck, Listener listener);

  /// A request arrives.
  void begin(Time now, const Request& request);
  /// A request that will never be sent: it is counted and recorded.
  void skip(Time now, const Request& request);
  /// Event: a delay is over.
  void on_delay(Time now, std::uint32_t delay);
  /// Event: a client gives up on an attempt, or asks again.
  void on_client(Time now, std::uint32_t client);
  void on_outcome(Time now, const Outcome& outcome);

  [[nodiscard]] std::uint64_t arrived() const { return arrived_; }
  [[nodiscard]] std::size_t in_flight() const { return requests_.in_flight(); }

 private:
  [[nodiscard]] const Pipeline& pipeline_of(const Request& request) const {
    return workload_.pipelines[pipeline_number(workload_, request)];
  }
  void send(Time now, const Request& attempt);
  /// Nobody waits for a stage any more: its job leaves now, or when the step that it is in has ended.
  void withdraw(Time now, std::uint32_t slot, std::uint8_t stage);
  void start_stage(Time now, std::uint32_t slot, std::uint8_t stage);
  void release_worker(Time now, std::uint32_t slot, std::uint8_t stage);
  void begin_visit(Time now, std::uint32_t slot, std::uint8_t stage);
  void send_job(Time now, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] int choose_server(Time now, const Job& job, const Request& request);
  void refuse(Time now, const Job& job, RequestStatus status, bool by_fault);
  [[nodiscard]] int server_of(const Request& request, std::uint8_t stage) const;
  void leave_service(Time now, std::uint32_t slot, std::uint8_t stage);
  void trigger(Time now, std::uint32_t slot, std::uint8_t stage, Trigger on);
  void offer_sentences(Time now, std::uint32_t slot, std::uint8_t stage, std::uint32_t tokens, bool complete);
  void next_sentence(Time now, std::uint32_t slot, std::uint8_t stage);
  void on_job_done(Time now, std::uint32_t slot, std::uint8_t stage);
  void close_if_done(Time now, std::uint32_t slot);
  void end_attempt(Time now, const Request& ended);

  Kernel& kernel_;
  const Workload& workload_;
  Services to_;
  Recorder& recorder_;
  Listener listener_;
  Time warm_{};  // when measuring begins
  RequestPool requests_;
  Clients clients_;
  Workers workers_;
  Delays delays_;
  std::vector<Stream> service_luck_, delay_luck_;  // by service, by stage
  std::uint64_t arrived_ = 0;
};

}  // namespace gpushare
