#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/arrivals.hpp"
#include "gpushare/calls.hpp"
#include "gpushare/engine.hpp"
#include "gpushare/model.hpp"
#include "gpushare/objectives.hpp"
#include "gpushare/trace.hpp"

namespace gpushare {

/// Stages of a pipeline at most.
inline constexpr std::size_t kMaxStages = 8;

enum class Routing : std::uint8_t {
  round_robin,
  least_outstanding,
  shared_queue,
  user_affinity,
  random,
  power_of_two,  ///< two replicas at random, the one with fewer outstanding
  prefix_affine  ///< the replica whose cache holds most of the prompt, unless it has far more outstanding
};

/// Model + engine + replicas.
struct Service {
  std::string name;
  std::shared_ptr<const Model> model;
  Precision precision = Precision::fp16;
  Engine engine;
  int replicas = 1;         ///< that are asked for; a placement may hold another number (placed_replicas)
  int tensor_parallel = 1;  ///< LLM: GPUs of a replica, with a process on each
  Routing routing = Routing::round_robin;
  double memory_bytes = 0;  ///< of one process; 0: what the model and engine need
};

enum class Trigger : std::uint8_t { finish, first_output, sentence };

/// A step of a request's way: a visit to a service, or a fixed delay.
struct Stage {
  std::string name;
  int service = -1;         ///< index into Workload::services; -1: a delay
  Role role = Role::waits;  ///< of the service's model: resolve_roles sets it
  Distribution delay_s;     ///< of a delay
  int after = -1;           ///< stage it follows; -1: the request's arrival
  Trigger on =
      Trigger::finish;  ///< of that stage; `sentence` makes one job of each sentence the LLM completes
  bool worker = false;  ///< a visit holds one of the pipeline's workers, and waits for it
  int sentence_tokens = 20;
  double audio_s_per_token = 0.3;  ///< synthesis: speech of one LLM token
  /// What its batch model counts in a visit: texts, images; nullopt: the request's RequestSizes::units.
  std::optional<Distribution> units{};
};

struct Pipeline {
  std::string name;
  std::vector<Stage> stages;
  int workers =
      0;  ///< threads of the client or gateway, shared by all requests, first come first served; 0: no limit
};

/// Sizes of a request, drawn for each.
struct RequestSizes {
  Distribution input_tokens = constant(0);
  Distribution output_tokens = constant(0);
  Distribution speech_s = constant(0);  ///< the user's utterance
  Distribution units = constant(1);     ///< texts, images, seconds: what the batch model counts
  int priority = 0;                     ///< lower is served first by fifo engines (non-preemptive)
};

/// How long whoever sends a request waits for its answer, and how often they ask again.
struct Client {
  std::optional<double> timeout_s;  ///< of one attempt; nullopt: they wait for ever
  int retries = 0;                  ///< attempts after the first, at most
  double backoff_s = 0.5;           ///< before the first retry; doubles with each
};

struct Traffic {
  enum class Kind : std::uint8_t { open, closed, trace, calls };
  static constexpr std::array<std::string_view, 4> kKinds{"open", "closed", "trace", "calls"};  ///< in words
  Kind kind = Kind::open;
  std::string name;
  int pipeline = 0;
  RequestSizes sizes;

  std::optional<Client> client;  ///< open, closed, trace; nullopt: waits for ever and never asks again

  /// open, trace: requests in flight at most; those that are due beyond it are sent when one ends, in their order, and
  /// arrive then. 0: no limit.
  int max_concurrency = 0;

  ArrivalProcess arrivals;  ///< open

  int users = 0;  ///< closed
  double ramp_up_s = 0, ramp_down_s = 0;
  std::optional<double> hold_s;        ///< closed; nullopt: what duration_s and the ramps leave
  Distribution think_s = constant(0);  ///< closed: after a refusal or a failure at least half a second
  int turns_per_session = 1;           ///< closed: history is forgotten after so many turns
  bool history = false;                ///< closed: prompts carry what was said before
  double history_limit_tokens = 0;     ///< 0: no limit
  bool playback = false;               ///< closed: the next turn waits until the reply was played out
  double system_prompt_tokens = 0;  ///< open, closed: first tokens of every prompt that are the same for many
  int system_prompts = 1;           ///< open, closed: how many such beginnings there are, drawn evenly

  std::shared_ptr<const Trace> trace;  ///< trace
  double speed = 1;            ///< trace: its arrivals are replayed so much faster, its delays are not
  bool follow_parents = true;  ///< trace: a request waits until its parent has ended

  std::shared_ptr<const std::vector<VoiceCall>> calls;  ///< calls: those of a file; null: drawn from `recipe`
  CallRecipe recipe;                                    ///< calls
  bool hold_stream = false;  ///< closed, calls: one stream of recognition for all turns, silence and all
};

/// What an hour of a GPU costs, in currency units.
struct Prices {
  double any_gpu = 0;                    ///< of every kind, where `by_gpu` is empty
  std::map<std::string, double> by_gpu;  ///< by the profile's name
};

/// Seconds: times are kept in nanoseconds in 64 bits.
inline constexpr double kLongestRun = 1e9;

/// What has to be served, wherever it runs.
struct Workload {
  std::vector<Service> services;
  std::vector<Pipeline> pipelines;
  std::vector<Traffic> traffic;
  double warmup_s = 0;
  double duration_s = 0;  ///< arrivals and measurement end here; the rest drains. 0: with the last answer
  Prices prices;
  std::optional<double> carbon_g_per_kwh;  ///< CO2 of the electricity
  Objectives objectives;
};

/// Whether a run lasts until all is served: no time is given, and all traffic ends by itself.
[[nodiscard]] bool until_served(const Workload& workload);

/// Whether any traffic has clients that give up or ask again.
[[nodiscard]] bool has_clients(const Workload& workload);

/// Sets the role of every stage; a workload that was read from a document has them already.
void resolve_roles(Workload& workload);

}  // namespace gpushare
