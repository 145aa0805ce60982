#pragma once

#include <cstdint>
#include <vector>

#include "core/function_ref.hpp"
#include "gpushare/random.hpp"
#include "gpushare/workload.hpp"
#include "results/request.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// Which replica of a service takes a job.
class Router {
 public:
  /// Called with (now, server) before the router looks into a server's cache.
  using CatchUp = FunctionRef<void(Time, int)>;
  /// `luck` decides where a policy draws.
  Router(Fleet& fleet, const std::vector<Service>& services, const Stream& luck, CatchUp catch_up)
      : fleet_(fleet), services_(services), luck_(luck), catch_up_(catch_up) {}

  /// A server that accepts jobs; -1 when the service has none.
  [[nodiscard]] int choose(Time now, const Job& job, const Request& request, int service);

 private:
  [[nodiscard]] const Server& server(int index) const {
    return fleet_.servers[static_cast<std::size_t>(index)];
  }
  /// Where in the list of present servers the policy would begin, when it does not choose by itself.
  [[nodiscard]] std::size_t first_in_turn(Routing routing, const Request& request, ServiceState& service);
  [[nodiscard]] int idle(const ServiceState& service) const;
  /// One of those that accept, by turns; -1 when there are none.
  [[nodiscard]] int accepting(const ServiceState& service, std::uint64_t turn) const;
  [[nodiscard]] int least_outstanding(const ServiceState& service) const;
  [[nodiscard]] int better_of_two(const ServiceState& service);
  [[nodiscard]] int prefix_affine(Time now, const Job& job, const ServiceState& service);

  Fleet& fleet_;
  const std::vector<Service>& services_;
  Stream luck_;
  CatchUp catch_up_;
};

}  // namespace gpushare
