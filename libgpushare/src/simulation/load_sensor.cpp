#include "simulation/load_sensor.hpp"

#include <utility>

namespace gpushare {

double LoadSensor::read(Time now, const ServiceState& service, LoadMetric metric, bool instant) {
  if (instant) return service.load();
  const double seconds = to_seconds(now - std::exchange(looked_, now));
  const auto since = [&](double& before, double value) {
    return (value - std::exchange(before, value)) / seconds;
  };
  const double in_system = since(in_system_s_, service.load_s(now));
  const double busy = since(busy_s_, service.servers_busy.integral_s(now));
  const double rate = static_cast<double>(service.jobs - std::exchange(jobs_, service.jobs)) / seconds;
  switch (metric) {
    case LoadMetric::in_system:
      return in_system;
    case LoadMetric::rate:
      return rate;
    case LoadMetric::busy:
      return busy;
  }
  return 0;
}

}  // namespace gpushare
