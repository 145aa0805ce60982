#include "gpushare/cluster_run.hpp"
#include "gpushare/clusters.hpp"
#include "gpushare/errors.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

using Nodes = std::vector<ClusterNode>;
using Pods = std::vector<ClusterPod>;

struct ClusterHandle {
  Nodes nodes;
  Pods pods;
};

// A row of Python values by name; what is not there is as the struct has it.
template <class T>
void read(const py::dict& row, const char* key, T& value) {
  if (row.contains(key)) value = row[key].cast<T>();
}

ClusterNode node_of(const py::dict& row) {
  ClusterNode node;
  read(row, "name", node.name);
  read(row, "cpu_milli", node.cpu_milli);
  read(row, "memory_mib", node.memory_mib);
  read(row, "gpus", node.gpus);
  read(row, "model", node.model);
  read(row, "labels", node.labels);
  read(row, "taints", node.taints);
  return node;
}

ClusterPod pod_of(const py::dict& row) {
  ClusterPod pod;
  read(row, "name", pod.name);
  read(row, "cpu_milli", pod.cpu_milli);
  read(row, "memory_mib", pod.memory_mib);
  read(row, "gpus", pod.gpus);
  read(row, "gpu_milli", pod.gpu_milli);
  read(row, "models", pod.models);
  read(row, "selector", pod.selector);
  read(row, "tolerations", pod.tolerations);
  read(row, "priority", pod.priority);
  read(row, "group", pod.group);
  read(row, "gang", pod.gang);
  read(row, "node", pod.node);
  read(row, "devices", pod.devices);
  read(row, "starts", pod.starts);
  read(row, "created_s", pod.created_s);
  read(row, "duration_s", pod.duration_s);
  return pod;
}

std::shared_ptr<ClusterHandle> make_cluster(const py::list& nodes, const py::list& pods) {
  auto cluster = std::make_shared<ClusterHandle>();
  for (const auto& row : nodes) cluster->nodes.push_back(node_of(row.cast<py::dict>()));
  for (const auto& row : pods) cluster->pods.push_back(pod_of(row.cast<py::dict>()));
  check_cluster(cluster->nodes, cluster->pods);
  return cluster;
}

PackingOptions packing_options(const std::string& policy, const std::string& sharing,
                               const std::map<std::string, ProfileHandle>& mig, std::uint64_t seed,
                               std::uint64_t order_seed, const py::object& cancelled) {
  PackingOptions options;
  options.policy = packing_policy(policy);
  options.sharing = share_mode(sharing);
  for (const auto& [model, handle] : mig) options.mig[model] = handle.profile;
  options.seed = seed;
  options.order_seed = order_seed;
  if (cancelled.is_none()) return options;
  // The caller keeps `cancelled` for as long as the run takes.
  options.interrupted = [handle = py::handle(cancelled)] {
    const py::gil_scoped_acquire hold;
    return handle().cast<bool>();
  };
  return options;
}

