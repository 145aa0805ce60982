#include "gpushare/json_rows.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "handles.hpp"

namespace gpushare::python {

namespace {

/// An int or float as Python's json reads it.
py::object number_of(std::string_view text) {
  if (text.find_first_of(".eE") != std::string_view::npos)
    return py::float_(py::str(text.data(), text.size()));
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return py::int_(value);
  return py::reinterpret_steal<py::object>(PyLong_FromString(std::string(text).c_str(), nullptr, 10));
}

py::object object_of(const JsonLeaf& leaf) {
  switch (leaf.kind) {
    case JsonLeaf::Kind::text:
      return py::str(leaf.text.data(), leaf.text.size());
    case JsonLeaf::Kind::number:
      return number_of(leaf.text);
    case JsonLeaf::Kind::null:
      return py::none();
    default:
      return py::bool_(leaf.kind == JsonLeaf::Kind::yes);
  }
}

/// What members are wanted for, as a function of Python's says it of each path once.
class Names {
 public:
  explicit Names(const py::function& name) : name_(name) {}

  int operator()(std::span<const std::string> path) {
    const std::vector<std::string> key(path.begin(), path.end());
    const auto known = numbers_.find(key);
    if (known != numbers_.end()) return known->second;
    constexpr std::size_t kRemembered = 4096;
    if (numbers_.size() == kRemembered) numbers_.clear();
    return numbers_[key] = number(key);
  }
  [[nodiscard]] const py::str& name(std::size_t number) const { return names_[number]; }

 private:
  int number(const std::vector<std::string>& path) {
    py::tuple names(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) names[i] = py::str(path[i]);
    const py::object name = name_(names);
    if (name.is_none()) return -1;
    const auto same = [&](const py::str& other) { return other.equal(name); };
    const auto found = std::find_if(names_.begin(), names_.end(), same);
    const auto number = static_cast<int>(found - names_.begin());
    if (found == names_.end()) names_.push_back(py::str(name));
    return number;
  }

  const py::function& name_;
  std::map<std::vector<std::string>, int> numbers_;
  std::vector<py::str> names_;
};

/// The row, by what its members are wanted for.
py::dict row_of(std::span<const JsonLeaf> leaves, const Names& names) {
  py::dict row;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].kind == JsonLeaf::Kind::absent) continue;
    row[names.name(i)] = object_of(leaves[i]);
  }
  return row;
}

py::object json_rows(std::string_view text, const py::function& name, const py::function& otherwise) {
  Names names(name);
  JsonRows rows([&](std::span<const std::string> path) { return names(path); });
  py::list found;
  const bool whole = rows.read(text, [&](std::span<const JsonLeaf> leaves, std::string_view line) {
    const bool told = !leaves.empty() || line.empty();
    found.append(told ? py::object(row_of(leaves, names)) : otherwise(py::bytes(line.data(), line.size())));
  });
  return whole ? py::object(found) : py::none();
}

py::object bytes_of(const std::optional<std::string>& text) {
  return text ? py::object(py::bytes(*text)) : py::none();
}

}  // namespace

void register_json_rows(py::module_& module) {
  module.def("json_rows", &json_rows, py::arg("text"), py::arg("name"), py::arg("otherwise"),
             "The members of rows of JSON that name(path) gives a name to, by it; otherwise(line) stands for "
             "lines that "
             "are left to a reader of all JSON, None for a list that is.");
  module.def(
      "json_members",
      [](std::string_view text) -> py::object {
        const auto members = json_members(text);
        if (!members) return py::none();
        py::list found;
        for (const JsonMember& member : *members)
          found.append(py::make_tuple(member.name, py::bytes(member.text.data(), member.text.size()),
                                      member.lists_objects));
        return found;
      },
      py::arg("text"),
      "Name and value as written of an object's members, and whether it is a list of objects; None for other "
      "texts.");
  module.def(
      "lines_of_rows",
      [](std::string_view names, std::string_view rows) { return bytes_of(lines_of_rows(names, rows)); },
      py::arg("names"), py::arg("rows"), "Rows as JSON lines; None for anything else than lists of JSON.");
  module.def(
      "lines_of_columns", [](std::string_view text) { return bytes_of(lines_of_columns(text)); },
      py::arg("text"), "Rows of columns as JSON lines; None for anything else than columns of one length.");
  module.def(
      "lines_of_spans",
      [](std::string_view text) -> py::object {
        const auto lines = lines_of_spans(text);
        if (!lines) return py::none();
        py::list found;
        for (const std::string& line : *lines) found.append(py::bytes(line));
        return found;
      },
      py::arg("text"), "Spans of OpenTelemetry as JSON lines; None for anything else.");
}

}  // namespace gpushare::python
