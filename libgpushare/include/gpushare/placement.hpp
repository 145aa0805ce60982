#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/memory.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/sharing.hpp"
#include "gpushare/workload.hpp"

/// Where a workload runs: the placement itself, and the modes that make one. What fits is in fits.hpp.
namespace gpushare {

// ---- A placement ----

struct ProcessPlacement {
  int service = 0;                        ///< index into Workload::services
  double active_thread_percentage = 100;  ///< MPS
  double memory_limit_bytes = 0;          ///< MPS; 0: none
  double share = 1;  ///< of the time under time-slicing: fair: its weight; strict: its fraction of every plan

  friend bool operator==(const ProcessPlacement&, const ProcessPlacement&) = default;
};

struct PartitionPlacement {
  Sharing sharing;
  std::vector<ProcessPlacement> processes;

  friend bool operator==(const PartitionPlacement&, const PartitionPlacement&) = default;
};

struct GpuPlacement {
  std::shared_ptr<const CutGpu> cut;
  std::vector<PartitionPlacement> partitions;  ///< one for each of parts()
  int node = 0;                                ///< index into Placement::nodes

  [[nodiscard]] const GpuProfile& profile() const { return *cut->profile; }
  [[nodiscard]] const Layout& layout() const { return cut->layout; }
  [[nodiscard]] const std::vector<Partition>& parts() const { return cut->partitions; }

  /// Profiles are equal that were loaded by the same name or path.
  friend bool operator==(const GpuPlacement& a, const GpuPlacement& b);
};
/// With nothing on it: every partition is exclusive and free.
[[nodiscard]] GpuPlacement empty_gpu(std::shared_ptr<const CutGpu> cut, int node = 0);

/// A host: its GPUs' processes share its CPU cores, and reach each other.
struct Node {
  std::string name;                           ///< empty: "node" and its number
  int host_cores = 0;                         ///< 0: no limit
  std::optional<InterconnectConstants> link;  ///< between its GPUs; nullopt: as their profiles say
  int pool = -1;                              ///< index into Control::pools; -1: it stays

  friend bool operator==(const Node&, const Node&) = default;
};

/// Where a workload runs: processes name its services by index.
struct Placement {
  std::vector<Node> nodes{1};
  std::vector<GpuPlacement> gpus;

  friend bool operator==(const Placement&, const Placement&) = default;
};

/// "node1", or the name it has.
[[nodiscard]] std::string node_name(const Placement& placement, int node);
/// How the GPUs of the node reach each other: its own link, or that of the profile. Zeros: not known.
[[nodiscard]] const InterconnectConstants& link_of(const Placement& placement, const GpuPlacement& gpu);
/// Replicas of each service that are placed; under tensor parallelism a replica has several processes.
[[nodiscard]] std::vector<int> placed_replicas(const Workload& workload, const Placement& placement);
/// Whether it has a process.
[[nodiscard]] bool is_used(const GpuPlacement& gpu);
/// GPUs that have a process.
[[nodiscard]] int gpus_used(const Placement& placement);
/// What an hour of such a GPU costs, in currency units. Throws ScenarioError for a kind without a price.
[[nodiscard]] double price_of(const Prices& prices, const GpuProfile& gpu);
/// What an hour of the GPUs that have a process costs, in currency units. Throws ScenarioError for a kind without a price.
[[nodiscard]] double price_per_hour(const Prices& prices, const Placement& placement);
/// Throws ScenarioError when the workload cannot run so whatever the memory: a process of no service, a partition that is
/// exclusive and has several, a service that is nowhere, replicas that lack a rank, a GPU without a rate for what a
/// service computes in, a kind of GPU without a price.
void check_placement(const Workload& workload, const Placement& placement);

// ---- Modes: placements in a word ----

struct PlacementMode {
  enum class Kind : std::uint8_t { dedicated, shared, mig };
  Kind kind = Kind::dedicated;
  SharingMode sharing = SharingMode::time_slicing;  ///< shared; mig: of partitions with more than one process
  int replicas = 0;  ///< shared: of each service, 0: as it says; mig: processes on each instance
  std::vector<double> percentages;  ///< shared with limits (mps): by process; empty: no caps
  bool same_percentage = false;     ///< the one percentage is of every process
  std::vector<double> weights;      ///< shared by time-slicing: by process; empty: round robin
  Layout layout;                    ///< mig

  friend bool operator==(const PlacementMode&, const PlacementMode&) = default;
};

/// A kind of mode: how it is written, such as mps[:PERCENT/PERCENT...], and what it does.
struct ModeKind {
  std::string grammar;
  std::string description;
};
[[nodiscard]] const std::vector<ModeKind>& mode_kinds();
/// How all of them are written, for messages.
[[nodiscard]] const std::string& mode_grammar();

/// Reads a mode of that grammar; the layout is one of `profile`. Throws ScenarioError, or LayoutError for the layout.
[[nodiscard]] PlacementMode parse_mode(const std::string& text, const GpuProfile& profile);

/// What a mode places on, and which services it lets share.
struct PlacementOptions {
  std::shared_ptr<const GpuProfile> gpu;
  std::vector<int> consolidate;  ///< indices of the services that share a GPU; empty: all
  Node node;                     ///< all GPUs are its
};

/// Replicas of services that do not share get a GPU each (under tensor parallelism one for each rank), in the order of the
/// workload; the shared GPU comes last. Under MIG, instances are taken from the largest to the smallest, the services in
/// turn. Throws LayoutError, ScenarioError, or MemoryError for a process that fits no instance.
[[nodiscard]] Placement place(const PlacementMode& mode, const Workload& workload,
                              const PlacementOptions& options);

}  // namespace gpushare
