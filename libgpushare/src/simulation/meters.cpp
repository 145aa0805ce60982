#include "simulation/meters.hpp"

#include <algorithm>

namespace gpushare {
Meters::Meters(Kernel& kernel, Fleet& fleet, const Scenario& scenario)
    : fleet_(fleet),
      bill_(fleet, scenario.workload.prices, scenario.control ? &*scenario.control : nullptr),
      end_(Time{} + duration_from_seconds(scenario.workload.duration_s)),
      window_s_(std::max(0.0, scenario.workload.duration_s - scenario.workload.warmup_s)),
      partitions_(fleet.partitions.size()),
      services_(fleet.services.size()),
      gpu_seconds_(fleet.gpus.size()),
      gpu_on_(fleet.gpus.size()) {
  slots_ = {add_slot(kernel, kWindowEvent, Part::window, 0), add_slot(kernel, kWindowEvent, Part::window, 1)};
  kernel.set(slots_[0], Time{} + duration_from_seconds(scenario.workload.warmup_s));
  kernel.set(slots_[1], end_);
  for (std::uint32_t i = 0; i < fleet.gpus.size(); ++i) {
    gpu_on_[i] = !fleet.gpus[i].partitions.empty();
    if (gpu_on_[i]) bill_.gpu_on({}, i);
  }
  on_.set({}, static_cast<double>(std::count(gpu_on_.begin(), gpu_on_.end(), true)));
}

void Meters::on_window(Time now, std::uint32_t mark) {
  if (mark == 0) {
    open(now);
  } else {
    close(now);
  }
}

void Meters::open(Time now) {
  is_open_ = true;
  most_on_ = static_cast<int>(on_.value());
  billed_[0] = bill_.read(now);
  for (std::uint32_t i = 0; i < fleet_.partitions.size(); ++i) {
    PartitionState& partition = fleet_.partitions[i];
    if (partition.gone) continue;
    PartitionMeter& meter = partitions_[i];
    meter.begin = std::visit([&](auto& executor) { return executor.account(now); }, partition.executor);
    meter.flop_begin = partition.flop;
    meter.bytes_begin = partition.bytes;
    meter.seconds = window_s_;
  }
  for (std::size_t i = 0; i < fleet_.services.size(); ++i) {
    ServiceState& service = fleet_.services[i];
    services_[i].in_system -= service.in_system.integral_s(now);
    services_[i].busy -= service.servers_busy.integral_s(now);
    services_[i].down -= service.down.integral_s(now);
    services_[i].unserved -= service.unserved.integral_s(now);
    services_[i].server_seconds = window_s_ * static_cast<double>(service.present.size());
    service.steps = 0;
    service.step_items = 0;
    service.rejected = 0;
  }
  for (Server& server : fleet_.servers)
    std::visit(
        [](auto& engine) {
          if constexpr (requires { engine.reset_statistics(); }) engine.reset_statistics();
        },
        server.engine);
  for (std::size_t i = 0; i < gpu_on_.size(); ++i) gpu_seconds_[i] = gpu_on_[i] ? window_s_ : 0;
}

void Meters::close(Time now) {
  is_closed_ = true;
  billed_[1] = bill_.read(now);
  for (std::uint32_t i = 0; i < fleet_.partitions.size(); ++i)
    if (!fleet_.partitions[i].gone) close_partition(now, i);
  for (std::size_t i = 0; i < fleet_.services.size(); ++i) {
    ServiceState& service = fleet_.services[i];
    ServiceMeter& meter = services_[i];
    meter.in_system += service.in_system.integral_s(now);
    meter.busy += service.servers_busy.integral_s(now);
    meter.down += service.down.integral_s(now);
    meter.unserved += service.unserved.integral_s(now);
    meter.batch = share(service.step_items, static_cast<double>(service.steps));
    meter.steps = service.steps;
    meter.rejected = service.rejected;
    meter.replicas = static_cast<int>(service.present.size());
    for (const int server : service.present)
      merge(meter, fleet_.servers[static_cast<std::size_t>(server)].engine);
  }
}

void Meters::close_partition(Time now, std::uint32_t index) {
  PartitionState& partition = fleet_.partitions[index];
  PartitionMeter& meter = partitions_[index];
  meter.end = std::visit([&](auto& executor) { return executor.account(now); }, partition.executor);
  meter.flop_end = partition.flop;
  meter.bytes_end = partition.bytes;
}

void Meters::merge(ServiceMeter& meter, AnyEngine& engine) {
  std::visit(
      [&](auto& one) {
        if constexpr (requires { one.report(meter.engines); }) one.report(meter.engines);
      },
      engine);
}

double Meters::left_s(Time now) const { return is_open_ && !is_closed_ ? to_seconds(end_ - now) : 0; }

void Meters::partition_joined(Time now, std::uint32_t index) {
  if (index >= partitions_.size()) partitions_.resize(index + 1);
  partitions_[index].seconds = left_s(now);
}

void Meters::partition_left(Time now, std::uint32_t index) {
  partitions_[index].seconds -= left_s(now);
  if (is_open_ && !is_closed_) close_partition(now, index);
}

void Meters::server_joined(Time now, const Server& server) {
  services_[static_cast<std::size_t>(server.service)].server_seconds += left_s(now);
}

void Meters::server_left(Time now, Server& server) {
  ServiceMeter& meter = services_[static_cast<std::size_t>(server.service)];
  meter.server_seconds -= left_s(now);
  if (is_open_ && !is_closed_) merge(meter, server.engine);
}

void Meters::gpu_on(Time now, std::uint32_t gpu) {
  if (gpu >= gpu_on_.size()) {
    gpu_on_.resize(gpu + 1);
    gpu_seconds_.resize(gpu + 1);
  }
  if (gpu_on_[gpu]) return;
  gpu_seconds_[gpu] += left_s(now);
  gpu_on_[gpu] = true;
  on_.add(now, 1);
  bill_.gpu_on(now, gpu);
  if (is_open_ && !is_closed_) most_on_ = std::max(most_on_, static_cast<int>(on_.value()));
}

void Meters::gpu_off(Time now, std::uint32_t gpu) {
  if (!gpu_on_[gpu]) return;
  gpu_seconds_[gpu] -= left_s(now);
  gpu_on_[gpu] = false;
  on_.add(now, -1);
  bill_.gpu_off(now, gpu);
}

}  // namespace gpushare
