#include "simulation/bill.hpp"

#include <algorithm>

namespace gpushare {

Bill::Bill(const Fleet& fleet, const Prices& prices, const Control* control)
    : fleet_(fleet), prices_(prices) {
  if (control == nullptr) return;
  pools_ = control->pools.size();
  for (const NodePool& pool : control->pools) {
    Tariff& tariff = tariffs_.emplace_back();
    tariff.price = price_of(prices, pool);
    if (!pool.reserved) continue;
    tariff.reserved = static_cast<double>(pool.reserved->nodes) * pool.gpus_per_node;
    tariff.reserved_price = pool.reserved->price_per_gpu_hour;
  }
}

Bill::Tariff& Bill::tariff_of(std::uint32_t index) {
  const GpuState& gpu = fleet_.gpus[index];
  const int pool = fleet_.nodes[static_cast<std::size_t>(gpu.node)].pool;
  if (pool >= 0) return tariffs_[static_cast<std::size_t>(pool)];
  const double price = price_of(prices_, *gpu.profile);
  const auto found = std::find_if(tariffs_.begin() + static_cast<std::ptrdiff_t>(pools_), tariffs_.end(),
                                  [&](const Tariff& tariff) { return tariff.price == price; });
  if (found != tariffs_.end()) return *found;
  Tariff& tariff = tariffs_.emplace_back();
  tariff.price = price;
  return tariff;
}

// Sums of whole nanoseconds are exact, so that a fleet that stays costs its price to the last bit.
double Bill::Tariff::used_by(Time now) const {
  return used_ns + std::max(0.0, on - reserved) * static_cast<double>((now - last).ns);
}

void Bill::Tariff::change(Time now, double gpus) {
  used_ns = used_by(now);
  last = now;
  on += gpus;
}

Bill::Reading Bill::read(Time now) const {
  Reading reading{now, {}};
  for (const Tariff& tariff : tariffs_) reading.gpu_ns.push_back(tariff.used_by(now));
  return reading;
}

double Bill::per_hour(const Reading& from, const Reading& to) const {
  const auto length_ns = static_cast<double>((to.time - from.time).ns);
  if (length_ns <= 0) return 0;
  double sum = 0;
  for (std::size_t t = 0; t < to.gpu_ns.size(); ++t) {
    const double before = t < from.gpu_ns.size() ? from.gpu_ns[t] : 0;  // nobody was on it then
    sum += tariffs_[t].reserved * tariffs_[t].reserved_price +
           tariffs_[t].price * ((to.gpu_ns[t] - before) / length_ns);
  }
  return sum;
}

}  // namespace gpushare
