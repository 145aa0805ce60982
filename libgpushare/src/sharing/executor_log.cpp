#include "sharing/executor_log.hpp"

#include <algorithm>

namespace gpushare {

void ExecutorLog::rates_are(Time now, const std::vector<ActiveWork>& running, double clock) {
  const auto rate_of = [clock](const ActiveWork& active) { return active.rate * active.speed(clock); };
  std::erase_if(open, [&](Share& share) {
    const bool goes_on = std::any_of(running.begin(), running.end(), [&](const ActiveWork& active) {
      return active.work.step == share.step && rate_of(active) == share.rate;
    });
    if (goes_on) return false;
    share.end = now;
    if (share.end > share.begin) shares.push_back(share);
    return true;
  });
  for (const ActiveWork& active : running) {
    const bool known = std::any_of(open.begin(), open.end(),
                                   [&](const Share& share) { return share.step == active.work.step; });
    if (!known) open.push_back({active.work.step, active.work.process, rate_of(active), now});
  }
}

}  // namespace gpushare
