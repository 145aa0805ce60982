#pragma once

#include <vector>

#include "simulation/sources/context.hpp"
#include "simulation/sources/in_flight.hpp"
#include "simulation/trace_replay.hpp"

namespace gpushare {

/// Requests of traces, and those that follow them.
class TraceSources {
 public:
  explicit TraceSources(const SourceContext& context) : context_(context) {}

  void add(int traffic);
  /// Event: the next request is due.
  void on_arrival(Time now, std::uint32_t source);
  /// Its request has ended.
  void after(Time now, const Request& request);
  /// Requests neither sent nor given up.
  [[nodiscard]] std::size_t left() const;
  void report(std::vector<TrafficSummary>& traffic) const;

 private:
  struct Source {
    int traffic = 0;
    TraceReplay replay;
    Stream sizes;
    EventQueue::Slot slot = 0;
    InFlight in_flight;
  };
  void schedule(Time now, Source& source);
  [[nodiscard]] Request request_of(const Source& source, std::size_t row) const;

  const SourceContext& context_;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> source_of_;  // by traffic
};

}  // namespace gpushare
