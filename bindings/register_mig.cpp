#include "handles.hpp"

namespace gpushare::python {

namespace {

std::vector<LayoutHandle> handles(const ProfileHandle& profile, std::vector<Layout> layouts) {
  std::vector<LayoutHandle> result;
  result.reserve(layouts.size());
  for (Layout& layout : layouts) result.push_back(make_layout(profile, std::move(layout)));
  return result;
}

using Enumerate = std::vector<Layout> (*)(const GpuProfile&, LayoutOptions);

void def_enumeration(py::module_& module, const char* name, Enumerate enumerate, const char* doc) {
  module.def(
      name,
      [enumerate](const ProfileHandle& profile, bool double_memory, bool before_r510) {
        const LayoutOptions options{double_memory, before_r510};
        return handles(profile, enumerate(*profile.profile, options));
      },
      py::arg("profile"), py::kw_only(), py::arg("double_memory") = false, py::arg("before_r510") = false,
      py::call_guard<py::gil_scoped_release>(), doc);
}

py::list instance_list(const LayoutHandle& h) {
  py::list list;
  for (const Instance& instance : h.layout.instances) {
    const MigProfile& profile = h.profile.profile->mig[static_cast<std::size_t>(instance.profile)];
    py::dict d;
    d["profile"] = profile.name;
    d["start"] = instance.start;
    d["compute_instances"] = instance.compute_instances;
    list.append(d);
  }
  return list;
}

py::list partition_list(const LayoutHandle& h) {
  py::list list;
  for (const Partition& p : partitions(*h.profile.profile, h.layout)) {
    py::dict d;
    d["name"] = p.name;
    d["memory_domain"] = p.memory_domain;
    d["sms"] = p.sms;
    d["bandwidth_bytes_per_s"] = p.bandwidth_bytes_per_s;
    d["l2_bytes"] = p.l2_bytes;
    d["memory_bytes"] = p.memory_bytes;
    d["nominal_memory_bytes"] = p.nominal_memory_bytes;
    d["copy_engines"] = p.copy_engines;
    d["decoders"] = p.decoders;
    list.append(d);
  }
  return list;
}

}  // namespace

LayoutHandle make_layout(const ProfileHandle& profile, Layout layout) {
  std::string text = format_layout(*profile.profile, layout);
  return {profile, std::move(layout), std::move(text)};
}

void register_mig(py::module_& module) {
  py::class_<LayoutHandle>(module, "Layout", "How one GPU is cut; str() gives \"3g.40gb@0+3g.40gb@4\".")
      .def_property_readonly(
          "profile", [](const LayoutHandle& h) { return h.profile; }, "The GPU's profile.")
      .def_property_readonly(
          "whole", [](const LayoutHandle& h) { return h.layout.whole(); }, "MIG is off.")
      .def_property_readonly(
          "short_name", [](const LayoutHandle& h) { return short_name(*h.profile.profile, h.layout); },
          "Without starts, equal instances grouped: \"7x1g.10gb\".")
      .def_property_readonly("instances", &instance_list, "GPU instances by start, as dicts.")
      .def_property_readonly("partitions", &partition_list, "What each partition owns, as dicts.")
      .def(
          "check",
          [](const LayoutHandle& h, bool double_memory, bool before_r510) {
            check_layout(*h.profile.profile, h.layout, {double_memory, before_r510});
          },
          py::kw_only(), py::arg("double_memory") = false, py::arg("before_r510") = false,
          "Raises LayoutError when the layout is impossible under these options.")
      .def("__len__", [](const LayoutHandle& h) { return h.layout.instances.size(); })
      .def("__bool__", [](const LayoutHandle&) { return true; })
      .def("__str__", [](const LayoutHandle& h) { return h.text; })
      .def("__repr__",
           [](const LayoutHandle& h) { return "<Layout " + h.profile.profile->name + " " + h.text + ">"; })
      .def(
          "__eq__",
          [](const LayoutHandle& a, const LayoutHandle& b) {
            return a.profile.profile->name == b.profile.profile->name && a.text == b.text;
          },
          py::is_operator())
      .def("__hash__",
           [](const LayoutHandle& h) { return py::hash(py::make_tuple(h.profile.profile->name, h.text)); })
      .def("__reduce__", [module](const LayoutHandle& h) {
        return py::make_tuple(module.attr("parse_layout"), py::make_tuple(h.profile, h.text));
      });

  def_enumeration(module, "maximal_layouts", &maximal_layouts, "Layouts to which no instance can be added.");
  def_enumeration(module, "maximal_multisets", &maximal_multisets,
                  "Maximal layouts that differ in their instances.");
  def_enumeration(module, "all_states", &all_states, "Every legal state, the empty one included.");
  module.def(
      "parse_layout",
      [](const ProfileHandle& profile, const std::string& text) {
        return make_layout(profile, parse_layout(*profile.profile, text));
      },
      py::arg("profile"), py::arg("text"), "Reads \"3g.40gb+3g.40gb\", \"7x1g.10gb\" or \"whole\".");
}

}  // namespace gpushare::python
