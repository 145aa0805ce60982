#include "simulation/sources/open_sources.hpp"

#include <algorithm>
#include <utility>

#include "results/traffic_ids.hpp"
#include "simulation/sources/prefixes.hpp"

namespace gpushare {

void draw_sizes(const Traffic& traffic, const Stream& sizes, Request& request) {
  Stream luck = sizes.at(request.uid);
  request.input_tokens = to_tokens(traffic.sizes.input_tokens.sample(luck));
  request.output_tokens = to_tokens(traffic.sizes.output_tokens.sample(luck));
  request.speech_s = traffic.sizes.speech_s.sample(luck);
  request.units = traffic.sizes.units.sample(luck);
  request.priority = static_cast<std::uint8_t>(traffic.sizes.priority);
}

void OpenSources::add(int index) {
  const Traffic& traffic = context_.traffic(index);
  const std::size_t number = sources_.size();
  source_of_.resize(static_cast<std::size_t>(index) + 1);
  source_of_.back() = static_cast<std::uint32_t>(number);
  sources_.push_back(
      {index, ArrivalGenerator(traffic.arrivals, context_.luck.stream("arrivals/" + traffic.name)),
       context_.luck.stream("sizes/" + traffic.name),
       add_slot(context_.kernel, kTrafficEvent, Part::open_source, number), InFlight(traffic)});
  sources_.back().next = sources_.back().generator.next();
  schedule({}, sources_.back());
}

// What is due while as many are in flight as may be stays undrawn, and is sent when one of them ends.
void OpenSources::schedule(Time now, Source& source) {
  if (source.next > context_.end_of_arrivals || source.in_flight.is_full()) return;
  context_.kernel.set(source.slot, std::max(now, source.next));
}

void OpenSources::on_arrival(Time now, std::uint32_t index) {
  Source& source = sources_[index];
  const Traffic& traffic = context_.traffic(source.traffic);
  Request request;
  request.traffic = source.traffic;
  request.uid = request_id(source.traffic, source.sequence++);
  draw_sizes(traffic, source.sizes, request);
  if (caches_prefixes(context_.workload, traffic))
    request.prefix = new_prefix(context_.luck, request, traffic);
  source.in_flight.sent(std::exchange(source.next, source.generator.next()), now);
  context_.sink.begin(now, request);
  schedule(now, source);
}

void OpenSources::after(Time now, const Request& request) {
  Source& source = sources_[source_of_[static_cast<std::size_t>(request.traffic)]];
  const bool was_full = source.in_flight.is_full();
  source.in_flight.ended();
  if (was_full) schedule(now, source);
}

void OpenSources::report(std::vector<TrafficSummary>& traffic) const {
  for (const Source& source : sources_)
    source.in_flight.report(traffic[static_cast<std::size_t>(source.traffic)]);
}

}  // namespace gpushare
