#pragma once

#include <limits>
#include <optional>
#include <string_view>

#include "gpushare/figures.hpp"
#include "gpushare/summary.hpp"

/// How the figures of a summary are read from it: what stands in a row of the tables of figures.cpp.
namespace gpushare {

/// A figure of a part of a summary, or of the whole.
template <class Part>
struct FigureRow {
  FigureInfo info;
  std::optional<double> (*value)(const Part&, std::string_view name);
};

template <class Part, class T>
Part owner_of(T Part::*);

template <auto member>
std::optional<double> if_counted(const decltype(owner_of(member))& part, std::string_view /*name*/) {
  return part.*member;
}

template <auto member>
std::optional<double> field(const decltype(owner_of(member))& part, std::string_view /*name*/) {
  return static_cast<double>(part.*member);
}

// What an engine counts by the name of the figure.
inline std::optional<double> counted(const ServiceSummary& service, std::string_view name) {
  return static_cast<double>(service.count(name));
}

// Of services that serve token by token.
inline std::optional<double> if_llm(const ServiceSummary& service, std::string_view name) {
  return service.count("max_num_seqs") == 0 ? std::nullopt : counted(service, name);
}

inline std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? std::nullopt : std::optional(static_cast<double>(part) / static_cast<double>(whole));
}

// Mean over the partitions, each counted by the memory it was given and the time it was there.
template <double PartitionSummary::*figure>
std::optional<double> over_partitions(const Summary& summary, std::string_view /*name*/) {
  double total = 0, sum = 0;
  for (const PartitionSummary& part : summary.partitions) {
    const double weight = part.memory_allocated_bytes * part.present;
    total += weight;
    sum += part.*figure * weight;
  }
  return total > 0 ? sum / total : std::numeric_limits<double>::quiet_NaN();
}

// A latency that nobody had is missing, not zero.
template <double LatencySummary::*statistic>
std::optional<double> if_any(const LatencySummary& latency, std::string_view /*name*/) {
  return latency.count > 0 ? latency.*statistic : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace gpushare
