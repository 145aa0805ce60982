#include "simulation/sources/sources.hpp"

namespace gpushare {

Sources::Sources(SourceContext context, HeldStreams& streams)
    : context_(context),
      open_(context_),
      users_(context_, streams),
      traces_(context_),
      calls_(context_, streams) {}

void Sources::start() {
  for (int i = 0; i < static_cast<int>(context_.workload.traffic.size()); ++i) {
    switch (context_.traffic(i).kind) {
      case Traffic::Kind::open:
        open_.add(i);
        break;
      case Traffic::Kind::closed:
        users_.add(i);
        break;
      case Traffic::Kind::trace:
        traces_.add(i);
        break;
      case Traffic::Kind::calls:
        calls_.add(i);
        break;
    }
  }
}

void Sources::on_event(Time now, Part part, std::uint32_t index) {
  switch (part) {
    case Part::open_source:
      return open_.on_arrival(now, index);
    case Part::user:
      return users_.on_ready(now, index);
    case Part::trace_source:
      return traces_.on_arrival(now, index);
    case Part::call_source:
      return calls_.on_arrival(now, index);
    case Part::call:
      return calls_.on_due(now, index);
    default:
      break;
  }
}

void Sources::after(Time now, const Request& request) {
  switch (context_.traffic(request.traffic).kind) {
    case Traffic::Kind::open:
      return open_.after(now, request);
    case Traffic::Kind::closed:
      return users_.after(now, request);
    case Traffic::Kind::trace:
      return traces_.after(now, request);
    case Traffic::Kind::calls:
      return calls_.after(now, request);
  }
}

void Sources::stream_told(Time now, std::uint32_t holder) {
  const std::uint32_t index = holder >> 1;
  if (HeldStreams::is_call(holder)) {
    calls_.on_due(now, index);
  } else {
    users_.on_ready(now, index);
  }
}

}  // namespace gpushare
