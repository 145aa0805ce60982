#include "sharing/turn_taker.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "sharing/contention.hpp"

namespace gpushare {

Time TurnTaker::first_end(Time now, double clock) const {
  Time first = kNever;
  for (const ActiveWork& active : works) {
    const double speed = active.rate * active.speed(clock);
    const double left = left_s(active, clock);
    first =
        std::min(first, now + duration_from_seconds(speed == 1 ? left : left / speed));  // divisions are slow
  }
  return first;
}

Time TurnTaker::segment_end(Time now, double clock) const {
  if (works.size() != 1 || works.front().work.segments <= 1) return kNever;
  const ActiveWork& active = works.front();
  const double length = active.work.gpu_s / active.work.segments;
  // Parts still to do, counting the one in progress; a remainder of rounding belongs to the part that just ended.
  const double left = left_s(active, clock);
  const double parts = (left - kWorkEpsilon) / length;
  const double whole = static_cast<double>(static_cast<std::int64_t>(parts));  // std::ceil is a call
  const double parts_left = whole < parts ? whole + 1 : whole;
  if (parts_left <= 1) return kNever;
  return now + duration_from_seconds((left - (parts_left - 1) * length) / active.speed(clock));
}

double TurnTaker::draw_w() const {
  double draw = 0;
  for (const ActiveWork& active : works) draw += active.work.power_w * active.rate;
  return draw;
}

double TurnTaker::bring_up(double clock) {
  if (ran.ns == 0) return 0;
  const double energy = draw_w() * to_seconds(ran);
  for (ActiveWork& active : works) active.left_s = left_s(active, clock);
  ran = {};
  renew();
  return energy;
}

void TurnTaker::renew() {
  constexpr double kAlmost = 1 - 1e-12;  // by more than rounding
  const bool one_part = works.size() == 1 && works.front().work.segments <= 1;
  sure_ns = one_part ? duration_from_seconds(works.front().left_s * kAlmost).ns - 2 : kUnsure;
}

void TurnTaker::set_rates(double bandwidth_bytes_per_s) {
  renew();
  if (works.size() == 1) works.front().rate = 1;
  if (works.size() <= 1) return;
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  const auto index = static_cast<std::size_t>(works.front().work.process);
  const std::vector<double> sms(index + 1, 1.0);
  const std::vector<int> steps_of(index + 1, static_cast<int>(works.size()));
  set_contended_rates(works,
                      {bandwidth_bytes_per_s > 0 ? bandwidth_bytes_per_s : kNoLimit, 0, sms, steps_of, {}});
}

}  // namespace gpushare
