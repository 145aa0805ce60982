#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_reader.hpp"
#include "gpushare/scenario.hpp"
#include "placement/placement_mode.hpp"

/// The pieces that read a scenario document; scenario_reader.cpp joins them.
namespace gpushare::scenario {

using json::Reader;
using Names = std::vector<std::string>;

/// The index of the name that `reader` holds; fails there when it is not one of `known`.
[[nodiscard]] int index_of(const Reader& reader, std::string_view what, const Names& known);

[[nodiscard]] Names names_of(const std::vector<Service>& services);
/// Whether a distribution can give nothing but zero.
[[nodiscard]] bool always_zero(const Distribution& distribution);

/// Of a service that does not say how many.
inline constexpr int kDefaultReplicas = 1;

/// The services in the order given; `services` is the object of the document.
[[nodiscard]] std::vector<Service> read_services(const Reader& services, const Names& order);
/// The owner's "precision", one that the model has: fp16 when absent, or the first.
[[nodiscard]] Precision read_precision(const Reader& owner, const Model& model);
/// The engine of a service whose model is known.
[[nodiscard]] Engine read_engine(const Reader& reader, const Service& service);
/// Whether an LLM's engine keeps keys and values in 8 bits each.
[[nodiscard]] bool keeps_cache_in_8_bits(const Reader& engine);
[[nodiscard]] std::vector<Pipeline> read_pipelines(const Reader& pipelines, const Names& order,
                                                   const std::vector<Service>& services);
/// Files that are not among the inputs are read, and added to them.
[[nodiscard]] std::vector<Traffic> read_traffic(const Reader& traffic, const Workload& workload,
                                                Inputs& inputs);
[[nodiscard]] std::vector<Fault> read_faults(const Reader& faults, const Scenario& scenario);
/// Why a fault can hit nothing on the scenario's placement; nullopt when it can.
[[nodiscard]] std::optional<std::string> objection_to(const Fault& fault, const Scenario& scenario);
/// The policies of a scenario whose workload is read.
[[nodiscard]] Control read_control(const Reader& control, const Scenario& scenario);
/// Where the document places its services, what its modes place on, and the replicas that GPUs it lists settle.
void read_placement(const Reader& document, const std::optional<WrittenMode>& written, Scenario& scenario);
/// How the processes of a partition share it: a mode's name, or an object with its times.
[[nodiscard]] Sharing read_sharing(const Reader& reader);
/// Of the layout's partition with that name: how it is shared, and its processes.
[[nodiscard]] PartitionPlacement read_partition(const Reader& reader, const std::string& name,
                                                const Names& services);
/// The owner's "layout" on GPUs of the profile: whole when absent.
[[nodiscard]] Layout read_layout(const Reader& owner, const GpuProfile& profile);
/// The GPUs of a placement that lists them, all of one node; `otherwise` is their profile where they name none,
/// null: they must.
[[nodiscard]] Placement read_gpus(const Reader& gpus, const Node& node,
                                  const std::shared_ptr<const GpuProfile>& otherwise, const Names& services);
/// The nodes of a placement that lists them, with their GPUs.
[[nodiscard]] Placement read_nodes(const Reader& nodes, const std::shared_ptr<const GpuProfile>& otherwise,
                                   const Names& services);
/// The objectives of a scenario whose workload and placement are read; `order` are the keys as they were written.
[[nodiscard]] Objectives read_objectives(const Reader& objectives, const Names& order,
                                         const Scenario& scenario);
/// Throws ScenarioError for an objective of a figure that runs on this placement do not have.
void check_objectives(const Scenario& scenario);
/// The cores of a host.
[[nodiscard]] int read_cores(const Reader& host);

/// Seconds that the traffic lasts, when it tells: closed loops and traces do.
[[nodiscard]] std::optional<double> length_of(const Traffic& traffic);

}  // namespace gpushare::scenario
