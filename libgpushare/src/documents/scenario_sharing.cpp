#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "gpushare/errors.hpp"
#include "placement/placement_checks.hpp"
#include "sharing/sharing_modes.hpp"

/// A partition of a document: how it is shared, and by whom.
namespace gpushare::scenario {
namespace {

constexpr std::size_t kMostProcesses = 1000;

constexpr const char* kWeight = "weight";
constexpr const char* kFraction = "gpu_fraction";

bool any_has(const std::optional<Reader>& processes, const char* key) {
  for (std::size_t i = 0; processes && processes->is_array() && i < processes->size(); ++i)
    if (processes->at(i).is_object() && processes->at(i).has(key)) return true;
  return false;
}

// Left unsaid, the policy is the one that what the processes say belongs to.
SlicePolicy policy_meant(const Reader& sharing, const std::optional<Reader>& processes) {
  if (any_has(processes, kFraction)) return SlicePolicy::strict;
  const bool weights = any_has(processes, kWeight) || (sharing.is_object() && sharing.has("weights"));
  return weights ? SlicePolicy::fair : SlicePolicy::round_robin;
}

void read_turns(const Reader& reader, Sharing& sharing) {
  if (const auto policy = reader.find("policy")) {
    const auto& known = slice_policies();
    sharing.policy =
        static_cast<SlicePolicy>(policy->choice(std::vector<std::string_view>(known.begin(), known.end())));
  }
  const auto refuse = [&](const char* key, const char* why) {
    if (const auto found = reader.find(key)) found->fail(why);
  };
  if (sharing.policy == SlicePolicy::round_robin) {
    refuse("lease_s", "the round has slices (\"slice_s\"); leases are of \"policy\": \"fair\" or \"strict\"");
  } else {
    refuse("slice_s",
           "slices are of \"policy\": \"round-robin\"; a turn under fair and strict is a \"lease_s\"");
  }
  if (sharing.policy != SlicePolicy::strict)
    refuse("plan_s", "plans are of \"policy\": \"strict\", which limits each \"gpu_fraction\" in every plan");
  sharing.slice_s = reader.number("slice_s", sharing.slice_s, json::kSpan);
  sharing.lease_s = reader.number("lease_s", sharing.lease_s, json::kSpanAboveNone);
  sharing.plan_s = reader.number("plan_s", sharing.plan_s, json::kSpanAboveNone);
}

Sharing read_shared(const Reader& reader, const std::optional<Reader>& processes) {
  Sharing sharing;
  const Reader mode = reader.is_object() ? reader.at("mode") : reader;
  const auto& known = sharing_modes();
  const std::vector<std::string_view> words(known.begin(), known.end());
  sharing.mode = static_cast<SharingMode>(mode.choice(words));
  const bool slices = traits_of(sharing.mode).has_slices;
  if (slices) sharing.policy = policy_meant(reader, processes);
  if (!reader.is_object()) return sharing;
  if (slices) {
    read_turns(reader, sharing);
    sharing.switch_preempted_s = reader.number("switch_preempted_s", sharing.switch_preempted_s, json::kSpan);
    sharing.switch_idle_s = reader.number("switch_idle_s", sharing.switch_idle_s, json::kSpan);
    if (processes) reader.ignore("weights");  // read with the processes
  }
  reader.finish();
  return sharing;
}

// What a share of the time is called under the policy, and what to say where it is called otherwise.
void check_share_key(const Reader& process, const Sharing& sharing) {
  const bool slices = traits_of(sharing.mode).has_slices;
  if (const auto weight = process.find(kWeight); weight && sharing.policy != SlicePolicy::fair)
    weight->fail(!slices ? "only processes that share by time-slicing have it"
                         : text::format("weights are of \"policy\": \"fair\"; under {} {}",
                                        to_string(sharing.policy),
                                        sharing.policy == SlicePolicy::strict
                                            ? "say \"gpu_fraction\", its part of every plan"
                                            : "all have the same slices"));
  if (const auto fraction = process.find(kFraction); fraction && sharing.policy != SlicePolicy::strict)
    fraction->fail(
        !slices ? "only processes that share by time-slicing have it"
                : text::format("a limit is of \"policy\": \"strict\"; under {} {}", to_string(sharing.policy),
                               sharing.policy == SlicePolicy::fair
                                   ? "the same number is a \"weight\", and what is free goes to the others"
                                   : "all have the same slices"));
  if (sharing.policy == SlicePolicy::strict && !process.has(kFraction))
    process.fail(
        "under \"policy\": \"strict\" every process says its \"gpu_fraction\", of every plan's time");
}

ProcessPlacement read_process(const Reader& reader, const Sharing& sharing, const Names& services) {
  ProcessPlacement process;
  if (!reader.is_object()) {
    process.service = index_of(reader, "service", services);
    if (sharing.policy == SlicePolicy::strict)
      reader.fail(
          text::format("under \"policy\": \"strict\" every process says its \"gpu_fraction\": "
                       "{{\"service\": \"{}\", \"gpu_fraction\": 0.5}}",
                       services[static_cast<std::size_t>(process.service)]));
    return process;
  }
  process.service = index_of(reader.at("service"), "service", services);
  for (const char* key : {"active_thread_percentage", "memory_limit_bytes"}) {
    const auto value = reader.find(key);
    if (value && !traits_of(sharing.mode).has_limits)
      value->fail(text::format("only processes that share by {} have it", modes_with_limits()));
  }
  process.active_thread_percentage = reader.number("active_thread_percentage", 100, {0, 100, true});
  process.memory_limit_bytes = json::bytes(reader, "memory_limit_bytes", 0);
  check_share_key(reader, sharing);
  process.share = reader.number(kWeight, process.share, json::kPositive);
  process.share = reader.number(kFraction, process.share, {0, 1, true});
  reader.finish();
  return process;
}

// "weights": one for each process, in their order.
void read_weights(const Reader& sharing, const Reader& processes, PartitionPlacement& partition) {
  const auto weights = sharing.is_object() ? sharing.find("weights") : std::nullopt;
  if (!weights) return;
  std::vector<ProcessPlacement>& placed = partition.processes;
  if (partition.sharing.policy != SlicePolicy::fair)
    weights->fail(
        text::format("weights are of \"policy\": \"fair\", not of {}", to_string(partition.sharing.policy)));
  if (!weights->is_array() || weights->size() != placed.size())
    weights->fail(
        text::format("expected a weight for each of the {} processes, in their order", placed.size()));
  if (any_has(processes, kWeight))
    weights->fail("processes have a \"weight\" of their own; say it in one place");
  for (std::size_t i = 0; i < placed.size(); ++i) placed[i].share = weights->at(i).number(json::kPositive);
}

}  // namespace

Sharing read_sharing(const Reader& reader) {
  const Sharing sharing = read_shared(reader, std::nullopt);
  if (sharing.policy != SlicePolicy::round_robin)
    reader.at("policy").fail(
        "processes that come and go have no weights or fractions here: \"round-robin\" is the only policy");
  return sharing;
}

PartitionPlacement read_partition(const Reader& reader, const std::string& name, const Names& services) {
  PartitionPlacement partition;
  const auto sharing = reader.find("sharing");
  const auto processes = reader.find("processes");
  if (sharing) partition.sharing = read_shared(*sharing, processes);
  if (processes) {
    if (!processes->is_array()) processes->fail("expected an array of service names");
    if (processes->size() > kMostProcesses)
      processes->fail(text::format("at most {} processes, found {}", kMostProcesses, processes->size()));
    for (std::size_t i = 0; i < processes->size(); ++i)
      partition.processes.push_back(read_process(processes->at(i), partition.sharing, services));
    if (sharing) read_weights(*sharing, *processes, partition);
    if (traits_of(partition.sharing.mode).one_process && partition.processes.size() > 1)
      processes->fail(text::format("partition {} is {} but has {} processes; choose {}", name,
                                   to_string(partition.sharing.mode), partition.processes.size(),
                                   shared_mode_choices()));
    if (const auto wrong = wrong_shares(partition)) processes->fail(*wrong);
  }
  reader.finish();
  return partition;
}

}  // namespace gpushare::scenario
