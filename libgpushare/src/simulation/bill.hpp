#pragma once

#include <cstdint>
#include <vector>

#include "gpushare/control.hpp"
#include "gpushare/workload.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// What the GPUs that are on cost: at the prices of their pools, or of their kind.
class Bill {
 public:
  /// What was used by a time.
  struct Reading {
    Time time{};
    std::vector<double> gpu_ns;  ///< of each tariff, of GPUs beyond those that are reserved
  };
  /// Null control: no pools.
  Bill(const Fleet& fleet, const Prices& prices, const Control* control);

  /// Times ascend.
  void gpu_on(Time now, std::uint32_t gpu) { tariff_of(gpu).change(now, 1); }
  void gpu_off(Time now, std::uint32_t gpu) { tariff_of(gpu).change(now, -1); }
  [[nodiscard]] Reading read(Time now) const;
  /// Between two readings, on average, currency units an hour; 0 of no time at all.
  [[nodiscard]] double per_hour(const Reading& from, const Reading& to) const;

 private:
  struct Tariff {
    double price = 0;                         // an hour of a GPU
    double reserved = 0, reserved_price = 0;  // GPUs paid for all along, and an hour of one of them
    double on = 0, used_ns = 0;
    Time last{};

    void change(Time now, double gpus);
    [[nodiscard]] double used_by(Time now) const;
  };
  /// Pools come first. Throws ScenarioError for a kind of GPU without a price.
  [[nodiscard]] Tariff& tariff_of(std::uint32_t gpu);

  const Fleet& fleet_;
  const Prices& prices_;
  std::vector<Tariff> tariffs_;
  std::size_t pools_ = 0;
};

}  // namespace gpushare
