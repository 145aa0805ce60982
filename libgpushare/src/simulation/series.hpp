#pragma once

#include <cstdint>
#include <vector>

#include "gpushare/table.hpp"
#include "results/window_meter.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/meters.hpp"

namespace gpushare {

/// A run window by window: what came, what was served, how long it took, and what the fleet was.
class Series {
 public:
  /// A window of 0 s: nothing is recorded. `slots()` become boundaries of merged iterations.
  Series(Kernel& kernel, Fleet& fleet, const Meters& meters, const Workload& workload, double window_s,
         Time end);
  [[nodiscard]] bool wanted() const { return window_s_ > 0; }
  [[nodiscard]] Kernel::Slot slot() const { return slot_; }

  void finish_at(Time now, const Request& request) { requests_.finish(request, now); }
  /// Event: a window ends. `arrived` is counted from the beginning.
  void on_window(Time now, std::uint64_t arrived);
  [[nodiscard]] Table take() { return std::move(table_); }

 private:
  struct Seen {
    double gpu_s = 0;
    std::vector<double> in_system_s;  // by service
    std::uint64_t arrived = 0;
    Time time{};
  };
  void add_column(const std::string& name);
  void append_row(Time now, std::uint64_t arrived);

  Kernel& kernel_;
  Fleet& fleet_;
  const Meters& meters_;
  double window_s_;
  Time end_;
  WindowMeter requests_;
  Seen seen_;
  Table table_;
  Kernel::Slot slot_ = 0;
};

}  // namespace gpushare
