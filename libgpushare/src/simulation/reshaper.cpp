#include "simulation/reshaper.hpp"

namespace gpushare {

Reshaper::Reshaper(PoolNodes& nodes, Pods& pods, const Control& control)
    : nodes_(nodes), pods_(pods), control_(control) {
  for (const NodePool& pool : control.pools) {
    auto& shaped = shaped_.emplace_back();
    if (pool.reshaping) shaped.emplace(Shaped{control::ShapePolicy(*pool.reshaping)});
  }
}

std::optional<double> Reshaper::first_look_s(int pool) const {
  const auto& reshaping = pool_of(pool).reshaping;
  if (!reshaping) return std::nullopt;
  return reshaping->by_load ? reshaping->every_s : 0;
}

double Reshaper::look(Time now, int pool, const Fleet& fleet) {
  const Reshaping& reshaping = *pool_of(pool).reshaping;
  Shaped& shaped = *shaped_[static_cast<std::size_t>(pool)];
  if (reshaping.by_load) {
    const ServiceState& service = fleet.services[static_cast<std::size_t>(reshaping.service)];
    shaped.other = shaped.policy.decide(to_seconds(now), shaped.sensor.read(now, service, reshaping.metric));
    return to_seconds(now) + reshaping.every_s;
  }
  const double now_s = to_seconds(now) + 1e-6;  // events are rounded to nanoseconds
  shaped.other = shaped.policy.at(now_s);
  return shaped.policy.next_s(now_s);
}

bool Reshaper::begins(std::uint32_t gpu, const GpuShape& shape) {
  if (being_cut_.contains(gpu)) return false;
  const GpuShape& coming = nodes_.is_closed(gpu) ? nodes_.next_shape_of(gpu) : nodes_.shape_of(gpu);
  if (&coming == &shape) return false;
  nodes_.want_shape(gpu, shape);
  return nodes_.is_closed(gpu);
}

Reshaper::Steps Reshaper::steps(int pool) {
  Steps steps;
  if (!pool_of(pool).reshaping) return steps;
  int number = 0;
  for (const PoolNode& node : nodes_.all()) {
    if (node.pool != pool || node.state == PoolNode::State::gone) continue;
    for (const std::uint32_t gpu : node.gpus) {
      if (begins(gpu, pool_of(pool).shape_of(number++, shaped_[static_cast<std::size_t>(pool)]->other))) {
        steps.closed.push_back(gpu);
        for (const int pod : pods_.in_the_way(gpu)) steps.leave.push_back(pod);
      }
      if (!nodes_.is_closed(gpu) || being_cut_.contains(gpu) || !pods_.in_the_way(gpu).empty()) continue;
      being_cut_.insert(gpu);
      steps.cut.push_back(gpu);
    }
  }
  return steps;
}

double Reshaper::recut_s(std::uint32_t gpu) const {
  const Layout& now = nodes_.shape_of(gpu).cut->layout;
  const Layout& next = nodes_.next_shape_of(gpu).cut->layout;
  if (now == next) return 0;
  const Reshaping& reshaping = *pool_of(nodes_.pool_of(gpu)).reshaping;
  return reshaping.recut_s + (now.whole() != next.whole() ? reshaping.mode_change_s : 0);
}

void Reshaper::finish(Time now, std::uint32_t gpu) {
  pods_.keep_seats(gpu);
  nodes_.reshape(now, gpu);
  being_cut_.erase(gpu);
}

}  // namespace gpushare
