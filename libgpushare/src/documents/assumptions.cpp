#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/warnings.hpp"
#include "placement/memory_parts.hpp"
#include "placement/tensor_parallel.hpp"
#include "serving/engine_options.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace {

using nlohmann::ordered_json;

// ---- Defaults

// Options on which capacity and latency hang.
constexpr std::array<std::string_view, 14> kTelling{"concurrency",
                                                    "max_batch",
                                                    "max_queue_delay_s",
                                                    "chunk_s",
                                                    "max_streams",
                                                    "slots",
                                                    "first_chunk_frames",
                                                    "max_num_seqs",
                                                    "max_num_batched_tokens",
                                                    "chunked_prefill",
                                                    "prefix_caching",
                                                    "gpu_memory_utilization",
                                                    "host_per_step_s",
                                                    "host_per_sequence_s"};
constexpr std::array<std::string_view, 2> kTellingOfAll{"queue_limit", "request_overhead_s"};

std::string shown(std::string_view option, const FieldValue& value) {
  if (option == "gpu_memory_utilization" && value == FieldValue(0.0))  // which stands for this rule
    return text::format("{} shared by the language models of a memory", scenario::kDefaultUtilization);
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return text::format("{}", *whole);
  return text::format("{:.4g}", std::get<double>(value));
}

// What servers take on large cards, where that differs (engine.cpp); SERVICE.max_num_seqs has what was taken.
template <class Options>
std::string on_large_cards(std::string_view option, const Options& options) {
  std::int64_t there = 0;
  if constexpr (std::is_same_v<Options, ContinuousOptions>) {
    if (option == "max_num_seqs") there = options.large_card_max_num_seqs;
    if (option == "max_num_batched_tokens") there = options.large_card_max_num_batched_tokens;
  }
  return there > 0 ? text::format(" ({} on large cards)", there) : "";
}

// "max_batch 1" of each telling option that the document leaves out.
template <class Struct>
void add_unsaid(std::span<const Field<Struct>> table, const Struct& options, const ordered_json& said,
                std::span<const std::string_view> telling, std::vector<std::string>& unsaid) {
  fields::for_each(table, options, [&](const Field<Struct>& field, const auto& value) {
    const bool tells = std::find(telling.begin(), telling.end(), field.name) != telling.end();
    if (tells && !said.contains(field.name))
      unsaid.push_back(text::format("{} {}{}", field.name, shown(field.name, fields::value_of(value)),
                                    on_large_cards(field.name, options)));
  });
}

ordered_json member(const ordered_json& object, const std::string& name) {
  return object.is_object() && object.contains(name) ? object.at(name) : ordered_json();
}

// Where the host times of a preset that comes with the library were taken, which no other card, processor or version need have.
std::string host_basis(const ContinuousOptions& server, const ordered_json& said) {
  const std::vector<std::string> shipped = engine_preset_names();
  const ordered_json named = member(said, "preset");
  const bool is_file = named.is_string() && is_path(named.get<std::string>());
  if (is_file || std::find(shipped.begin(), shipped.end(), server.preset) == shipped.end()) return {};
  std::vector<std::string> bases;
  for (const ProvenanceEntry& figure : load_engine_preset(server.preset).provenance)
    for (const char* host : {"host_per_step_s", "host_per_sequence_s"})
      if (figure.pointer.ends_with(host) && !said.contains(host))
        bases.push_back(text::format("{}: {}", host, figure.source));
  return bases.empty() ? "" : text::format("; where its host times are from: {}", text::join(bases, "; "));
}

void add_engine(const Service& service, const ordered_json& said, std::vector<Warning>& found) {
  std::vector<std::string> unsaid;
  std::visit(
      [&]<class Options>(const Options& options) {
        add_unsaid<Options>(table_of(options), options, said, kTelling, unsaid);
      },
      service.engine.options);
  add_unsaid<Engine>(kEngineFields, service.engine, said, kTellingOfAll, unsaid);
  const auto* server = std::get_if<ContinuousOptions>(&service.engine.options);
  if (server != nullptr && server->enforce_eager && !said.contains("eager_kernel_s"))
    unsaid.push_back(text::format("eager_kernel_s {:.4g}", server->eager_kernel_s));
  if (unsaid.empty()) return;
  const bool by_preset = server != nullptr && !server->preset.empty();
  const std::string by = by_preset ? text::format("by preset {} ", server->preset) : "by default ";
  found.push_back({text::format("/services/{}/engine", service.name),
                   text::format("{}{} with {}{}", by, to_string(kind_of(service.engine)),
                                text::join(unsaid, ", "), by_preset ? host_basis(*server, said) : "")});
}

