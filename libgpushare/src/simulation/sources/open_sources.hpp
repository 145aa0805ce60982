#pragma once

#include <vector>

#include "simulation/sources/context.hpp"

namespace gpushare {

/// Traffic that arrives whatever becomes of it.
class OpenSources {
 public:
  explicit OpenSources(const SourceContext& context) : context_(context) {}

  void add(int traffic);
  /// Event: the next request arrives.
  void on_arrival(Time now, std::uint32_t source);

 private:
  struct Source {
    int traffic = 0;
    ArrivalGenerator generator;
    Stream sizes;
    EventQueue::Slot slot = 0;
    std::uint64_t sequence = 0;
  };
  void schedule(Source& source);

  const SourceContext& context_;
  std::vector<Source> sources_;
};

}  // namespace gpushare
