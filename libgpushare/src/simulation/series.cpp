#include "simulation/series.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace gpushare {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kQuantiles{0.5, 0.95, 0.99};
constexpr std::array kQuantileNames{"_p50_s", "_p95_s", "_p99_s"};

}  // namespace

Series::Series(Kernel& kernel, Fleet& fleet, const Meters& meters, const Workload& workload, double window_s,
               Time end)
    : kernel_(kernel),
      fleet_(fleet),
      meters_(meters),
      window_s_(window_s),
      end_(end),
      begin_(Time{} + duration_from_seconds(workload.warmup_s)),
      requests_(workload),
      objectives_(workload.objectives, requests_) {
  if (!wanted()) return;
  table_.name = "series";
  for (const char* name : {"start_s", "end_s", "offered_rate", "served_rate", "rejected_rate", "failed_rate",
                           "gpus_on", "cost_per_hour"})
    add_column(name);
  for (const Service& service : workload.services) {
    add_column(service.name + ".replicas");
    add_column(service.name + ".in_system");
  }
  for (const std::string& name : requests_.names())
    for (const char* quantile : kQuantileNames) add_column(name + quantile);
  seen_.in_system_s.resize(fleet.services.size());
  slot_ = add_slot(kernel, kWindowEvent, Part::series, 0);
  kernel_.set(slot_, std::min(end_, Time{} + duration_from_seconds(window_s_)));
}

void Series::add_column(const std::string& name) {
  Column& column = table_.columns.emplace_back();
  column.name = name;
  column.type = Column::Type::float64;
}

void Series::append_row(Time now, std::uint64_t arrived) {
  const double seconds = to_seconds(now - seen_.time);
  std::size_t next = 0;
  const auto put = [&](double value) { table_.columns[next++].numbers.push_back(value); };
  const auto rate = [&](std::uint64_t count) { put(static_cast<double>(count) / seconds); };
  put(to_seconds(seen_.time));
  put(to_seconds(now));
  rate(arrived - seen_.arrived);
  rate(requests_.ended().completed);
  rate(requests_.ended().rejected);
  rate(requests_.ended().failed);
  put((meters_.gpus_on_s(now) - seen_.gpu_s) / seconds);
  put(meters_.bill().per_hour(seen_.bill, meters_.bill().read(now)));
  for (std::size_t s = 0; s < fleet_.services.size(); ++s) {
    const ServiceState& service = fleet_.services[s];
    put(static_cast<double>(std::count_if(service.present.begin(), service.present.end(), [&](int server) {
      return fleet_.servers[static_cast<std::size_t>(server)].accepts();
    })));
    const double in_system_s = service.load_s(now);
    put((in_system_s - std::exchange(seen_.in_system_s[s], in_system_s)) / seconds);
  }
  for (const Histogram& latency : requests_.latencies())
    for (const double quantile : kQuantiles)
      put(latency.count() > 0 ? latency.quantile_s(quantile) : kNothing);
}

void Series::on_window(Time now, std::uint64_t arrived) {
  append_row(now, arrived);
  if (seen_.time >= begin_)
    objectives_.add(to_seconds(now - seen_.time), seen_.arrived > seen_.ended, requests_);
  requests_.reset();
  seen_.gpu_s = meters_.gpus_on_s(now);
  seen_.bill = meters_.bill().read(now);
  seen_.arrived = arrived;
  seen_.ended = ended_;
  seen_.time = now;
  if (now < end_) kernel_.set(slot_, std::min(end_, now + duration_from_seconds(window_s_)));
}

}  // namespace gpushare
