#include "simulation/sources/open_sources.hpp"

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
  sources_.push_back({index,
                      ArrivalGenerator(traffic.arrivals, context_.luck.stream("arrivals/" + traffic.name)),
                      context_.luck.stream("sizes/" + traffic.name),
                      add_slot(context_.kernel, kTrafficEvent, Part::open_source, number)});
  schedule(sources_.back());
}

void OpenSources::schedule(Source& source) {
  const Time next = source.generator.next();
  if (next <= context_.end_of_arrivals) context_.kernel.set(source.slot, next);
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
  context_.sink.begin(now, request);
  schedule(source);
}

}  // namespace gpushare
