#pragma once

#include <vector>

#include "simulation/sources/context.hpp"
#include "simulation/sources/in_flight.hpp"

namespace gpushare {

/// Traffic that arrives whatever becomes of it.
class OpenSources {
 public:
  explicit OpenSources(const SourceContext& context) : context_(context) {}

  void add(int traffic);
  /// Event: the next request arrives.
  void on_arrival(Time now, std::uint32_t source);
  /// A request has ended: one that its limit held back may follow.
  void after(Time now, const Request& request);
  void report(std::vector<TrafficSummary>& traffic) const;

 private:
  struct Source {
    int traffic = 0;
    ArrivalGenerator generator;
    Stream sizes;
    EventQueue::Slot slot = 0;
    InFlight in_flight;
    Time next{};  // when the next request is due
    std::uint64_t sequence = 0;
  };
  void schedule(Time now, Source& source);

  const SourceContext& context_;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> source_of_;  // by traffic
};

}  // namespace gpushare
