#include "simulation/run_logger.hpp"

#include <algorithm>

namespace gpushare {

RunLogger::RunLogger(Fleet& fleet, const Workload& workload) : fleet_(fleet) {
  for (const Service& service : workload.services) log_.services.push_back(service.name);
}

void RunLogger::partition_joined(std::uint32_t index) {
  PartitionState& partition = fleet_.partitions[index];
  log_.partitions.resize(index + 1);
  log_.partitions[index] = {partition.name, partition.gpu};
  executors_.resize(index + 1);
  executors_[index] = std::make_unique<ExecutorLog>();
  of_partition_.resize(index + 1);
  std::visit([&](auto& executor) { executor.log_to(executors_[index].get()); }, partition.executor);
}

void RunLogger::server_up(Time now, std::uint32_t index) {
  const Server& server = fleet_.servers[index];
  if (index >= living_.size()) living_.resize(index + 1);
  const auto begin = [&](const Rank& rank, std::int32_t number) {
    const auto partition = static_cast<std::uint32_t>(rank.partition);
    const auto process = static_cast<std::uint32_t>(log_.processes.size());
    log_.processes.push_back({server.service, server.replica, number, partition, now, kNever, rank.client});
    of_partition_[partition].push_back(process);
    living_[index].push_back(process);
  };
  begin(server, 0);
  for (std::size_t r = 0; r < server.others.size(); ++r)
    begin(server.others[r], static_cast<std::int32_t>(r) + 1);
}

void RunLogger::server_down(Time now, std::uint32_t index) {
  for (const std::uint32_t process : living_[index]) log_.processes[process].stopped = now;
  living_[index].clear();
}

void RunLogger::step(std::uint32_t server, std::size_t rank, const RunLog::Step& step) {
  log_.steps.push_back(step);
  log_.steps.back().process = living_[server][rank];
}

std::uint32_t RunLogger::process_at(std::uint32_t partition, int client, Time time) const {
  const auto& processes = of_partition_[partition];
  const auto found = std::find_if(processes.rbegin(), processes.rend(), [&](std::uint32_t index) {
    const RunLog::Process& process = log_.processes[index];
    return process.client == client && process.started <= time;
  });
  return found == processes.rend() ? processes.front() : *found;
}

std::shared_ptr<const RunLog> RunLogger::take() {
  for (std::uint32_t partition = 0; partition < executors_.size(); ++partition) {
    for (const ExecutorLog::Hold& hold : executors_[partition]->holds)
      log_.holds.push_back(
          {partition, process_at(partition, hold.process, hold.begin), hold.switching, hold.begin, hold.end});
    for (const ExecutorLog::Share& share : executors_[partition]->shares)
      log_.shares.push_back(
          {partition, process_at(partition, share.process, share.begin), share.begin, share.end, share.rate});
  }
  return std::make_shared<const RunLog>(std::move(log_));
}

}  // namespace gpushare
