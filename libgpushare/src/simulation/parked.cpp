#include "simulation/parked.hpp"

#include <algorithm>
#include <utility>

namespace gpushare {

void Parked::add(Time now, int service, const StageVisit& visit) {
  waiting_[static_cast<std::size_t>(service)].push_back(visit);
  fleet_.services[static_cast<std::size_t>(service)].parked.add(now, 1);
}

bool Parked::cancel(Time now, int service, const StageVisit& visit) {
  auto& waiting = waiting_[static_cast<std::size_t>(service)];
  const auto found = std::find(waiting.begin(), waiting.end(), visit);
  if (found == waiting.end()) return false;
  waiting.erase(found);
  fleet_.services[static_cast<std::size_t>(service)].parked.add(now, -1);
  return true;
}

void Parked::release(Time now, int service, Signal told) {
  for (const StageVisit& visit : std::exchange(waiting_[static_cast<std::size_t>(service)], {})) {
    fleet_.services[static_cast<std::size_t>(service)].parked.add(now, -1);
    kernel_.outbox().push_back({visit.request, visit.stage, told, 0});
  }
}

}  // namespace gpushare