void add_defaults(const Scenario& scenario, std::vector<Warning>& found) {
  const auto document =
      scenario.document.empty() ? ordered_json::object() : ordered_json::parse(scenario.document);
  if (!document.contains("gpu") && !member(document, "placement").contains("nodes"))
    found.push_back({"/gpu", text::format("by default {}", scenario.placing.gpu->name)});
  for (const Service& service : scenario.workload.services) {
    const ordered_json said = member(member(document, "services"), service.name);
    if (!said.contains("precision")) {
      const auto* llm = std::get_if<LlmModel>(&service.model->cost);
      const bool published = llm != nullptr && llm->published_format.has_value();
      found.push_back({text::format("/services/{}/precision", service.name),
                       text::format("by default {}{}", to_string(service.precision),
                                    published ? ", as its weights are published" : "")});
    }
    add_engine(service, member(said, "engine"), found);
  }
}

// ---- Electricity

void add_power(const Scenario& scenario, std::vector<Warning>& found) {
  std::set<std::string> unknown;
  for (const GpuPlacement& gpu : scenario.placement.gpus)
    if (!gpu.profile().power.known()) unknown.insert(gpu.profile().name);
  for (const std::string& gpu : unknown)
    found.push_back({"/gpu", text::format("profile {} says neither compute_w nor bandwidth_w: no figure of "
                                          "energy, power or CO2",
                                          gpu)});
}

// ---- Links between GPUs

// Where replicas run over several GPUs whose links nobody measured: what an all-reduce is taken to cost.
void add_links(const Scenario& scenario, std::vector<Warning>& found) {
  const auto wide = [](const Service& service) { return service.tensor_parallel > 1; };
  const std::vector<Service>& services = scenario.workload.services;
  if (std::none_of(services.begin(), services.end(), wide)) return;
  std::set<std::string> told;
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    const GpuProfile& profile = gpu.profile();
    if (scenario.placement.nodes[static_cast<std::size_t>(gpu.node)].link ||
        !told.insert(profile.name).second)
      continue;
    for (const ProvenanceEntry& figure : profile.provenance)
      if (figure.pointer.ends_with("interconnect/bandwidth_bytes_per_s") && figure.grade == "assumed")
        found.push_back(
            {profile.name, text::format("all-reduces at {:.3g} GB/s: {}",
                                        profile.interconnect.bandwidth_bytes_per_s / 1e9, figure.source)});
  }
}

// ---- Whom faults take along

// The most processes that one of the fault's own has in its domain, itself included, and how they share.
struct Domain {
  std::size_t processes = 0;
  SharingMode mode = SharingMode::exclusive;
};

Domain domain_of(const Fault& fault, const Scenario& scenario) {
  const auto places = scenario::replicas_of(scenario.workload.services, scenario.placement, {});
  const scenario::ReplicaRank* place = places.data();
  Domain most;
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    std::size_t on_gpu = 0;
    for (const PartitionPlacement& part : gpu.partitions) on_gpu += part.processes.size();
    for (const PartitionPlacement& part : gpu.partitions)
      for (const ProcessPlacement& process : part.processes) {
        const auto [replica, rank] = *place++;
        const bool its = process.service == fault.service && rank == 0 &&
                         (fault.number == Fault::kEach || fault.number == replica);
        const std::size_t count = fault.stops_hardware() ? on_gpu : part.processes.size();
        if (its && count > most.processes) most = {count, part.sharing.mode};
      }
  }
  return most;
}

std::string fate_of_neighbours(const Fault& fault, const Domain& domain, const std::string& service) {
  const std::string who = text::format("{} fault of {}", to_string(fault.kind), service);
  if (fault.stops_hardware())
    return text::format("by default true: a {} takes all {} processes of its GPU along, in whatever instance",
                        who, domain.processes);
  const SharingTraits& sharing = traits_of(domain.mode);
  const std::string an = fault.kind == FaultKind::allocation ? "an" : "a";
  if (shares_fault_domain(fault.kind, domain.mode))
    return text::format("by default true: {} {} takes all {} {} of its partition along", an, who,
                        domain.processes, sharing.clients);
  return text::format(
      "by default false: {} {} leaves the others of the {} processes on its partition alone ({})", an, who,
      domain.processes, sharing.name);
}

void add_faults(const Scenario& scenario, std::vector<Warning>& found) {
  const auto document = scenario.document.empty() ? ordered_json() : ordered_json::parse(scenario.document);
  const ordered_json said = member(document, "faults");
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const Fault& fault = scenario.faults[i];
    const auto tell = [&](const char* key, std::string text) {
      found.push_back({text::format("/faults/{}/{}", i, key), std::move(text)});
    };
    if (i < said.size() && !said.at(i).contains("restart_s"))
      tell("restart_s", text::format("by default {:.4g}", fault.restart_s.mean()));
    if (fault.target != FaultTarget::process || fault.shared_fault_domain) continue;
    const Domain domain = domain_of(fault, scenario);
    if (domain.processes > 1)
      tell("shared_fault_domain",
           fate_of_neighbours(fault, domain,
                              scenario.workload.services[static_cast<std::size_t>(fault.service)].name));
  }
}

// ---- How long nodes and replicas take to come

