#include "results/summary.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"

namespace gpushare {

Table partition_table(const Summary& summary) {
  Table table;
  table.name = "partitions";
  const auto add = [&](const char* name, Column::Type type) -> Column& {
    Column& column = table.columns.emplace_back();
    column.name = name;
    column.type = type;
    return column;
  };
  const auto text = [&](const char* name, auto&& value_of) {
    Column& column = add(name, Column::Type::category);
    for (const PartitionSummary& part : summary.partitions) {
      const std::string value = value_of(part);
      const auto found = std::find(column.categories.begin(), column.categories.end(), value);
      column.codes.push_back(static_cast<std::int32_t>(found - column.categories.begin()));
      if (found == column.categories.end()) column.categories.push_back(value);
    }
  };
  text("partition", [](const PartitionSummary& part) { return part.name; });
  text("sharing", [](const PartitionSummary& part) { return part.sharing; });
  text("processes", [](const PartitionSummary& part) { return text::join(part.processes, ", "); });
  const std::pair<const char*, double PartitionSummary::*> figures[] = {
      {"busy", &PartitionSummary::busy},
      {"switching", &PartitionSummary::switching},
      {"compute_utilisation", &PartitionSummary::compute_utilisation},
      {"bandwidth_utilisation", &PartitionSummary::bandwidth_utilisation},
      {"memory_used_bytes", &PartitionSummary::memory_used_bytes},
      {"memory_allocated_bytes", &PartitionSummary::memory_allocated_bytes}};
  for (const auto& [name, figure] : figures) {
    Column& column = add(name, Column::Type::float64);
    for (const PartitionSummary& part : summary.partitions) column.numbers.push_back(part.*figure);
  }
  return table;
}

}  // namespace gpushare
