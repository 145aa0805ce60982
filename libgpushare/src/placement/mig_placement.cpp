#include "placement/mig_placement.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "placement/memory.hpp"

namespace gpushare::scenario {
namespace {

// Whether each need finds an instance of its own.
bool matchable(std::vector<double> needs, std::vector<double> memories) {
  if (needs.size() > memories.size()) return false;
  std::sort(needs.begin(), needs.end(), std::greater<>());
  std::sort(memories.begin(), memories.end(), std::greater<>());
  return std::equal(needs.begin(), needs.end(), memories.begin(),
                    [](double need, double memory) { return need <= memory; });
}

class InstancePlanner {
 public:
  InstancePlanner(const std::vector<Service>& services, const std::vector<ProcessPlacement>& processes,
                  GpuPlacement gpu, std::size_t number)
      : services_(services), gpu_(std::move(gpu)), number_(number), parts_(gpu_.parts()) {
    for (const ProcessPlacement& process : processes) {
      entries_.push_back(process.service);
      needs_.push_back(required_memory(services_[static_cast<std::size_t>(process.service)], gpu_.profile()));
    }
    placed_.resize(entries_.size());
    order_.resize(parts_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(parts_[a].memory_bytes, parts_[a].sms) >
             std::pair(parts_[b].memory_bytes, parts_[b].sms);
    });
  }

  GpuPlacement plan(const PlacementMode& mode) {
    for (std::size_t seat = 0; seat < order_.size(); ++seat) fill(seat);
    join_the_rest();
    for (int round = 1; round < mode.replicas; ++round) fill_round(round);
    for (PartitionPlacement& partition : gpu_.partitions) {
      const bool capped = !mode.percentages.empty() && !partition.processes.empty();
      if (partition.processes.size() > 1 || capped) partition.sharing.mode = mode.sharing;
      if (!capped) continue;
      for (ProcessPlacement& process : partition.processes)
        process.active_thread_percentage = mode.percentages.front();
    }
    return std::move(gpu_);
  }

 private:
  bool fits(std::size_t entry, std::size_t part) {
    auto& processes = gpu_.partitions[part].processes;
    processes.push_back(ProcessPlacement{entries_[entry]});
    const bool ok = !memory_misfit(services_, gpu_, part);
    processes.pop_back();
    return ok;
  }

  void take(std::size_t entry, std::size_t part) {
    gpu_.partitions[part].processes.push_back(ProcessPlacement{entries_[entry]});
    placed_[entry] = true;
  }

  bool service_placed(int service) const {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (placed_[i] && entries_[i] == service) return true;
    return false;
  }

  // Needs of the processes that must still be placed once `entry` is: all of them while there are instances for all,
  // otherwise the first of each service that has none yet.
  std::vector<double> needs_after(std::size_t entry, std::size_t instances) const {
    std::vector<double> all, firsts;
    std::vector<int> seen{entries_[entry]};
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (placed_[i] || i == entry) continue;
      all.push_back(needs_[i]);
      if (service_placed(entries_[i]) || std::find(seen.begin(), seen.end(), entries_[i]) != seen.end())
        continue;
      seen.push_back(entries_[i]);
      firsts.push_back(needs_[i]);
    }
    return all.size() <= instances ? all : firsts;
  }

  bool leaves_room(std::size_t entry, std::size_t seat) const {
    std::vector<double> memories;
    for (std::size_t i = seat + 1; i < order_.size(); ++i) memories.push_back(parts_[order_[i]].memory_bytes);
    std::vector<double> needs = needs_after(entry, memories.size());
    return matchable(std::move(needs), std::move(memories));
  }

  std::optional<std::size_t> next_in_turn(std::size_t part) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::size_t entry = (turn_ + i) % entries_.size();
      if (fits(entry, part)) return entry;
    }
    return std::nullopt;
  }

  std::optional<std::size_t> neediest_unplaced(std::size_t part) {
    std::optional<std::size_t> neediest;
    for (const bool any : {false, true}) {  // services without a process before further replicas
      for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (placed_[i] || (!any && service_placed(entries_[i])) || !fits(i, part)) continue;
        if (!neediest || needs_[i] > needs_[*neediest]) neediest = i;
      }
      if (neediest) break;
    }
    return neediest;
  }

  void fill(std::size_t seat) {
    const std::size_t part = order_[seat];
    const auto next = next_in_turn(part);
    if (!next) return;
    if (!leaves_room(*next, seat)) {
      if (const auto first = neediest_unplaced(part)) return take(*first, part);
    }
    take(*next, part);
    turn_ = (*next + 1) % entries_.size();
  }

  // One more process on every instance that has `round` of them and memory for another.
  void fill_round(int round) {
    for (const std::size_t part : order_) {
      if (gpu_.partitions[part].processes.size() != static_cast<std::size_t>(round)) continue;
      const auto next = next_in_turn(part);
      if (!next) continue;
      take(*next, part);
      turn_ = (*next + 1) % entries_.size();
    }
  }

  void join_the_rest() {
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (!placed_[i]) rest.push_back(i);
    std::stable_sort(rest.begin(), rest.end(),
                     [&](std::size_t a, std::size_t b) { return needs_[a] > needs_[b]; });
    for (const std::size_t entry : rest) {
      std::optional<std::size_t> best;
      double most_sms = 0;
      for (const std::size_t part : order_) {
        const double sms =
            parts_[part].sms / (1.0 + static_cast<double>(gpu_.partitions[part].processes.size()));
        if (sms <= most_sms || !fits(entry, part)) continue;
        best = part;
        most_sms = sms;
      }
      if (!best) refuse(entry);
      take(entry, *best);
    }
  }

  [[noreturn]] void refuse(std::size_t entry) {
    const std::size_t largest = order_.front();
    auto& processes = gpu_.partitions[largest].processes;
    const auto neighbours = std::exchange(processes, {ProcessPlacement{entries_[entry]}});
    const std::string layout = short_name(gpu_.profile(), gpu_.layout());
    std::string text;
    if (const auto alone = memory_misfit(services_, gpu_, largest)) {
      text = text::format("{}, which {} has not", memory_refusal(services_, gpu_, *alone), layout);
    } else {
      processes.insert(processes.begin(), neighbours.begin(), neighbours.end());
      text = text::format("{}; nor does {} fit beside the others in another partition of {}",
                          memory_refusal(services_, gpu_, *memory_misfit(services_, gpu_, largest)),
                          services_[static_cast<std::size_t>(entries_[entry])].name, layout);
    }
    throw MemoryError(text::format("gpu{}/{}", number_, parts_[largest].name), text);
  }

  const std::vector<Service>& services_;
  GpuPlacement gpu_;
  std::size_t number_;
  const std::vector<Partition>& parts_;
  std::vector<std::size_t> order_;  // partitions, largest first
  std::vector<int> entries_;        // service of each process that must be placed
  std::vector<double> needs_;
  std::vector<bool> placed_;
  std::size_t turn_ = 0;
};

}  // namespace

GpuPlacement place_on_instances(const PlacementMode& mode, const std::vector<Service>& services,
                                const std::vector<ProcessPlacement>& processes,
                                const std::shared_ptr<const GpuProfile>& profile, std::size_t gpu) {
  return InstancePlanner(services, processes, empty_gpu(cut_gpu(profile, mode.layout)), gpu).plan(mode);
}

}  // namespace gpushare::scenario