void add_control(const Scenario& scenario, std::vector<Warning>& found) {
  if (!scenario.control) return;
  const auto document = scenario.document.empty() ? ordered_json() : ordered_json::parse(scenario.document);
  const ordered_json control = member(document, "control");
  for (const NodePool& pool : scenario.control->pools) {
    const ordered_json nodes = member(member(member(control, "pools"), pool.name), "nodes");
    if (pool.min < pool.max && !nodes.contains("boot_s"))
      found.push_back({text::format("/control/pools/{}/nodes/boot_s", pool.name),
                       text::format("by default {:.4g}", pool.boot_s.mean())});
  }
  for (const ReplicaControl& replicas : scenario.control->services) {
    if (replicas.min == replicas.max) continue;
    const std::string& name = scenario.workload.services[static_cast<std::size_t>(replicas.service)].name;
    const ordered_json said = member(member(member(control, "services"), name), "cold_start");
    const ColdStart& start = replicas.cold_start;
    std::vector<std::string> unsaid;
    const auto tell = [&](const char* key, double value) {
      if (!said.contains(key)) unsaid.push_back(text::format("{} {:.4g}", key, value));
    };
    tell("image_bytes", start.image_bytes);
    if (start.image_bytes > 0) tell("image_bytes_per_s", start.image_bytes_per_s);
    tell("weights_bytes_per_s", start.weights_bytes_per_s);
    tell("engine_s", start.engine_s.mean());
    if (!unsaid.empty())
      found.push_back({text::format("/control/services/{}/cold_start", name),
                       text::format("by default {}", text::join(unsaid, ", "))});
  }
}

// ---- Constants of another card

bool is_capped(const PartitionPlacement& part) {
  return part.sharing.mode == SharingMode::mps &&
         std::any_of(part.processes.begin(), part.processes.end(),
                     [](const auto& process) { return process.active_thread_percentage < 100; });
}

bool is_used(const PartitionPlacement& part, std::string_view pointer) {
  if (part.processes.size() < 2) return false;
  const Sharing& sharing = part.sharing;
  if (sharing.mode == SharingMode::time_slicing)
    return pointer.starts_with("/time_slicing/") &&
           !(pointer.ends_with("/slice_s") &&
             (sharing.slice_s >= 0 || sharing.policy != SlicePolicy::round_robin)) &&
           !(pointer.ends_with("/switch_idle_s") && sharing.switch_idle_s >= 0) &&
           !(pointer.ends_with("/switch_preempted_s") && sharing.switch_preempted_s >= 0);
  if (sharing.mode != SharingMode::mps) return false;
  return pointer.starts_with(is_capped(part) ? "/mps/capped" : "/mps/uncapped");
}

// Beside the constants of sharing, which are told one by one.
bool rests_on(const GpuPlacement& gpu, std::string_view pointer) {
  const auto& parts = gpu.partitions;
  if (pointer == "/bandwidth_by_sm_share")
    return !gpu.layout().whole() || std::any_of(parts.begin(), parts.end(), is_capped);
  if (pointer.starts_with("/most_"))
    return std::any_of(parts.begin(), parts.end(),
                       [](const auto& part) { return part.sharing.mode == SharingMode::mps; });
  return pointer != "/copy_engines" && !pointer.starts_with("/time_slicing/") &&
         !pointer.starts_with("/mps/");
}

void add_basis(const GpuPlacement& gpu, std::vector<Warning>& found) {
  const GpuProfile& card = gpu.profile();
  if (card.carried_from.empty()) return;
  const std::string ending = text::format("carried over from {} to this card", card.carried_from);
  std::vector<std::string> names;
  for (const ProvenanceEntry& figure : card.provenance)
    if (figure.source.ends_with(ending) && rests_on(gpu, figure.pointer))
      names.push_back(figure.pointer.substr(1));
  Warning one{card.name, text::format("as on {}, not measured on this card: {}", card.carried_from,
                                      text::join(names, ", "))};
  if (!names.empty() && std::find(found.begin(), found.end(), one) == found.end())
    found.push_back(std::move(one));
}

void add_carried(const GpuPlacement& gpu, std::vector<Warning>& found) {
  for (const ProvenanceEntry& figure : gpu.profile().provenance) {
    if (figure.grade != "assumed") continue;
    const bool used = std::any_of(gpu.partitions.begin(), gpu.partitions.end(),
                                  [&](const auto& part) { return is_used(part, figure.pointer); });
    Warning one{gpu.profile().name + "#" + figure.pointer,
                text::format("{} is carried over to this card: {}", figure.value, figure.source)};
    if (used && std::find(found.begin(), found.end(), one) == found.end()) found.push_back(std::move(one));
  }
}

}  // namespace

std::vector<Warning> assumptions_of(const Scenario& scenario) {
  std::vector<Warning> found;
  if (!scenario.document.empty()) add_defaults(scenario, found);
  add_faults(scenario, found);
  add_control(scenario, found);
  add_power(scenario, found);
  add_links(scenario, found);
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    add_basis(gpu, found);
    add_carried(gpu, found);
  }
  return found;
}

bool carries_over(const Scenario& scenario) {
  std::vector<Warning> found;
  for (const GpuPlacement& gpu : scenario.placement.gpus) add_carried(gpu, found);
  return !found.empty();
}

}  // namespace gpushare