template <class T>
py::array_t<T> array_of(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::dict arrival_dict(const ArrivalRun& run) {
  py::dict d;
  d["allocation"] = array_of(run.allocation);
  d["held"] = array_of(run.held);
  d["fragmentation"] = array_of(run.fragmentation);
  d["of_idle"] = array_of(run.of_idle);
  d["pods"] = run.pods;
  d["placed"] = run.placed;
  d["no_gpu"] = run.no_gpu;
  d["no_host"] = run.no_host;
  d["no_node"] = run.no_node;
  d["stranded"] = run.stranded;
  d["stranded_for_cpu"] = run.stranded_for_cpu;
  d["cpu_allocation"] = run.cpu_allocation;
  return d;
}

py::dict arrivals(const std::shared_ptr<ClusterHandle>& h, const std::string& policy, double arrive,
                  std::uint64_t seed, std::uint64_t order_seed, const std::string& sharing,
                  const std::map<std::string, ProfileHandle>& mig, const py::object& cancelled) {
  const ArrivalOptions options{packing_options(policy, sharing, mig, seed, order_seed, cancelled), arrive};
  ArrivalRun run;
  {
    const py::gil_scoped_release release;
    run = replay_arrivals(h->nodes, h->pods, options);
  }
  return arrival_dict(run);
}

py::dict sample_dict(const ClusterSample& s) {
  py::dict d;
  d["at_s"] = s.at_s;
  d["allocation"] = s.allocation;
  d["held"] = s.held;
  d["fragmentation"] = s.fragmentation;
  d["stranded"] = s.stranded;
  d["stranded_for_cpu"] = s.stranded_for_cpu;
  d["cpu"] = s.cpu;
  d["running"] = s.running;
  d["waiting"] = s.waiting;
  d["waiting_gpus"] = s.waiting_gpus;
  return d;
}

py::dict timed_dict(const TimedRun& run) {
  std::vector<double> started, ended;
  std::vector<std::int64_t> nodes;
  py::list devices, instances;
  for (const PodTimes& pod : run.pods) {
    devices.append(pod.devices);
    instances.append(pod.instances);
    started.push_back(pod.started_s);
    ended.push_back(pod.ended_s);
    nodes.push_back(pod.node);
  }
  py::list series;
  for (const ClusterSample& sample : run.series) series.append(sample_dict(sample));
  py::dict d;
  d["started_s"] = array_of(started);
  d["ended_s"] = array_of(ended);
  d["node"] = array_of(nodes);
  d["devices"] = devices;
  d["instances"] = instances;
  d["series"] = series;
  d["mean"] = sample_dict(run.mean);
  d["started"] = run.started;
  d["impossible"] = run.impossible;
  d["peak_of_group"] = run.peak_of_group;
  return d;
}

py::dict timed(const std::shared_ptr<ClusterHandle>& h, const std::string& policy, bool backfill,
               const std::map<std::string, std::int64_t>& quotas, double sample_s, double until_s,
               std::uint64_t seed, std::uint64_t order_seed, const std::string& sharing,
               const std::map<std::string, ProfileHandle>& mig, const py::object& cancelled) {
  TimedOptions options;
  options.packing = packing_options(policy, sharing, mig, seed, order_seed, cancelled);
  options.backfill = backfill;
  options.quotas = quotas;
  options.sample_s = sample_s;
  options.until_s = until_s;
  TimedRun run;
  {
    const py::gil_scoped_release release;
    run = replay_timed(h->nodes, h->pods, options);
  }
  return timed_dict(run);
}

py::list class_list(const std::shared_ptr<ClusterHandle>& h, double share) {
  py::list list;
  for (const PodClass& c : pod_classes(h->pods, share)) {
    py::dict d;
    d["cpu_milli"] = c.cpu_milli;
    d["gpus"] = c.gpus;
    d["gpu_milli"] = c.gpu_milli;
    d["models"] = c.models;
    d["pods"] = c.pods;
    d["weight"] = c.weight;
    list.append(d);
  }
  return list;
}

}  // namespace

void register_clusters(py::module_& module) {
  py::class_<ClusterHandle, std::shared_ptr<ClusterHandle>>(module, "ClusterData", "Nodes and pods.")
      .def(py::init(&make_cluster), py::arg("nodes"), py::arg("pods"),
           "Rows as dicts, by the names of ClusterNode and ClusterPod; what is left out is as they have it.")
      .def("classes", &class_list, py::arg("share") = 0.95,
           "Kinds of demand, most frequent first, until they hold that share of the pods.")
      .def("arrivals", &arrivals, py::kw_only(), py::arg("policy"), py::arg("arrive"), py::arg("seed"),
           py::arg("order_seed"), py::arg("sharing"), py::arg("mig"), py::arg("cancelled"),
           "Pods arrive one after another and none leaves: curves by whole per cent arrived, and counts.")
      .def("timed", &timed, py::kw_only(), py::arg("policy"), py::arg("backfill"), py::arg("quotas"),
           py::arg("sample_s"), py::arg("until_s"), py::arg("seed"), py::arg("order_seed"),
           py::arg("sharing"), py::arg("mig"), py::arg("cancelled"),
           "Pods come, wait, run and leave: times of each, the cluster over time, and its mean.");
  module.def(
      "packing_policies",
      [] {
        py::list list;
        for (const PackingPolicyInfo& info : packing_policies())
          list.append(py::make_tuple(info.name, info.meaning));
        return list;
      },
      "(name, meaning) of each policy.");
}

}  // namespace gpushare::python
