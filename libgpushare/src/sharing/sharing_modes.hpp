#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gpushare/profile.hpp"
#include "gpushare/sharing.hpp"
#include "sharing/executor.hpp"

namespace gpushare {

/// All that tells one way of sharing a partition from another.
struct SharingTraits {
  SharingMode mode;
  std::string_view name;           ///< in documents, and as a mode of placement where processes share
  std::string_view description{};  ///< of that mode; empty where it is none
  bool one_process = false;
  /// Steps of several processes run at once, and draw power together; otherwise by turns.
  bool side_by_side = false;
  bool contends = false;       ///< steps press on each other by the law of contention
  bool has_limits = false;     ///< a process may have a cap on its SMs and a limit of memory
  bool has_slices = false;     ///< the times of Sharing mean something
  bool one_context = false;    ///< processes share a context on the device, and its fatal exceptions
  std::string_view clients{};  ///< what its processes are called where their number is limited
  int (*max_clients)(const GpuProfile&) = nullptr;       ///< of a whole GPU; null: any number
  Executor (*make)(const ExecutorConstants&) = nullptr;  ///< without processes yet
};

/// In the order of SharingMode.
[[nodiscard]] std::span<const SharingTraits> all_sharing_traits();
[[nodiscard]] const SharingTraits& traits_of(SharingMode mode);

/// What each kernel takes more there than in a process that has the card to itself; less where it is below 0.
[[nodiscard]] double kernel_change_s(const GpuProfile& profile, SharingMode mode, bool several);
/// The least of it in any mode.
[[nodiscard]] double least_kernel_change_s(const GpuProfile& profile);

/// The mode of a name among those that let processes share; null when it is none of them.
[[nodiscard]] const SharingTraits* shared_mode(std::string_view name);
/// For messages: those modes as alternatives, each in quotes and after `before`.
[[nodiscard]] std::string shared_mode_choices(std::string_view before = "");
/// For messages: the modes with has_limits.
[[nodiscard]] std::string modes_with_limits();

}  // namespace gpushare
