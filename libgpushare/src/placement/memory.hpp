#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpushare/fits.hpp"

namespace gpushare::scenario {

/// An LLM that cannot cache this many tokens cannot serve.
inline constexpr int kLeastCachedTokens = 1024;

/// The smallest partition memory that admits one process of the service when it is alone there, bytes.
[[nodiscard]] double required_memory(const Service& service, const GpuProfile& profile);
/// What of the processes that share memory with `partition` does not fit first; its `gpu` is 0.
[[nodiscard]] std::optional<Misfit> memory_misfit(const std::vector<Service>& services,
                                                  const GpuPlacement& gpu, std::size_t partition);
/// The sum and a remedy.
[[nodiscard]] std::string memory_refusal(const std::vector<Service>& services, const GpuPlacement& gpu,
                                         const Misfit& misfit);

}  // namespace gpushare::scenario
