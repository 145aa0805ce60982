#pragma once

#include "simulation/sources/calls.hpp"
#include "simulation/sources/context.hpp"
#include "simulation/sources/open_sources.hpp"
#include "simulation/sources/trace_sources.hpp"
#include "simulation/sources/users.hpp"

namespace gpushare {

/// All traffic of a workload, each kind in a part of its own.
class Sources {
 public:
  Sources(SourceContext context, HeldStreams& streams);
  Sources(const Sources&) = delete;  // its parts refer to its context

  /// Gives every traffic its timers and its first request, in the workload's order.
  void start();
  /// Events of Part::open_source, user, trace_source, call_source and call.
  void on_event(Time now, Part part, std::uint32_t index);
  /// A request has ended.
  void after(Time now, const Request& request);
  /// So much of a reply came that its user breaks in.
  void heard(Time now, const Request& request) { calls_.break_in(now, request); }
  /// The stream that a holder waited for is open or refused.
  void stream_told(Time now, std::uint32_t holder);
  /// Requests of traces that were never sent.
  [[nodiscard]] std::size_t left() const { return traces_.left(); }
  /// What limits of requests in flight held back, by traffic.
  void report(std::vector<TrafficSummary>& traffic) const {
    open_.report(traffic);
    traces_.report(traffic);
  }

 private:
  SourceContext context_;
  OpenSources open_;
  Users users_;
  TraceSources traces_;
  Calls calls_;
};

}  // namespace gpushare
