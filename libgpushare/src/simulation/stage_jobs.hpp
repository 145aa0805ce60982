#pragma once

#include <cstdint>

#include "gpushare/random.hpp"
#include "results/request.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// Which of the workload's pipelines it goes through.
[[nodiscard]] inline std::size_t pipeline_number(const Workload& workload, const Request& request) {
  return static_cast<std::size_t>(workload.traffic[static_cast<std::size_t>(request.traffic)].pipeline);
}
/// Tokens of a sentence of the request's reply, as a stage takes them.
[[nodiscard]] std::uint32_t sentence_tokens(const Request& request, const Stage& stage);
/// How many of them its reply has.
[[nodiscard]] std::uint32_t sentences(const Request& request, const Stage& stage);
/// What a stage asks of its service; `luck` is the service's. The request must stay where it is.
[[nodiscard]] Job make_job(const Workload& workload, Request& request, std::uint32_t slot, std::uint8_t stage,
                           const Stream& luck);

}  // namespace gpushare
