#include "gpushare/errors.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

const Column& find(const TableHandle& h, const std::string& name) {
  const Column* column = h.table->find(name);
  if (column == nullptr) throw py::key_error("no column \"" + name + "\" in table \"" + h.table->name + "\"");
  return *column;
}

const char* type_name(Column::Type type) {
  switch (type) {
    case Column::Type::float64:
      return "float64";
    case Column::Type::int64:
      return "int64";
    case Column::Type::category:
      break;
  }
  return "category";
}

/// The values of a column: numbers, or the codes of a category column.
py::array values(const TableHandle& h, const Column& column) {
  switch (column.type) {
    case Column::Type::float64:
      return view(h.table, column.numbers);
    case Column::Type::int64:
      return view(h.table, column.integers);
    case Column::Type::category:
      break;
  }
  return view(h.table, column.codes);
}

template <class T>
std::vector<T> copy(const py::handle& values, const std::string& name) {
  const auto array = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(values);
  if (!array || array.ndim() != 1) throw Error(name, "a column is a one-dimensional array of numbers");
  return {array.data(), array.data() + array.size()};
}

Column category_column(const std::string& name, const py::tuple& pair) {
  Column column;
  column.name = name;
  column.type = Column::Type::category;
  if (pair.size() != 2) throw Error(name, "a category column is a pair (codes, categories)");
  column.codes = copy<std::int32_t>(pair[0], name);
  column.categories = pair[1].cast<std::vector<std::string>>();
  const auto count = static_cast<std::int64_t>(column.categories.size());
  for (const std::int32_t code : column.codes) {
    if (code < 0 || code >= count) {
      throw Error(name, "found code " + std::to_string(code) + "; there are " + std::to_string(count) +
                            " categories");
    }
  }
  return column;
}

Column make_column(const std::string& name, const py::handle& data) {
  if (py::isinstance<py::tuple>(data)) return category_column(name, py::reinterpret_borrow<py::tuple>(data));
  Column column;
  column.name = name;
  const py::array array = py::array::ensure(data);
  if (!array)
    throw Error(name, "a column is a one-dimensional array of numbers or a pair (codes, categories)");
  if (array.dtype().kind() == 'i' || array.dtype().kind() == 'u' || array.dtype().kind() == 'b') {
    column.type = Column::Type::int64;
    column.integers = copy<std::int64_t>(array, name);
  } else {
    column.numbers = copy<double>(array, name);
  }
  return column;
}

TableHandle make_table(const std::string& name, const py::dict& columns) {
  Table table;
  table.name = name;
  for (const auto& [key, data] : columns) {
    table.columns.push_back(make_column(key.cast<std::string>(), data));
    if (table.columns.back().size() != table.rows()) {
      throw Error(table.columns.back().name, "found " + std::to_string(table.columns.back().size()) +
                                                 " rows; the first column has " +
                                                 std::to_string(table.rows()));
    }
  }
  return {std::make_shared<const Table>(std::move(table))};
}

py::list column_names(const TableHandle& h) {
  py::list names;
  for (const Column& column : h.table->columns) names.append(column.name);
  return names;
}

}  // namespace

void register_table(py::module_& module) {
  py::class_<TableHandle>(module, "Columns", "Columns of equal length: float64, int64 or category.")
      .def(py::init(&make_table), py::arg("name"), py::arg("columns"),
           "Copies one-dimensional arrays; a category column is a pair (codes, categories).")
      .def_property_readonly(
          "name", [](const TableHandle& h) { return h.table->name; }, "Name of the table.")
      .def_property_readonly("names", &column_names, "Column names, in order.")
      .def("__len__", [](const TableHandle& h) { return h.table->rows(); })
      .def(
          "type",
          [](const TableHandle& h, const std::string& column) { return type_name(find(h, column).type); },
          py::arg("column"), "float64, int64 or category.")
      .def(
          "values",
          [](const TableHandle& h, const std::string& column) { return values(h, find(h, column)); },
          py::arg("column"), "Read-only view of the numbers, or of the codes of a category column.")
      .def(
          "categories",
          [](const TableHandle& h, const std::string& column) { return find(h, column).categories; },
          py::arg("column"), "Names that the codes of a category column index.")
      .def(
          "csv_header", [](const TableHandle& h) { return py::bytes(csv_header(*h.table)); },
          "Column names as a line of CSV in UTF-8.")
      .def(
          "csv_rows",
          [](const TableHandle& h, std::size_t begin, std::size_t end) {
            return py::bytes(csv_rows(*h.table, begin, end));
          },
          py::arg("begin"), py::arg("end"),
          "Rows from `begin` to before `end` as lines of CSV in UTF-8; missing numbers are empty.")
      .def(
          "__arrow_c_stream__", [](const TableHandle& h, const py::object&) { return arrow_stream(h.table); },
          py::arg("requested_schema") = py::none(), "One record batch, by the Arrow C stream interface.");
}

}  // namespace gpushare::python
