#include "simulation/sources/trace_sources.hpp"

#include <algorithm>

#include "results/traffic_ids.hpp"
#include "simulation/sources/prefixes.hpp"

namespace gpushare {

void TraceSources::add(int index) {
  const Traffic& traffic = context_.traffic(index);
  const std::size_t number = sources_.size();
  source_of_.resize(static_cast<std::size_t>(index) + 1);
  source_of_.back() = static_cast<std::uint32_t>(number);
  sources_.push_back(
      {index, TraceReplay(*traffic.trace, traffic.speed, traffic.follow_parents, context_.end_of_arrivals),
       context_.luck.stream("sizes/" + traffic.name),
       add_slot(context_.kernel, kTrafficEvent, Part::trace_source, number), InFlight(traffic)});
  schedule({}, sources_.back());
}

void TraceSources::schedule(Time now, Source& source) {
  context_.kernel.set(source.slot, source.in_flight.is_full() ? kNever : std::max(now, source.replay.next()));
}

Request TraceSources::request_of(const Source& source, std::size_t row) const {
  const Traffic& traffic = context_.traffic(source.traffic);
  const Trace& trace = *traffic.trace;
  Request request;
  request.traffic = source.traffic;
  request.uid = request_id(source.traffic, row);
  draw_sizes(traffic, source.sizes, request);
  request.input_tokens = static_cast<std::uint32_t>(trace.input_tokens[row]);
  request.output_tokens = static_cast<std::uint32_t>(trace.output_tokens[row]);
  if (!trace.session.empty()) request.session = trace.session[row];
  return request;
}

void TraceSources::on_arrival(Time now, std::uint32_t index) {
  Source& source = sources_[index];
  source.in_flight.sent(source.replay.next(), now);
  const std::size_t row = source.replay.take();
  Request request = request_of(source, row);
  const Traffic& traffic = context_.traffic(source.traffic);
  if (!traffic.trace->hash_starts.empty() && caches_prefixes(context_.workload, traffic))
    request.prefix = trace_prefix(request, *traffic.trace, row);
  context_.sink.begin(now, request);
  schedule(now, source);
}

// What follows a request that was not answered is never asked; it is recorded then, so that every request of the
// trace is in the results.
void TraceSources::after(Time now, const Request& request) {
  Source& source = sources_[source_of_[static_cast<std::size_t>(request.traffic)]];
  const auto row = static_cast<std::size_t>(number_in(request.uid));
  source.in_flight.ended();
  if (request.status == RequestStatus::completed) {
    source.replay.answered(row, now);
  } else {
    for (const std::size_t lost : source.replay.give_up(row))
      context_.sink.skip(now, request_of(source, lost));
  }
  schedule(now, source);
}

void TraceSources::report(std::vector<TrafficSummary>& traffic) const {
  for (const Source& source : sources_)
    source.in_flight.report(traffic[static_cast<std::size_t>(source.traffic)]);
}

std::size_t TraceSources::left() const {
  std::size_t left = 0;
  for (const Source& source : sources_) left += source.replay.left();
  return left;
}

}  // namespace gpushare
