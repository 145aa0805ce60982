#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/arrivals.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/event_queue.hpp"
#include "gpushare/simulation.hpp"
#include "results/recorder.hpp"
#include "results/request.hpp"
#include "simulation/fleet.hpp"
#include "simulation/host.hpp"
#include "simulation/trace_replay.hpp"

namespace gpushare {

/// One replication of a scenario: the event loop that joins traffic, pipelines, servers and partitions.
///
/// Every event is handled in three moves: the handler itself, then what engines tell (outbox) and servers that may
/// start a step (dirty list) until both are empty, then the executors that were touched settle once.
class Simulator {
 public:
  Simulator(const Scenario& scenario, const RunOptions& options);
  [[nodiscard]] Run run();

 private:
  // Simultaneous events fire in this order; those of GPUs and of iterations by partition and by server, so that it is
  // the same whether iterations are events of their own or not.
  enum EventClass : std::uint32_t {
    kWindowEvent,
    kGpuEvent,
    kHostEvent,
    kIterationEvent,
    kDelayEvent,
    kTrafficEvent,
    kFaultEvent,
    kWakeEvent
  };
  enum class Owner : std::uint8_t {
    window,
    partition,
    link,
    step,
    delay,
    open,
    user,
    trace,
    call_source,
    call,
    fault,
    restart,
    wake,
    run
  };
  struct SlotOwner {
    Owner kind;
    std::uint32_t index;
    EventClass event_class;
    std::uint64_t rank = 0;  ///< of classes whose slots are ranked
  };
  enum class Phase : std::uint8_t { free, host_before, copy, gpu, host_after };
  struct StepState {
    Step step;
    StepTime time;
    int server = 0;
    Phase phase = Phase::free;
    bool on_core = false;
    std::uint32_t whole = 0;     ///< the step that this is a rank's part of; itself for the first rank
    std::size_t ranks_left = 0;  ///< of a whole step, still on their GPUs
    Time planned{}, gpu_start = kNever, gpu_end = kNever;
    EventQueue::Slot slot = 0;
  };
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
  struct OpenSource {
    int traffic = 0;
    ArrivalGenerator generator;
    std::uint64_t sequence = 0;
  };
  struct TraceSource {
    int traffic = 0;
    TraceReplay replay;
  };
  /// A stream of recognition that a user or a call keeps between turns.
  struct HeldStream {
    enum class State : std::uint8_t { closed, waiting, open };
    State state = State::closed;
    int server = -1;
    RequestStatus refusal = RequestStatus::failed;  ///< of a turn while it is closed
  };
  struct CallSource {
    int traffic = 0;
    std::optional<ArrivalGenerator> arrivals;  ///< of calls that are drawn
    Stream luck;
    std::size_t next = 0;
  };
  struct Call {
    int traffic = 0;
    std::int64_t number = 0;
    std::vector<CallTurn> turns{};
    std::size_t turn = 0;         ///< the next one
    std::uint32_t in_flight = 0;  ///< turns that are not done: two when the user broke in
    bool next_is_due = false;     ///< the timer is set for the next turn
    bool over = false;
    std::shared_ptr<PromptPrefix> said{};
    std::uint64_t last_key = 0;  ///< of the last turn's own part of the prompt
    HeldStream stream{};
    EventQueue::Slot slot = 0;
  };
  struct User {
    int traffic = 0;
    int number = 0;
    int turn = 0;
    double history_tokens = 0;
    Time leave{};
    std::shared_ptr<PromptPrefix> said{};  ///< what the session's next prompt will begin with
    HeldStream stream{};
  };

