#pragma once

#include <string>

#include "gpushare/scenario.hpp"

namespace gpushare::scenario {

/// An LLM that cannot cache this many tokens cannot serve.
inline constexpr int kLeastCachedTokens = 1024;

/// The smallest partition memory that admits one process of the service when it is alone there, bytes.
[[nodiscard]] double required_memory(const Service& service, const GpuProfile& profile);
/// Nothing when every process of the partitions that share memory with `partition` fits; otherwise the sum and a remedy.
[[nodiscard]] std::string memory_refusal(const std::vector<Service>& services, const GpuPlacement& gpu,
                                         std::size_t partition);

}  // namespace gpushare::scenario
