#include "gpushare/fields.hpp"

#include <array>

#include "handles.hpp"

namespace gpushare::python {

namespace {

py::dict field_dict(const FieldInfo& field) {
  static constexpr std::array kTypes{"other", "boolean", "integer", "number"};
  static constexpr std::array kInFile{"never", "may", "must"};
  py::dict d;
  d["name"] = field.name;
  d["type"] = kTypes.at(static_cast<std::size_t>(field.type));
  d["description"] = field.description;
  d["minimum"] = field.minimum;
  d["minimum_excluded"] = field.minimum_excluded;
  d["maximum"] = field.maximum;
  d["default"] = field.default_value;
  d["in_file"] = kInFile.at(static_cast<std::size_t>(field.in_file));
  return d;
}

}  // namespace

py::dict values_dict(const FieldValues& values) {
  py::dict d;
  for (const auto& [name, value] : values) d[py::str(name.data(), name.size())] = value;
  return d;
}

py::list kinds_list(const std::vector<KindInfo>& kinds) {
  py::list list;
  for (const KindInfo& kind : kinds) {
    py::list fields;
    for (const FieldInfo& field : kind.fields) fields.append(field_dict(field));
    py::dict d;
    d["name"] = kind.name;
    d["description"] = kind.description;
    d["fields"] = fields;
    d["sourced"] = kind.sourced;
    list.append(d);
  }
  return list;
}

}  // namespace gpushare::python