  // simulator.cpp: the loop and the steps
  /// exp(spread * N(0, 1)) of this replication.
  [[nodiscard]] double factor(const std::string& name, double spread) const;
  void draw_calibration();
  EventQueue::Slot add_slot(EventClass event_class, Owner owner, std::size_t index);
  EventQueue::Slot add_ranked_slot(EventClass event_class, Owner owner, std::size_t index,
                                   std::uint64_t rank);
  void dispatch(Time now, EventQueue::Slot slot);
  void drain(Time now);
  void settle(Time now);
  void mark_dirty(int server);
  void kick(Time now, int server);
  void start_step(Time now, int server, const Step& step);
  [[nodiscard]] std::uint32_t take_step(const Server& server);
  void release_step(std::uint32_t step);
  void begin_host(Time now, std::uint32_t step, double seconds);
  void end_host(Time now, std::uint32_t step);
  void begin_copy(Time now, std::uint32_t step);
  void on_link(Time now, std::uint32_t gpu);
  void finish_step(Time now, std::uint32_t step);
  void release_core(Time now, StepState& step);

  // simulator_gpu.cpp: a step on its GPUs
  /// Of a demand on the resources that the server has of a partition.
  [[nodiscard]] StepTime time_of(const Demand& demand, const Server& server, int partition,
                                 const Resources& resources) const;
  [[nodiscard]] Interference interference_of(const PartitionState& partition, const Server& server,
                                             const Resources& resources, const StepState& state,
                                             double kernels) const;
  void submit_to_gpu(Time now, std::uint32_t step);
  void submit_work(Time now, std::uint32_t step, const Demand& demand, int partition, int client,
                   const Resources& resources);
  void on_partition(Time now, std::uint32_t partition);
  void end_rank(Time now, std::uint32_t step);
  void after_gpu(Time now, std::uint32_t step);

  // simulator_power.cpp
  /// Power above idle that the partition's processes can draw at most.
  [[nodiscard]] double largest_draw_w(const PartitionState& partition, std::uint32_t where) const;
  void bound_draws();
  void govern_clock(Time now, GpuState& gpu);

  // simulator_runs.cpp: iterations advanced together
  void add_runs();
  [[nodiscard]] bool host_never_full() const;
  /// When something happens that no step of a run may cross: the window opens or closes, a process fails.
  [[nodiscard]] Time next_boundary() const;
  [[nodiscard]] RunStep run_step(Time planned, const Demand& demand, const Server& server) const;
  /// Starts a run with the step that the engine has just planned; false when it has to go through the executor.
  [[nodiscard]] bool begin_run(Time now, int server, const ContinuousEngine& engine, const Step& first);
  void schedule_run(const StepRun& run);
  [[nodiscard]] bool has_ended(Time now, const Server& server, const RunStep& step) const;
  [[nodiscard]] std::size_t steps_ended(Time now, const Server& server) const;
  void cut_run(Time now, int server);
  /// Goes past the steps of a run that have ended, for those who look into the engine.
  void catch_up(Time now, int server);
  void account_for(Server& server, std::size_t steps);
  void account_on(int partition, std::span<const RunStep> steps);
  [[nodiscard]] bool undisturbed(int partition) const;
  void skip_silent(Server& server, std::size_t steps);
  void end_run(Time now, std::uint32_t server);

  // simulator_requests.cpp: a request's way through its pipeline
  void begin_request(Time now, Request request);
  void start_stage(Time now, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] bool take_worker(std::uint32_t slot, std::uint8_t stage);
  void release_worker(Time now, std::uint32_t slot, std::uint8_t stage);
  void begin_visit(Time now, std::uint32_t slot, std::uint8_t stage);
  void start_delay(Time now, std::uint32_t slot, std::uint8_t stage, double seconds);
  void send_job(Time now, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] int choose_server(Time now, const Job& job, const Request& request);
  void refuse(Time now, const Job& job, RequestStatus status);
  [[nodiscard]] Job make_job(const Request& request, std::uint32_t slot, std::uint8_t stage);
  [[nodiscard]] int route(Time now, const Job& job, const Request& request, int service);
  [[nodiscard]] int least_outstanding(const ServiceState& service) const;
  [[nodiscard]] int better_of_two(const ServiceState& service);
  [[nodiscard]] int prefix_affine(Time now, const Job& job, const ServiceState& service);
  void on_outcome(Time now, const Outcome& outcome);
  void on_audio(Time now, Request& request, double seconds);
  void offer_sentences(Time now, std::uint32_t slot, std::uint8_t stage, std::uint32_t tokens, bool complete);
  void next_sentence(Time now, std::uint32_t slot, std::uint8_t stage);
  void on_job_done(Time now, std::uint32_t slot, std::uint8_t stage);
  void close_if_done(Time now, std::uint32_t slot);
  void on_delay(Time now, std::uint32_t delay);
  void trigger(Time now, std::uint32_t slot, std::uint8_t stage, Trigger on);

