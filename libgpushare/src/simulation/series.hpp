#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gpushare/table.hpp"
#include "results/window_meter.hpp"
#include "results/window_objectives.hpp"
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

  void finish_at(Time now, const Request& request) {
    ++ended_;
    requests_.finish(request, now);
  }
  /// Event: a window ends. `arrived` is counted from the beginning.
  void on_window(Time now, std::uint64_t arrived);
  /// Of the measured time with traffic.
  [[nodiscard]] std::optional<double> time_out_of_objectives() const { return objectives_.share_out(); }
  [[nodiscard]] Table take() { return std::move(table_); }

 private:
  struct Seen {
    double gpu_s = 0;
    std::vector<double> in_system_s;  // by service
    std::uint64_t arrived = 0, ended = 0;
    Bill::Reading bill;
    Time time{};
  };
  void add_column(const std::string& name);
  void append_row(Time now, std::uint64_t arrived);

  Kernel& kernel_;
  Fleet& fleet_;
  const Meters& meters_;
  double window_s_;
  Time end_;
  Time begin_;  // of what is measured
  WindowMeter requests_;
  WindowObjectives objectives_;
  std::uint64_t ended_ = 0;  // requests, from the beginning
  Seen seen_;
  Table table_;
  Kernel::Slot slot_ = 0;
};

}  // namespace gpushare
