#include "gpushare/figures.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

/// Whole numbers are an int in Python.
py::object number(const FigureInfo& info, double value) {
  if (info.kind == FigureKind::count) return py::int_(static_cast<std::int64_t>(value));
  return py::float_(value);
}

/// "p95" of "p95_s": a latency's figures are nested under what they are.
std::string_view statistic_of(std::string_view name) {
  return name.ends_with("_s") ? name.substr(0, name.size() - 2) : name;
}

py::dict info_dict(const FigureInfo& info) {
  py::dict d;
  d["name"] = info.name;
  d["unit"] = info.unit;
  d["kind"] = to_string(info.kind);
  d["better"] = to_string(info.better);
  d["title"] = info.title;
  d["scale"] = info.scale;
  d["decimals"] = info.decimals < 0 ? py::object(py::none()) : py::object(py::int_(info.decimals));
  d["meaning"] = info.meaning;
  d["notable"] = info.notable;
  return d;
}

py::dict table() {
  py::dict d;
  for (const FigureScope scope :
       {FigureScope::run, FigureScope::latency, FigureScope::partition, FigureScope::service}) {
    py::list infos;
    for (const FigureInfo& info : figures_of(scope)) infos.append(info_dict(info));
    d[py::cast(to_string(scope))] = infos;
  }
  return d;
}

py::list metrics() {
  py::list all;
  for (const LatencyMetric& metric : latency_metrics())
    all.append(py::make_tuple(metric.name, metric.title, metric.felt, metric.meaning));
  return all;
}

Bottleneck::Cause cause_named(const std::string& name) {
  using Cause = Bottleneck::Cause;
  for (const Cause cause : {Cause::nothing, Cause::admission, Cause::own_latency, Cause::host,
                            Cause::gpu_time, Cause::memory_bandwidth, Cause::compute})
    if (to_string(cause) == name) return cause;
  throw py::value_error("unknown cause \"" + name + "\"");
}

/// In words, and in few.
py::tuple bottleneck_words(const std::string& cause, const std::string& service, const std::string& partition,
                           double busy, double switching, double service_busy) {
  Bottleneck bottleneck;
  bottleneck.cause = cause_named(cause);
  bottleneck.busy = busy;
  bottleneck.switching = switching;
  bottleneck.service_busy = service_busy;
  return py::make_tuple(to_string(bottleneck, service, partition), brief(bottleneck, service));
}

py::list traffic_list(const Summary& summary) {
  py::list list;
  for (const TrafficSummary& traffic : summary.traffic) {
    py::dict d;
    d["name"] = traffic.name;
    d["kind"] = traffic.kind;
    d["offered_rate"] = traffic.offered_rate;
    d["served_rate"] = traffic.served_rate;
    d["backlog"] = traffic.backlog;
    d["backlog_in_middle"] = traffic.backlog_in_middle;
    d["late"] = traffic.late;
    d["cleared_after_s"] = traffic.cleared_after_s;
    d["rejected"] = traffic.rejected;
    d["failed"] = traffic.failed;
    if (traffic.timed_out) d["timed_out"] = *traffic.timed_out;
    if (traffic.retried) d["retried"] = *traffic.retried;
    if (traffic.held_back) {
      d["held_back"] = *traffic.held_back;
      d["longest_hold_s"] = traffic.longest_hold_s;
    }
    d["waits_s"] = std::vector<double>(traffic.waits_s.begin(), traffic.waits_s.end());
    d["keeps_up"] = traffic.keeps_up;
    d["settles"] = traffic.settles;
    list.append(d);
  }
  return list;
}

}  // namespace

py::dict summary_dict(const Summary& summary) {
  py::dict d;
  d["limiting_resource"] = to_string(summary.bottleneck, summary);
  d["traffic"] = traffic_list(summary);
  std::vector<py::dict> latencies(summary.latencies.size()), partitions, services;
  for (const PartitionSummary& partition : summary.partitions) {
    py::dict& figures = partitions.emplace_back();
    figures["name"] = partition.name;
    figures["gpu"] = partition.gpu;
    figures["sharing"] = partition.sharing;
    figures["gone"] = partition.gone;
    figures["processes"] = partition.processes;
  }
  for (const ServiceSummary& service : summary.services) services.emplace_back()["name"] = service.name;
  for_each_figure(summary, [&](const Figure& figure) {
    const std::string_view name = figure.info->name;
    const py::object value = number(*figure.info, figure.value);
    switch (figure.scope) {
      case FigureScope::run:
        d[py::cast(name)] = value;
        break;
      case FigureScope::latency:
        latencies[figure.index][py::cast(statistic_of(name))] = value;
        break;
      case FigureScope::partition:
        partitions[figure.index][py::cast(name)] = value;
        break;
      case FigureScope::service:
        services[figure.index][py::cast(name)] = value;
        break;
    }
  });
  py::dict by_name;
  for (std::size_t i = 0; i < latencies.size(); ++i)
    by_name[py::str(summary.latencies[i].name)] = latencies[i];
  d["latencies"] = by_name;
  d["partitions"] = partitions;
  d["services"] = services;
  return d;
}

py::dict figures_dict(const Summary& summary) {
  py::dict d;
  for_each_figure(
      summary, [&](const Figure& figure) { d[py::str(figure.name)] = number(*figure.info, figure.value); });
  return d;
}

py::dict bottleneck_dict(const Summary& summary) {
  const Bottleneck& b = summary.bottleneck;
  const auto name = [](const auto& parts, int index) {
    return index < 0 ? std::string() : parts[static_cast<std::size_t>(index)].name;
  };
  py::dict d;
  d["cause"] = to_string(b.cause);
  d["service"] = name(summary.services, b.service);
  d["partition"] = name(summary.partitions, b.partition);
  d["busy"] = b.busy;
  d["switching"] = b.switching;
  d["service_busy"] = b.service_busy;
  return d;
}

void register_figures(py::module_& module) {
  module.def("figure_table", &table, "Every figure, by what it belongs to.");
  module.def("latency_metrics", &metrics, "Name, title, whether users feel it, and meaning of latencies.");
  module.def(
      "figure_info",
      [](const std::string& name) {
        const auto info = figure_info(name);
        return info ? py::object(info_dict(*info)) : py::none();
      },
      py::arg("name"), "What a canonical name means; None for one that no run has.");
  module.def(
      "resolve_figure",
      [](const std::vector<std::string>& names, const std::string& text, const std::string& only_pipeline) {
        return resolve_figure(names, text, only_pipeline);
      },
      py::arg("names"), py::arg("text"), py::arg("only_pipeline") = "", "The canonical name that is meant.");
  module.def(
      "parse_bound",
      [](const std::vector<std::string>& names, const std::string& text, const std::string& only_pipeline) {
        const FigureBound bound = parse_bound(names, text, only_pipeline);
        return py::make_tuple(bound.name, bound.value, bound.at_most);
      },
      py::arg("names"), py::arg("text"), py::arg("only_pipeline") = "",
      "Canonical name, value, and whether the figure is at most that.");
  module.def("bottleneck_words", &bottleneck_words, py::arg("cause"), py::arg("service"),
             py::arg("partition"), py::arg("busy"), py::arg("switching"), py::arg("service_busy"),
             "A bottleneck in words, and in few.");
}

}  // namespace gpushare::python