  // simulator_traffic.cpp: arrivals and users
  void add_traffic();
  void dispatch_traffic(Time now, const SlotOwner& owner);
  void add_source(int index, const Traffic& traffic);
  void add_users(int index, const Traffic& traffic);
  void on_open_arrival(Time now, std::uint32_t source);
  void on_user(Time now, std::uint32_t user);
  void after_turn(Time now, const Request& request);
  void draw_sizes(Request& request, const Traffic& traffic);

  // simulator_traces.cpp: requests of a trace, and those that follow them
  void add_trace(int index, const Traffic& traffic);
  [[nodiscard]] Request trace_request(const TraceSource& source, std::size_t row);
  void on_trace_arrival(Time now, std::uint32_t source);
  void after_trace_request(Time now, const Request& request);

  // simulator_calls.cpp: voice calls, turn by turn
  void add_calls(int index, const Traffic& traffic);
  void set_next_call(std::uint32_t source);
  void on_call_arrival(Time now, std::uint32_t source);
  [[nodiscard]] std::uint32_t take_call();
  void on_call(Time now, std::uint32_t call);
  void next_turn(Time from, std::uint32_t call);
  [[nodiscard]] Request call_request(const Call& call, std::uint32_t index, std::size_t turn);
  void begin_turn(Time now, std::uint32_t call);
  void break_in(Time now, const Request& request);
  void after_call_turn(Time now, const Request& request);
  void skip_turns(Time now, std::uint32_t call);
  void end_call(Time now, std::uint32_t call);
  void free_if_over(std::uint32_t call);
  [[nodiscard]] bool speaks(const Traffic& traffic) const;

  // simulator_streams.cpp: streams of recognition that stay open between turns
  [[nodiscard]] int recogniser(const Traffic& traffic) const;
  [[nodiscard]] HeldStream& held_stream(std::uint32_t holder);
  [[nodiscard]] static std::uint32_t holder_of_call(std::uint32_t call) { return call << 1 | 1; }
  [[nodiscard]] static std::uint32_t holder_of_user(std::uint32_t user) { return user << 1; }
  [[nodiscard]] static std::uint32_t holder_of(const Request& request) {
    return request.call >= 0 ? holder_of_call(static_cast<std::uint32_t>(request.call))
                             : holder_of_user(static_cast<std::uint32_t>(request.user));
  }
  /// Whether a visit is heard in a stream that stays open.
  [[nodiscard]] bool is_held(const Request& request, std::uint8_t stage) const;
  /// Asks for a stream; false when it is refused. `Signal::opened` tells when it is there.
  [[nodiscard]] bool open_stream(Time now, std::uint32_t holder, const Request& request);
  void hang_up(Time now, std::uint32_t holder);
  void on_held_stream(Time now, const Outcome& outcome);
  /// Puts an utterance into the open stream of its user or call; the server, or -1 when it is not open.
  [[nodiscard]] int speak(const Request& request, const Job& job);

  // simulator_prefixes.cpp: what prompts have in common
  [[nodiscard]] bool caches_prefixes(const Traffic& traffic) const;
  /// Of a prompt that begins with the traffic's system prompt, if it has one.
  [[nodiscard]] std::shared_ptr<PromptPrefix> new_prefix(const Request& request,
                                                         const Traffic& traffic) const;
  [[nodiscard]] std::shared_ptr<PromptPrefix> trace_prefix(const Request& request, const Trace& trace,
                                                           std::size_t row) const;
  void carry_on(User& user, Request& request, double dropped_tokens);
  void carry_on(Call& call, const CallTurn& turn, Request& request);

