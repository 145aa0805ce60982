#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "gpushare/workload.hpp"
#include "simulation/events.hpp"

namespace gpushare {

/// A stage of a request, by the request's slot.
struct StageVisit {
  std::uint32_t request = 0;
  std::uint8_t stage = 0;

  bool operator==(const StageVisit&) const = default;
};

/// Stages that wait for a time to pass, each with a timer.
class Delays {
 public:
  explicit Delays(Kernel& kernel) : kernel_(kernel) {}
  void start(Time now, const StageVisit& visit, double seconds);
  /// Whose delay is over.
  [[nodiscard]] StageVisit take(std::uint32_t index);
  /// False when the stage has no delay running.
  bool cancel(const StageVisit& visit);

 private:
  struct Delay {
    StageVisit visit;
    bool running = false;
    Kernel::Slot slot = 0;
  };
  Kernel& kernel_;
  std::vector<Delay> delays_;
  std::vector<std::uint32_t> free_;
};

/// The workers of each pipeline, and the visits that wait for one.
class Workers {
 public:
  explicit Workers(const std::vector<Pipeline>& pipelines)
      : pipelines_(pipelines), pools_(pipelines.size()) {}
  /// False when the visit has to wait; then `release` returns it one day.
  [[nodiscard]] bool take(std::size_t pipeline, const StageVisit& visit);
  /// Who gets the worker that is free now.
  std::optional<StageVisit> release(std::size_t pipeline, std::uint8_t stage);
  /// False when the visit does not wait for a worker.
  bool cancel(std::size_t pipeline, const StageVisit& visit);

 private:
  struct Pool {
    int busy = 0;
    std::deque<StageVisit> waiting;
  };
  const std::vector<Pipeline>& pipelines_;
  std::vector<Pool> pools_;  // by pipeline
};

}  // namespace gpushare
