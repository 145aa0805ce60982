#include "simulation/router.hpp"

#include <algorithm>

namespace gpushare {
namespace {

// A replica that holds the prompt's prefix is passed over when it has so many more in it than the emptiest one, and so
// many times more; as routers with caches in mind do (SGLang's: 32 and 1.1; assumed here). Fewer where the replica's
// cache holds fewer: those beyond would wait for it.
constexpr std::int64_t kImbalance = 32;
constexpr double kImbalanceFactor = 1.1;
// Of the prompt, that makes a replica worth going to (SGLang's router: half; assumed here): what all prompts begin with
// would otherwise send everyone to the first replica that has it.
constexpr double kWorthGoing = 0.5;

// Of the user, the session or the request itself.
std::size_t hash_of(const Request& request, std::uint64_t factor) {
  const std::uint64_t who = request.user >= 0      ? static_cast<std::uint64_t>(request.user)
                            : request.session >= 0 ? static_cast<std::uint64_t>(request.session)
                                                   : request.uid;
  return static_cast<std::size_t>((who * factor) >> 32);
}

}  // namespace

int Router::choose(Time now, const Job& job, const Request& request, int service_index) {
  ServiceState& service = fleet_.services[static_cast<std::size_t>(service_index)];
  const Routing routing = services_[static_cast<std::size_t>(service_index)].routing;
  if (service.present.empty()) return -1;
  if (routing == Routing::least_outstanding) return least_outstanding(service);
  if (routing == Routing::power_of_two) return better_of_two(service);
  if (routing == Routing::prefix_affine) return prefix_affine(now, job, service);
  if (routing == Routing::shared_queue)
    if (const int server = idle(service); server >= 0) return server;
  const int candidate = service.present[first_in_turn(routing, request, service)];
  if (server(candidate).accepts()) return candidate;
  // The others have its share in turn, or each of its users one of them: the next one alone would have twice its own.
  return accepting(service, routing == Routing::user_affinity  ? hash_of(request, 0xC2B2AE3D27D4EB4Full)
                            : routing == Routing::shared_queue ? 0
                                                               : service.spare++);
}

int Router::accepting(const ServiceState& service, std::uint64_t turn) const {
  std::vector<int> takers;
  for (const int candidate : service.present)
    if (server(candidate).accepts()) takers.push_back(candidate);
  return takers.empty() ? -1 : takers[turn % takers.size()];
}

std::size_t Router::first_in_turn(Routing routing, const Request& request, ServiceState& service) {
  const std::size_t replicas = service.present.size();
  switch (routing) {
    case Routing::round_robin:
      return service.next++ % replicas;
    case Routing::random:
      return static_cast<std::size_t>(luck_.uniform() * static_cast<double>(replicas));
    case Routing::user_affinity:
      return hash_of(request, 0x9E3779B97F4A7C15ull) % replicas;
    case Routing::shared_queue:
    case Routing::least_outstanding:
    case Routing::power_of_two:
    case Routing::prefix_affine:
      break;
  }
  return 0;
}

int Router::idle(const ServiceState& service) const {
  for (const int candidate : service.present)
    if (server(candidate).accepts() && server(candidate).steps_in_hand == 0) return candidate;
  return -1;
}

int Router::least_outstanding(const ServiceState& service) const {
  const int replica = service.outstanding.first();
  return replica < 0 ? -1 : service.servers[static_cast<std::size_t>(replica)];
}

int Router::better_of_two(const ServiceState& service) {
  const auto replicas = static_cast<double>(service.present.size());
  const auto first = static_cast<std::size_t>(luck_.uniform() * replicas);
  // Another one, if there is: drawn from the rest.
  auto second = static_cast<std::size_t>(luck_.uniform() * (replicas - 1));
  if (service.present.size() > 1 && second >= first) ++second;
  const int a = service.present[first], b = service.present[second];
  const Server &one = server(a), &other = server(b);
  if (!one.accepts() && !other.accepts()) return least_outstanding(service);
  if (!one.accepts() || !other.accepts()) return one.accepts() ? a : b;
  return other.in_system < one.in_system ? b : a;
}

int Router::prefix_affine(Time now, const Job& job, const ServiceState& service) {
  const int emptiest = least_outstanding(service);
  if (emptiest < 0 || job.prefix == nullptr) return emptiest;  // no cache can hold what is not known
  int best = emptiest;
  const std::int64_t tokens = std::max(1u, job.input_tokens + job.output_tokens);
  std::int64_t most = 0, places = kImbalance;
  for (const int candidate : service.present) {
    auto* engine = std::get_if<ContinuousEngine>(&fleet_.servers[static_cast<std::size_t>(candidate)].engine);
    if (!server(candidate).accepts() || engine == nullptr) continue;
    catch_up_(now, candidate);
    const std::int64_t cached = engine->cached_tokens(job);
    if (cached <= most || static_cast<double>(cached) < kWorthGoing * job.input_tokens) continue;
    most = cached;
    best = candidate;
    places = std::max<std::int64_t>(1, engine->longest_sequence() / tokens);
  }
  const int least = server(emptiest).in_system;
  const int chosen = server(best).in_system;
  const bool unbalanced =
      chosen >= least + std::min(kImbalance + 1, places) && chosen > kImbalanceFactor * least;
  return unbalanced ? emptiest : best;
}

}  // namespace gpushare
