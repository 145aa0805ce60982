#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/scenario.hpp"

/// Workloads and placements made by hand, without a document: services whose steps take a drawn time.
namespace gpushare::test {

/// A service that serves one request after the other, each for a time of `gpu_s` on the GPU.
inline Service toy_service(std::string name, Distribution gpu_s, int replicas = 1) {
  Model model;
  model.name = name;
  model.cost = SyntheticModel{std::move(gpu_s), 0, 1e9, 0};
  Service service;
  service.name = std::move(name);
  service.model = std::make_shared<const Model>(std::move(model));
  service.replicas = replicas;
  return service;
}

/// A pipeline of one visit to the service of the same number.
inline Pipeline toy_pipeline(std::string name, int service) {
  Stage stage;
  stage.name = "visit";
  stage.service = service;
  Pipeline pipeline;
  pipeline.name = std::move(name);
  pipeline.stages = {stage};
  return pipeline;
}

/// One service after the other, each with a pipeline of its own.
inline Workload toy_workload(std::vector<Service> services, double duration_s) {
  Workload workload;
  workload.duration_s = duration_s;
  for (std::size_t i = 0; i < services.size(); ++i)
    workload.pipelines.push_back(toy_pipeline("to-" + services[i].name, static_cast<int>(i)));
  workload.services = std::move(services);
  resolve_roles(workload);
  return workload;
}

inline Traffic toy_traffic(std::string name, int pipeline, Traffic::Kind kind) {
  Traffic traffic;
  traffic.name = std::move(name);
  traffic.pipeline = pipeline;
  traffic.kind = kind;
  return traffic;
}

inline std::shared_ptr<const GpuProfile> a100() {
  static const auto profile = std::make_shared<const GpuProfile>(load_profile("a100"));
  return profile;
}

/// A GPU cut by the layout ("" for a whole one), whose first partitions have these processes (indices of services).
inline GpuPlacement toy_gpu(const std::string& layout, SharingMode mode,
                            const std::vector<std::vector<int>>& processes) {
  const auto profile = a100();
  GpuPlacement gpu = empty_gpu(cut_gpu(profile, layout.empty() ? Layout{} : parse_layout(*profile, layout)));
  for (std::size_t p = 0; p < processes.size(); ++p) {
    gpu.partitions[p].sharing.mode = mode;
    for (const int service : processes[p]) gpu.partitions[p].processes.push_back(ProcessPlacement{service});
  }
  return gpu;
}

}  // namespace gpushare::test
