#include "gpushare/yaml.hpp"

#include "handles.hpp"

namespace gpushare::python {

// The package's own reader, which is imported when the first file needs it.
void register_yaml() {
  read_yaml_by([](const std::string& path, std::string_view text) {
    const py::gil_scoped_acquire held;
    const auto read = py::module_::import("gpushare.yaml_documents").attr("json_text");
    return read(path, py::bytes(text)).cast<std::string>();
  });
}

}  // namespace gpushare::python