  // simulator_faults.cpp
  void add_faults();
  void on_fault(Time now, std::uint32_t fault);
  void kill_server(Time now, int server, double restart_s);
  void abort_work(Time now, int partition, int client, int gpu_client);
  void on_restart(Time now, std::uint32_t server);

  // summary.cpp
  void on_window(Time now, std::uint32_t mark);
  void merge_engine_latencies();
  [[nodiscard]] Summary summarise_run();
  [[nodiscard]] std::string process_name(const Server& server, int partition) const;
  void add_partitions(Summary& summary) const;
  void add_services(Summary& summary) const;
  void check_invariants(Summary& summary, Time end);
  [[nodiscard]] std::vector<std::vector<int>> partitions_of_services() const;

  /// To be settled at the end of the event.
  void touch_partition(std::uint32_t index) {
    PartitionState& partition = fleet_.partitions[index];
    if (partition.touched) return;
    partition.touched = true;
    touched_.push_back(index);
  }
  void touch_link(std::uint32_t index) {
    GpuState& gpu = fleet_.gpus[index];
    if (gpu.link_touched) return;
    gpu.link_touched = true;
    touched_links_.push_back(index);
  }
  [[nodiscard]] const Pipeline& pipeline_of(const Request& request) const {
    return scenario_.workload.pipelines[static_cast<std::size_t>(
        scenario_.workload.traffic[static_cast<std::size_t>(request.traffic)].pipeline)];
  }
  [[nodiscard]] Stream stream(const std::string& name) const { return {seed_, options_.replication, name}; }

  const Scenario& scenario_;
  RunOptions options_;
  std::uint64_t seed_;
  Time end_of_arrivals_;
  EventQueue queue_;
  std::vector<SlotOwner> owners_;
  Fleet fleet_;
  HostCores host_;
  Recorder recorder_;
  RequestPool requests_;
  std::vector<WorkerPool> workers_;  // by pipeline
  std::vector<StepState> steps_;
  std::vector<std::uint32_t> free_steps_;
  std::vector<Delay> delays_;
  std::vector<std::uint32_t> free_delays_;
  Outbox outbox_;
  std::deque<int> dirty_;
  std::vector<std::uint32_t> touched_;        // partitions
  std::vector<std::uint32_t> touched_links_;  // GPUs
  std::vector<StepId> finished_steps_;
  std::vector<EventQueue::Slot> boundary_slots_;  // of events that no run may cross
  std::vector<Time> silent_ends_;
  EventQueue::Slot current_slot_ = 0;  // of the event being handled
  std::vector<OpenSource> open_sources_;
  std::vector<TraceSource> trace_sources_;
  std::vector<User> users_;
  std::vector<CallSource> call_sources_;
  std::vector<Call> calls_;
  std::vector<std::uint32_t> free_calls_;
  std::vector<std::uint32_t> source_of_traffic_;  // among those of its kind
  std::vector<EventQueue::Slot> source_slots_, trace_slots_, user_slots_, call_slots_, fault_slots_,
      restart_slots_;
  std::vector<Stream> size_streams_, think_streams_, service_streams_, delay_streams_;
  Stream routing_stream_;
  std::uint64_t events_ = 0, arrived_ = 0;
  struct PartitionWindow {
    ExecutorAccount begin, end;
    double flop_begin = 0, bytes_begin = 0, flop_end = 0, bytes_end = 0;
  };
  std::vector<PartitionWindow> windows_;
  struct ServiceWindow {
    double in_system = 0, busy = 0, batch = 0;
    std::uint64_t steps = 0, rejected = 0;
    ContinuousEngine::Counts llm;
  };
  std::vector<ServiceWindow> service_windows_;
  std::vector<LatencySummary> engine_latencies_;
};

}  // namespace gpushare
