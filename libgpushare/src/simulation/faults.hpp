#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpushare/scenario.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/luck.hpp"
#include "simulation/servers.hpp"

namespace gpushare {

/// Processes, GPUs and nodes that fail, and whom they take along until they are repaired and restarted.
///
/// By a rate, every target has a clock that runs while any process of it does, and streams of its own: under every
/// placement it fails after the same times in service.
class Faults {
 public:
  Faults(Kernel& kernel, Fleet& fleet, Servers& servers, MergedIterations& merged, const Luck& luck,
         const Scenario& scenario);

  /// Sets the timers of those that come by the end of the run; every one is a boundary of merged iterations. What fails at
  /// 0 is down before the first event.
  void start();
  /// Event.
  void on_fault(Time now, std::uint32_t target);
  /// A server begins or ceases to run.
  void on_server(Time now, std::uint32_t server, bool runs);
  /// By now.
  [[nodiscard]] std::uint64_t happened() const { return happened_; }

 private:
  struct Target {
    const Fault* fault;
    int number;  ///< of the replica, the GPU or the node
    Stream uptimes, repairs, restarts;
    Kernel::Slot timer;
    int running = 0;    ///< by a rate: of its servers
    Duration left{};    ///< in service until it fails, while none runs
    Time due = kNever;  ///< when it fails, while one does
  };
  using Indices = std::vector<std::uint32_t>;

  [[nodiscard]] std::string name_of(std::size_t fault) const;
  [[nodiscard]] int count_of(const Fault& fault) const;
  [[nodiscard]] bool is_on(const Server& server, std::uint32_t gpu) const;
  [[nodiscard]] bool is_of(const Target& target, const Server& server) const;
  [[nodiscard]] const Server& culprit_of(const Target& target) const;
  [[nodiscard]] double time_of(const Target& target) const;
  void add_targets(std::size_t fault);
  void join(std::uint32_t server);
  void draw(Target& target) const;
  void strike(Time now, Target& target);
  [[nodiscard]] Indices stopped_by(const Target& target) const;
  [[nodiscard]] Indices victims_of(const Target& target, const Indices& stopped) const;
  void take_down(Time now, Target& target, const Indices& victims);
  [[nodiscard]] std::vector<Time> free_from(Time now, const Indices& victims, RestartOrder order) const;
  template <class Visitor>
  void for_each_gpu(const Server& server, const Visitor& visit) const {
    visit(fleet_.gpu_of(server));
    for (const Rank& rank : server.others) visit(fleet_.gpu_of(rank));
  }

  Kernel& kernel_;
  Fleet& fleet_;
  Servers& servers_;
  MergedIterations& merged_;
  Luck luck_;
  const Scenario& scenario_;
  Time end_;
  std::vector<Target> targets_;
  std::vector<int> targets_of_;  // by fault: how many there are
  std::vector<Indices> clocks_;  // by server: targets whose clocks run while it does
  std::uint64_t happened_ = 0;
};

}  // namespace gpushare
