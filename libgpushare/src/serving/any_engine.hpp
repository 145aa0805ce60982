#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "serving/batch_engine.hpp"
#include "serving/continuous_engine.hpp"
#include "serving/slot_engine.hpp"
#include "serving/stream_engine.hpp"

namespace gpushare {

using AnyEngine = std::variant<BatchEngine, StreamEngine, SlotEngine, ContinuousEngine>;

/// The engine of a process, by the make_engine of its options. The model must be of a kind that it serves (engines_for).
[[nodiscard]] inline AnyEngine make_engine(const EngineSite& site) {
  return std::visit([&](const auto& options) -> AnyEngine { return make_engine(options, site); },
                    site.process.engine.options);
}

/// The latencies that an engine of such options measures itself, ascending.
[[nodiscard]] inline std::span<const std::string_view> latencies_of(const Engine& engine) {
  return std::visit(
      [](const auto& options) -> std::span<const std::string_view> {
        using Built = decltype(make_engine(options, std::declval<const EngineSite&>()));
        if constexpr (requires { Built::kLatencies; }) return Built::kLatencies;
        return {};
      },
      engine.options);
}

}  // namespace gpushare
