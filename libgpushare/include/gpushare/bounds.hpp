#pragma once

#include <limits>
#include <vector>

#include "gpushare/memory.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/warnings.hpp"
#include "gpushare/workload.hpp"

/// What no schedule can beat: the least that the requests of a service need of a partition, and the most of them that it
/// can serve. Bounds of the simulator: they are made of its own demands and step times, so no run exceeds them but by what
/// is under way at the ends of its window. A request here is a visit of the service: a sentence to speak is one.
namespace gpushare {

// ---- What the traffic brings ----

/// What an LLM computes of the prompt of a mean request.
struct PromptWork {
  double tokens = 0;
  double pairs = 0;  ///< (query, key) pairs
  double by_reply =
      0;  ///< tokens times iterations of the reply beyond the first, in which they are kept and read
};

/// The mean request of a service. What is not linear in a request's sizes is taken at their means, where it is less.
struct VisitSizes {
  PromptWork prompt;      ///< of which nothing was there before
  PromptWork new_prompt;  ///< of which all was there that others began with, in a cache that forgets nothing
  double reply_tokens = 0;    ///< at least one
  double reply_by_reply = 0;  ///< tokens of the reply times iterations that read them
  double audio_s = 0;         ///< to recognise or to speak
  double units = 0;
  double least_units = 0, most_units = 0;  ///< of any request: units, or seconds of audio
  double drawn_s = 0;                      ///< of a synthetic model
  /// Of prompts, and of replies or of audio: the standard deviation of their lengths over the mean.
  double prompt_variation = 0, length_variation = 0;
};

/// Requests that a service is sent.
struct ServiceTraffic {
  double per_s = 0;  ///< mean over the horizon; of users at most, as if everything took the least latency
  VisitSizes mean;
  bool held = false;  ///< streams of recognition that stay open over many utterances
};

/// Of each service. With `gpu`, users also wait for what a request alone takes at least on a whole one; without, they wait
/// for their own delays only. What users of a closed loop carry on from turn to turn is left out. Calls that are drawn
/// from a recipe are the mean of a thousand.
[[nodiscard]] std::vector<ServiceTraffic> service_traffic(const Workload& workload,
                                                          const GpuProfile* gpu = nullptr);

/// Timeouts of clients that are shorter than what a request of mean size takes on a whole GPU that does nothing else.
[[nodiscard]] std::vector<Warning> short_timeouts(const Scenario& scenario);

// ---- What a request needs at least ----

/// The highest rate of arrivals against their mean. Of a gamma-Poisson process what one block in twenty exceeds.
[[nodiscard]] double peak_to_mean(const ArrivalProcess& arrivals);
/// The same of what each service is asked, 1 where users wait for their answers. Traces and files of calls are counted in
/// windows of a minute at least and of a hundred requests in the mean.
[[nodiscard]] std::vector<double> peaks_to_mean(const Workload& workload);

/// Of one process, for a mean request. Under tensor parallelism of one of its ranks.
struct LeastWork {
  double flop = 0;
  double bytes = 0;      ///< HBM traffic
  double gpu_s = 0;      ///< in which a step of it is on the GPU, alone and at full clock
  double host_s = 0;     ///< on a CPU core
  double link_s = 0;     ///< of the GPU's link to the host
  double process_s = 0;  ///< in which the process is in the middle of a step: those follow each other
  double front_s = 0;    ///< of the thread that takes requests in and sends tokens out
  int steps_at_once = 1;
};

/// A process's part of a GPU.
struct ProcessSite {
  const GpuProfile& gpu;
  const Partition& partition;
  double active_thread_percentage = 100;  ///< MPS
  InterconnectConstants link{};           ///< to the GPUs of the other ranks
};

/// `memory` as memory_need and memory_needs say: how many requests it can hold bounds how many share the weights' traffic.
/// Throws ModelError and ScenarioError where the service cannot run.
[[nodiscard]] LeastWork least_work(const Service& service, const VisitSizes& sizes, const ProcessSite& site,
                                   const MemoryNeed& memory);
/// With the partition's whole memory to itself.
[[nodiscard]] LeastWork least_work(const Service& service, const VisitSizes& sizes, const ProcessSite& site);

inline constexpr double kNoBound = std::numeric_limits<double>::infinity();

/// Requests a second that one process can serve at most; kNoBound where nothing binds.
[[nodiscard]] double capacity_bound(const LeastWork& work);
/// 0 where the service does not fit the partition.
[[nodiscard]] double capacity_bound(const Service& service, const VisitSizes& sizes, const ProcessSite& site);

// ---- What the hardware allows, whatever the software ----

/// At the peak rates of the partition: products and attention alone, nothing between them, and weights shared by as many
/// requests as the engine may run and the memory holds.
struct PeakWork {
  double flop = 0;
  double bytes = 0;
  double compute_s = 0, memory_s = 0;  ///< what they take at the peak rates
  double gpu_s = 0;                    ///< the longer of the two
  double first_s = 0;                  ///< of a request alone: its prompt; 0 for all but LLMs
  double token_s = 0;                  ///< of a request alone: each further token; 0 for all but LLMs
};
[[nodiscard]] PeakWork peak_work(const Service& service, const VisitSizes& sizes, const ProcessSite& site,
                                 const MemoryNeed& memory);

/// Of an LLM's request alone with the model's own efficiencies: its prompt's iteration and, at the prompt's context, each
/// further token's. Zeros for other models.
struct AloneTimes {
  double first_s = 0;
  double token_s = 0;
};
[[nodiscard]] AloneTimes alone_times(const Service& service, const VisitSizes& sizes,
                                     const ProcessSite& site);

// ---- What a placement can carry ----

/// How far the traffic could grow before a placement cannot carry it.
struct LoadBound {
  double factor =
      kNoBound;        ///< of all offered rates; below 1 the placement is overloaded, whatever queues do
  int gpu = -1;        ///< whose processes bind together; -1: none
  int partition = -1;  ///< of it; -1: what its partitions share
  int service = -1;    ///< whose processes bind; -1: those of several together
  int node = -1;       ///< whose cores bind; -1: none
};

/// Exclusive and time-sliced partitions: the seconds on the GPU add up to at most one a second. MPS: what the law of
/// contention leaves at least (docs/claims.md). Requests of a service may go to any of its replicas.
[[nodiscard]] LoadBound load_bound(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
                                   const Placement& placement);

}  // namespace gpushare
