#include <filesystem>

#include "handles.hpp"

namespace gpushare::python {

namespace {

py::dict mig_profile_dict(const MigProfile& p) {
  py::dict d;
  d["name"] = p.name;
  d["id"] = p.id;
  d["compute_slices"] = p.compute_slices;
  d["memory_slices"] = p.memory_slices;
  d["starts"] = p.starts;
  d["max_count"] = p.max_count;
  d["sms"] = p.sms;
  d["memory_bytes"] = p.memory_bytes;
  d["nominal_memory_bytes"] = p.nominal_memory_bytes;
  d["l2_fraction"] = p.l2_fraction;
  d["bandwidth_fraction"] = p.bandwidth_fraction;
  d["copy_engines"] = p.copy_engines;
  d["decoders"] = p.decoders;
  d["jpeg_engines"] = p.jpeg_engines;
  d["optical_flow_engines"] = p.optical_flow_engines;
  d["media_extension"] = p.media_extension;
  d["double_memory"] = p.double_memory;
  return d;
}

py::dict law_dict(const UncappedLaw& law) {
  py::dict d;
  d["launch_s"] = law.launch_s;
  d["exponent"] = law.exponent;
  if (law.slip > 0) d["slip"] = law.slip;
  return d;
}

py::dict law_dict(const CappedLaw& law) {
  py::dict d;
  d["launch"] = law.launch;
  d["bandwidth"] = law.bandwidth;
  d["compute"] = law.compute;
  d["s_exponent"] = law.s_exponent;
  d["s_bandwidth"] = law.s_bandwidth;
  return d;
}

py::dict power_dict(const PowerConstants& power) {
  py::dict d;
  d["limit_w"] = power.limit_w;
  d["idle_w"] = power.idle_w;
  d["compute_w"] = power.compute_w;
  d["bandwidth_w"] = power.bandwidth_w;
  d["clock_exponent"] = power.clock_exponent;
  if (power.active_w > 0) d["active_w"] = power.active_w;
  if (power.ready_w > 0) d["ready_w"] = power.ready_w;
  if (power.averaging_s > 0) d["averaging_s"] = power.averaging_s;
  return d;
}

py::dict interconnect_dict(const InterconnectConstants& link) {
  py::dict d;
  d["latency_s"] = link.latency_s;
  d["bandwidth_bytes_per_s"] = link.bandwidth_bytes_per_s;
  d["one_shot_latency_s"] = link.one_shot_latency_s;
  return d;
}

py::dict mps_dict(const MpsConstants& mps) {
  py::dict d;
  d["max_clients"] = mps.max_clients;
  d["sm_granularity"] = mps.sm_granularity;
  d["kernel_s"] = mps.kernel_s;
  d["uncapped"] = law_dict(mps.uncapped);
  d["capped"] = law_dict(mps.capped);
  return d;
}

py::dict time_slicing_dict(const TimeSlicingConstants& constants) {
  py::dict d;
  d["slice_s"] = constants.slice_s;
  d["switch_preempted_s"] = constants.switch_preempted_s;
  d["switch_idle_s"] = constants.switch_idle_s;
  d["refill_s"] = constants.refill_s;
  d["kernel_saving_s"] = constants.kernel_saving_s;
  return d;
}

py::dict flop_dict(const GpuProfile& profile) {
  py::dict d;
  for (std::size_t i = 0; i < kPrecisionCount; ++i) {
    d[py::str(std::string(to_string(static_cast<Precision>(i))))] = profile.flop_per_s[i];
  }
  return d;
}

py::list mig_list(const GpuProfile& profile) {
  py::list list;
  for (const MigProfile& p : profile.mig) list.append(mig_profile_dict(p));
  return list;
}

ProfileHandle parse_profile_handle(const std::string& json, const std::string& source) {
  return {std::make_shared<const GpuProfile>(parse_profile(json, source)), json, true};
}

/// Defines a read-only property for a public field of GpuProfile.
template <class T>
void field(py::class_<ProfileHandle>& cls, const char* name, T GpuProfile::*member, const char* doc) {
  cls.def_property_readonly(
      name, [member](const ProfileHandle& h) { return (*h.profile).*member; }, doc);
}

void add_fields(py::class_<ProfileHandle>& cls) {
  field(cls, "name", &GpuProfile::name, "Short name, such as \"a100\".");
  field(cls, "title", &GpuProfile::title, "Full product name.");
  field(cls, "sms", &GpuProfile::sms, "Streaming multiprocessors with MIG off.");
  field(cls, "clock_hz", &GpuProfile::clock_hz, "SM clock, Hz.");
  field(cls, "memory_bytes", &GpuProfile::memory_bytes, "Usable memory with MIG off, bytes.");
  field(cls, "nominal_memory_bytes", &GpuProfile::nominal_memory_bytes, "Memory as advertised, bytes.");
  field(cls, "bandwidth_bytes_per_s", &GpuProfile::bandwidth_bytes_per_s,
        "Theoretical peak of HBM, bytes a second.");
  field(cls, "sustained_flop_share", &GpuProfile::sustained_flop_share,
        "Share of the SMs beyond which kernels are no faster.");
  field(cls, "sustained_llm_flop_share", &GpuProfile::sustained_llm_flop_share,
        "Likewise for kernels of language models; 0: as all others.");
  field(cls, "bandwidth_by_sm_share", &GpuProfile::bandwidth_by_sm_share,
        "Pairs (share of the SMs, share of the saturated bandwidth they draw).");
  field(cls, "l2_bytes", &GpuProfile::l2_bytes, "L2 cache, bytes.");
  field(cls, "pcie_bytes_per_s", &GpuProfile::pcie_bytes_per_s, "PCIe rate, bytes a second.");
  field(cls, "context_bytes", &GpuProfile::context_bytes, "Memory of one process's CUDA context, bytes.");
  field(cls, "copy_engines", &GpuProfile::copy_engines, "Copy engines.");
  field(cls, "decoders", &GpuProfile::decoders, "Video decoders.");
  field(cls, "memory_slots", &GpuProfile::memory_slots, "Width of the MIG lattice; 0 without MIG.");
  field(cls, "mig_sms", &GpuProfile::mig_sms, "SMs usable with MIG on.");
  field(cls, "without_mig", &GpuProfile::without_mig,
        "Whether the card is known to have no MIG; without instances and without this it is not described.");
  field(cls, "carried_from", &GpuProfile::carried_from,
        "The profile whose figures stand in for those that this card was not measured for; empty: none.");
}

}  // namespace

ProfileHandle load_profile_handle(const std::string& name_or_path) {
  auto profile = std::make_shared<const GpuProfile>(load_profile(name_or_path));
  std::error_code ignored;
  const bool is_file = std::filesystem::is_regular_file(name_or_path, ignored);
  return {std::move(profile), is_file ? std::filesystem::absolute(name_or_path).string() : name_or_path,
          false};
}

py::list provenance_list(const std::vector<ProvenanceEntry>& entries) {
  py::list list;
  for (const ProvenanceEntry& e : entries) {
    py::dict d;
    d["pointer"] = e.pointer;
    d["value"] = e.value;
    d["source"] = e.source;
    d["grade"] = e.grade;
    list.append(d);
  }
  return list;
}

void register_profile(py::module_& module) {
  py::class_<ProfileHandle> cls(module, "Profile", "A GPU model's description.");
  add_fields(cls);
  cls.def_property_readonly(
      "flop_per_s", [](const ProfileHandle& h) { return flop_dict(*h.profile); },
      "FLOP a second by precision; 0 where not supported.");
  cls.def_property_readonly(
      "why_uncut", [](const ProfileHandle& h) { return why_uncut(*h.profile); },
      "That the card has no MIG, or that it is not described; empty where it has instances.");
  cls.def_property_readonly(
      "mig", [](const ProfileHandle& h) { return mig_list(*h.profile); }, "GPU-instance profiles, as dicts.");
  cls.def_property_readonly(
      "time_slicing", [](const ProfileHandle& h) { return time_slicing_dict(h.profile->time_slicing); },
      "Constants of time-slicing, seconds.");
  cls.def_property_readonly(
      "mps", [](const ProfileHandle& h) { return mps_dict(h.profile->mps); }, "Constants of MPS.");
  cls.def_property_readonly(
      "llm_latency_share", [](const ProfileHandle& h) { return h.profile->llm_latency_share(); },
      "What latency-bound time of language models takes here, of what it takes on the A100 that they state "
      "it "
      "for.");
  cls.def_property_readonly(
      "interconnect", [](const ProfileHandle& h) { return interconnect_dict(h.profile->interconnect); },
      "All-reduces between GPUs of one host: latency, s, and bandwidth of a GPU, bytes a second; zeros: not "
      "known.");
  cls.def_property_readonly(
      "power", [](const ProfileHandle& h) { return power_dict(h.profile->power); },
      "Limit, idle power and draw of running work, W.");
  cls.def_property_readonly(
      "provenance", [](const ProfileHandle& h) { return provenance_list(h.profile->provenance); },
      "Source and grade of every figure.");
  cls.def(
      "reachable_bandwidth_share",
      [](const ProfileHandle& h, double share) { return reachable_bandwidth_share(*h.profile, share); },
      py::arg("sm_share"), "Share of the bandwidth that a share of the SMs can draw.");
  cls.def(
      "mps_sms",
      [](const ProfileHandle& h, int sms, double percentage) { return mps_sms(*h.profile, sms, percentage); },
      py::arg("partition_sms"), py::arg("active_thread_percentage"),
      "SMs that an MPS client sees under a cap, rounded as the hardware does.");
  cls.def("__repr__", [](const ProfileHandle& h) {
    return "<Profile " + h.profile->name + ": " + h.profile->title + ">";
  });
  cls.def("__reduce__", [module](const ProfileHandle& h) {
    return py::make_tuple(module.attr(h.is_text ? "parse_profile" : "load_profile"),
                          py::make_tuple(h.origin));
  });
  module.def("load_profile", &load_profile_handle, py::arg("name_or_path"),
             "Reads a profile by name or file path.");
  module.def("parse_profile", &parse_profile_handle, py::arg("json"), py::arg("source") = "",
             "Reads a profile from JSON text.");
  module.def("profile_document", &profile_document, py::arg("name_or_path"),
             "The JSON document of a profile.");
  module.def("profile_of_machine", &profile_of_machine, py::arg("machine"),
             "The profile of the cards of a cloud's machine; empty for other names.");
  module.def("profile_names", &profile_names, "Names that load_profile knows.");
}

}  // namespace gpushare::python
