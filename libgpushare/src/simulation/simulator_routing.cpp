#include <algorithm>

#include "simulation/simulator.hpp"

namespace gpushare {
namespace {

// A replica that holds the prompt's prefix is passed over when it has so many more in it than the emptiest one, and so
// many times more; as routers with caches in mind do (SGLang's: 32 and 1.1; assumed here).
constexpr int kImbalance = 32;
constexpr double kImbalanceFactor = 1.1;

}  // namespace

int Simulator::route(Time now, const Job& job, const Request& request, int service_index) {
  ServiceState& service = fleet_.services[static_cast<std::size_t>(service_index)];
  const auto replicas = service.servers.size();
  const auto up = [&](int server) { return fleet_.servers[static_cast<std::size_t>(server)].up; };
  std::size_t first = 0;
  switch (scenario_.workload.services[static_cast<std::size_t>(service_index)].routing) {
    case Routing::round_robin:
      first = service.next++ % replicas;
      break;
    case Routing::random:
      first = static_cast<std::size_t>(routing_stream_.uniform() * static_cast<double>(replicas));
      break;
    case Routing::user_affinity: {
      const std::uint64_t who = request.user >= 0      ? static_cast<std::uint64_t>(request.user)
                                : request.session >= 0 ? static_cast<std::uint64_t>(request.session)
                                                       : request.uid;
      first = static_cast<std::size_t>((who * 0x9E3779B97F4A7C15ull) >> 32) % replicas;
      break;
    }
    case Routing::shared_queue:
      for (const int server : service.servers)
        if (up(server) && fleet_.servers[static_cast<std::size_t>(server)].steps_in_hand == 0) return server;
      break;
    case Routing::least_outstanding:
      return least_outstanding(service);
    case Routing::power_of_two:
      return better_of_two(service);
    case Routing::prefix_affine:
      return prefix_affine(now, job, service);
  }
  for (std::size_t i = 0; i < replicas; ++i) {  // the next one that is up
    const int server = service.servers[(first + i) % replicas];
    if (up(server)) return server;
  }
  return -1;
}

int Simulator::least_outstanding(const ServiceState& service) const {
  int best = -1;
  for (const int server : service.servers) {
    const Server& candidate = fleet_.servers[static_cast<std::size_t>(server)];
    if (!candidate.up) continue;
    if (best < 0 || candidate.in_system < fleet_.servers[static_cast<std::size_t>(best)].in_system)
      best = server;
  }
  return best;
}

int Simulator::better_of_two(const ServiceState& service) {
  const auto replicas = static_cast<double>(service.servers.size());
  const auto first = static_cast<std::size_t>(routing_stream_.uniform() * replicas);
  // Another one, if there is: drawn from the rest.
  auto second = static_cast<std::size_t>(routing_stream_.uniform() * (replicas - 1));
  if (service.servers.size() > 1 && second >= first) ++second;
  const int a = service.servers[first], b = service.servers[second];
  const Server &one = fleet_.servers[static_cast<std::size_t>(a)],
               &other = fleet_.servers[static_cast<std::size_t>(b)];
  if (!one.up && !other.up) return least_outstanding(service);
  if (!one.up || !other.up) return one.up ? a : b;
  return other.in_system < one.in_system ? b : a;
}

int Simulator::prefix_affine(Time now, const Job& job, const ServiceState& service) {
  const int emptiest = least_outstanding(service);
  if (emptiest < 0) return -1;
  int best = emptiest;
  std::int64_t most = 0;
  for (const int server : service.servers) {
    const Server& candidate = fleet_.servers[static_cast<std::size_t>(server)];
    const auto* engine = std::get_if<ContinuousEngine>(&candidate.engine);
    if (!candidate.up || engine == nullptr) continue;
    catch_up(now, server);
    const std::int64_t cached = engine->cached_tokens(job);
    if (cached <= most) continue;
    most = cached;
    best = server;
  }
  const int least = fleet_.servers[static_cast<std::size_t>(emptiest)].in_system;
  const int chosen = fleet_.servers[static_cast<std::size_t>(best)].in_system;
  const bool unbalanced = chosen > least + kImbalance && chosen > kImbalanceFactor * least;
  return unbalanced ? emptiest : best;
}

}  // namespace gpushare
