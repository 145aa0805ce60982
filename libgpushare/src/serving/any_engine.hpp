#pragma once

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

}  // namespace gpushare
