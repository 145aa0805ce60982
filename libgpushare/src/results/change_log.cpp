#include "results/change_log.hpp"

namespace gpushare {

ChangeLog::ChangeLog(const std::vector<std::string>& pools, const std::vector<std::string>& services)
    : pools_(pools.size()) {
  using Type = Column::Type;
  const auto column = [&](const char* name, Type type) -> Column& {
    Column& added = table_.columns.emplace_back();
    added.name = name;
    added.type = type;
    return added;
  };
  table_.name = "changes";
  column("at_s", Type::float64);
  column("change", Type::category).categories = {"node ordered",   "node ready",     "node left",
                                                 "replica starts", "replica serves", "replica leaves",
                                                 "GPU closes",     "GPU opens",      "node notified"};
  Column& of = column("of", Type::category);
  of.categories = pools;
  of.categories.insert(of.categories.end(), services.begin(), services.end());
  column("number", Type::int64);
  column("gpu", Type::int64);
}

void ChangeLog::add(Time now, Change change, std::size_t of, std::int64_t number, std::int64_t gpu) {
  table_.columns[0].numbers.push_back(to_seconds(now));
  table_.columns[1].codes.push_back(static_cast<std::int32_t>(change));
  table_.columns[2].codes.push_back(static_cast<std::int32_t>(of));
  table_.columns[3].integers.push_back(number);
  table_.columns[4].integers.push_back(gpu);
}

void ChangeLog::node(Time now, Change change, int pool, int number) {
  add(now, change, static_cast<std::size_t>(pool), number, -1);
}

void ChangeLog::replica(Time now, Change change, int service, int number, std::uint32_t gpu) {
  add(now, change, pools_ + static_cast<std::size_t>(service), number, gpu);
}

void ChangeLog::gpu(Time now, Change change, int pool, std::uint32_t gpu) {
  add(now, change, static_cast<std::size_t>(pool), -1, gpu);
}

}  // namespace gpushare
