#include "results/traffic_ids.hpp"
#include "simulation/simulator.hpp"

namespace gpushare {

void Simulator::add_trace(int index, const Traffic& traffic) {
  source_of_traffic_.back() = static_cast<std::uint32_t>(trace_sources_.size());
  trace_sources_.push_back(
      {index, TraceReplay(*traffic.trace, traffic.speed, traffic.follow_parents, end_of_arrivals_)});
  trace_slots_.push_back(add_slot(kTrafficEvent, Owner::trace, trace_sources_.size() - 1));
  queue_.set(trace_slots_.back(), trace_sources_.back().replay.next());
}

Request Simulator::trace_request(const TraceSource& source, std::size_t row) {
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(source.traffic)];
  const Trace& trace = *traffic.trace;
  Request request;
  request.traffic = source.traffic;
  request.uid = request_id(source.traffic, row);
  draw_sizes(request, traffic);
  request.input_tokens = static_cast<std::uint32_t>(trace.input_tokens[row]);
  request.output_tokens = static_cast<std::uint32_t>(trace.output_tokens[row]);
  if (!trace.session.empty()) request.session = trace.session[row];
  return request;
}

void Simulator::on_trace_arrival(Time now, std::uint32_t index) {
  TraceSource& source = trace_sources_[index];
  const std::size_t row = source.replay.take();
  Request request = trace_request(source, row);
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(source.traffic)];
  if (!traffic.trace->hash_starts.empty() && caches_prefixes(traffic))
    request.prefix = trace_prefix(request, *traffic.trace, row);
  begin_request(now, request);
  queue_.set(trace_slots_[index], source.replay.next());
}

// What follows a request that was not answered is never asked; it is recorded then, so that every request of the
// trace is in the results.
void Simulator::after_trace_request(Time now, const Request& request) {
  const std::uint32_t index = source_of_traffic_[static_cast<std::size_t>(request.traffic)];
  TraceSource& source = trace_sources_[index];
  const auto row = static_cast<std::size_t>(number_in(request.uid));
  if (request.status == RequestStatus::completed) {
    source.replay.answered(row, now);
  } else {
    for (const std::size_t lost : source.replay.give_up(row)) {
      Request never = trace_request(source, lost);
      never.arrival = now;
      never.status = RequestStatus::skipped;
      ++arrived_;
      recorder_.finish(never, now);
    }
  }
  queue_.set(trace_slots_[index], source.replay.next());
}

}  // namespace gpushare
