#include "gpushare/run_log.hpp"

#include <initializer_list>
#include <limits>
#include <utility>

namespace gpushare {
namespace {

double seconds(Time time) {
  return time == kNever ? std::numeric_limits<double>::quiet_NaN() : to_seconds(time);
}

// A table that takes its rows one after the other.
class Rows {
 public:
  Rows(std::string name, std::vector<std::pair<std::string, std::vector<std::string>>> categories,
       std::vector<std::string> integers, std::vector<std::string> numbers) {
    table_.name = std::move(name);
    for (auto& category : categories)
      add(std::move(category.first), Column::Type::category, std::move(category.second));
    for (auto& column : integers) add(std::move(column), Column::Type::int64);
    for (auto& column : numbers) add(std::move(column), Column::Type::float64);
  }
  void add(std::initializer_list<std::int64_t> codes, std::initializer_list<std::int64_t> integers,
           std::initializer_list<double> numbers) {
    std::size_t next = 0;
    for (const auto code : codes) table_.columns[next++].codes.push_back(static_cast<std::int32_t>(code));
    for (const auto integer : integers) table_.columns[next++].integers.push_back(integer);
    for (const auto number : numbers) table_.columns[next++].numbers.push_back(number);
  }
  [[nodiscard]] Table take() { return std::move(table_); }

 private:
  void add(std::string name, Column::Type type, std::vector<std::string> words = {}) {
    Column& column = table_.columns.emplace_back();
    column.name = std::move(name);
    column.type = type;
    column.categories = std::move(words);
  }
  Table table_;
};

}  // namespace

std::vector<Table> to_tables(const RunLog& log) {
  std::vector<std::string> partitions;
  for (const RunLog::Partition& partition : log.partitions) partitions.push_back(partition.name);
  const std::vector<std::string> phases{"batch",  "chunk",   "text",   "frame",
                                        "vocode", "prefill", "decode", "mixed"};

  Rows processes("processes", {{"service", log.services}, {"partition", partitions}},
                 {"replica", "rank", "gpu"}, {"started_s", "stopped_s"});
  for (const RunLog::Process& p : log.processes)
    processes.add({p.service, p.partition}, {p.replica, p.rank, log.partitions[p.partition].gpu},
                  {seconds(p.started), seconds(p.stopped)});
  Rows holds("holds", {{"partition", partitions}}, {"process", "switching"}, {"begin_s", "end_s"});
  for (const RunLog::Hold& h : log.holds)
    holds.add({h.partition}, {h.process, h.switching ? 1 : 0}, {seconds(h.begin), seconds(h.end)});
  Rows shares("shares", {{"partition", partitions}}, {"process"}, {"begin_s", "end_s", "rate"});
  for (const RunLog::Share& s : log.shares)
    shares.add({s.partition}, {s.process}, {seconds(s.begin), seconds(s.end), s.rate});
  Rows steps("steps", {{"phase", phases}, {"partition", partitions}, {"service", log.services}},
             {"process", "replica", "rank", "gpu"},
             {"planned_s", "gpu_start_s", "gpu_end_s", "done_s", "items"});
  for (const RunLog::Step& s : log.steps) {
    const RunLog::Process& p = log.processes[s.process];
    steps.add({static_cast<std::int64_t>(s.phase), p.partition, p.service},
              {s.process, p.replica, p.rank, log.partitions[p.partition].gpu},
              {seconds(s.planned), seconds(s.gpu_start), seconds(s.gpu_end), seconds(s.done), s.items});
  }
  std::vector<Table> tables;
  for (Rows* rows : {&processes, &holds, &shares, &steps}) tables.push_back(rows->take());
  return tables;
}

}  // namespace gpushare
