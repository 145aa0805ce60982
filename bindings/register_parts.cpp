#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gpushare/fits.hpp"
#include "gpushare/what_if.hpp"

#include "handles.hpp"

namespace gpushare::python {

namespace {

SharingMode sharing_mode(const std::string& word) {
  for (const SharingMode mode : {SharingMode::exclusive, SharingMode::time_slicing, SharingMode::mps})
    if (to_string(mode) == word) return mode;
  throw py::value_error("unknown way of sharing \"" + word + "\"");
}

// Services by number, in how many replicas, and caps under MPS in per cent.
using Tenants = std::vector<std::tuple<int, int, double>>;

// A profile, an instance or nothing, a way of sharing, and tenants.
using Asked = std::tuple<std::string, std::string, std::string, Tenants>;
// The main latency of each tenant, by name, and its p95; nothing where they do not fit.
using Predicted = std::optional<std::vector<std::pair<std::string, double>>>;

// What parts of GPUs hold and would do. What is the same for many of them is worked out once.
class Parts {
 public:
  explicit Parts(const ScenarioHandle& h) : scenario_(h.scenario) {}

  // Of a part's memory; nothing where the tenants do not fit.
  std::optional<double> free_share(const std::string& profile, const std::string& instance,
                                   const std::string& sharing, const Tenants& tenants) {
    Placement placement;
    placement.gpus.push_back(gpu_with(profile, instance, sharing, tenants));
    const Fit fit = fits(workload(), placement);
    if (!fit.ok()) return std::nullopt;
    return fit.parts.front().free_bytes / placement.gpus.front().parts().front().memory_bytes;
  }

  // Of each part by itself, as many at once as there are cores.
  std::vector<Predicted> predict(const std::vector<Asked>& asked) {
    std::vector<GpuQuestion> questions;
    questions.reserve(asked.size());
    for (const auto& [profile, instance, sharing, tenants] : asked) {
      GpuQuestion& question = questions.emplace_back();
      question.gpu = gpu_with(profile, instance, sharing, tenants);
      question.traffic = &traffic_on(question.gpu.profile());
      question.replicas.assign(workload().services.size(), 1);
      for (const auto& [service, count, cap] : tenants)
        question.replicas.at(static_cast<std::size_t>(service)) = count;
    }
    const py::gil_scoped_release released;
    const auto found = predict_gpus(workload(), questions);
    std::vector<Predicted> answers;
    for (std::size_t i = 0; i < found.size(); ++i) answers.push_back(of_tenants(questions[i].gpu, found[i]));
    return answers;
  }

 private:
  static Predicted of_tenants(const GpuPlacement& gpu, const std::vector<ServicePrediction>& services) {
    if (services.empty()) return std::nullopt;
    std::vector<std::pair<std::string, double>> result;
    for (const ProcessPlacement& process : gpu.partitions.front().processes) {
      const ServicePrediction& one = services[static_cast<std::size_t>(process.service)];
      result.emplace_back(std::string(one.latency), one.p95_s);
    }
    return result;
  }
  [[nodiscard]] const Workload& workload() const { return scenario_->workload; }
  GpuPlacement gpu_with(const std::string& profile, const std::string& instance, const std::string& sharing,
                        const Tenants& tenants) {
    GpuPlacement gpu = empty_gpu(cut_of(profile, instance));
    PartitionPlacement& part = gpu.partitions.front();
    part.sharing.mode = sharing_mode(sharing);
    for (const auto& [service, count, cap] : tenants) {
      ProcessPlacement process;
      process.service = service;
      process.active_thread_percentage = cap;
      part.processes.push_back(process);
    }
    return gpu;
  }
  const std::shared_ptr<const CutGpu>& cut_of(const std::string& profile, const std::string& instance) {
    std::shared_ptr<const CutGpu>& cut = cuts_[{profile, instance}];
    if (!cut) {
      const std::shared_ptr<const GpuProfile> gpu = load_profile_handle(profile).profile;
      cut = cut_gpu(gpu, instance.empty() ? Layout{} : parse_layout(*gpu, instance));
    }
    return cut;
  }
  // Users wait for what the GPU does.
  const std::vector<ServiceTraffic>& traffic_on(const GpuProfile& gpu) {
    std::vector<ServiceTraffic>& traffic = traffic_[gpu.name];
    if (traffic.empty()) traffic = service_traffic(workload(), &gpu);
    return traffic;
  }

  std::shared_ptr<const Scenario> scenario_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const CutGpu>> cuts_;
  std::map<std::string, std::vector<ServiceTraffic>> traffic_;
};

}  // namespace

void register_parts(py::module_& module) {
  py::class_<Parts>(module, "Parts",
                    "What tenants of parts of GPUs leave and would do, without a simulation.")
      .def(py::init<const ScenarioHandle&>(), py::arg("scenario"))
      .def("free_share", &Parts::free_share, py::arg("profile"), py::arg("instance"), py::arg("sharing"),
           py::arg("tenants"), "Share of a part's memory that tenants leave; None where they do not fit.")
      .def(
          "predict", &Parts::predict, py::arg("parts"),
          "Of each part the main latency of each tenant, by name, and its p95 in seconds; None where they do "
          "not fit. A part is a profile, an instance or \"\", a way of sharing, and tenants: services by "
          "number, with their replicas and their cap under MPS in per cent.");
}

}  // namespace gpushare::python
