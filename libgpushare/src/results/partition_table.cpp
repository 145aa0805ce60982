#include "results/partition_table.hpp"

#include <algorithm>
#include <limits>

#include "core/text.hpp"
#include "gpushare/figures.hpp"

namespace gpushare {
namespace {

template <class Text>
Column text_column(const char* name, const Summary& summary, Text&& text_of) {
  Column column;
  column.name = name;
  column.type = Column::Type::category;
  for (const PartitionSummary& partition : summary.partitions) {
    const std::string text = text_of(partition);
    const auto found = std::find(column.categories.begin(), column.categories.end(), text);
    column.codes.push_back(static_cast<std::int32_t>(found - column.categories.begin()));
    if (found == column.categories.end()) column.categories.push_back(text);
  }
  return column;
}

}  // namespace

Table partition_table(const Summary& summary) {
  Table table;
  table.name = "partitions";
  using Part = PartitionSummary;
  table.columns.push_back(text_column("partition", summary, [](const Part& part) { return part.name; }));
  table.columns.push_back(text_column("sharing", summary, [](const Part& part) { return part.sharing; }));
  table.columns.push_back(
      text_column("processes", summary, [](const Part& part) { return text::join(part.processes, ", "); }));
  for (const FigureInfo& info : figures_of(FigureScope::partition)) {
    Column& column = table.columns.emplace_back();
    column.name = info.name;
    for (const Part& part : summary.partitions)
      column.numbers.push_back(figure(part, info.name).value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return table;
}

}  // namespace gpushare
