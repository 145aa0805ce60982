#pragma once

#include <cstdint>
#include <memory>

#include "gpushare/workload.hpp"
#include "results/request.hpp"
#include "simulation/luck.hpp"

/// What prompts have in common with others, where the engines keep prefixes.
namespace gpushare {

/// Whether an engine on the traffic's way keeps prefixes.
[[nodiscard]] bool caches_prefixes(const Workload& workload, const Traffic& traffic);

/// Of a prompt that begins with the traffic's system prompt, if it has one.
[[nodiscard]] std::shared_ptr<PromptPrefix> new_prefix(const Luck& luck, const Request& request,
                                                       const Traffic& traffic);
/// Of a row whose blocks the trace names.
[[nodiscard]] std::shared_ptr<PromptPrefix> trace_prefix(const Request& request, const Trace& trace,
                                                         std::size_t row);

/// Whose conversation it is.
struct Conversation {
  int traffic = 0;
  std::int64_t who = 0;      ///< the user or call
  std::int64_t session = 0;  ///< of a user's
};
/// The turn's prompt begins with all that was said so far; `said` then holds this turn too.
[[nodiscard]] std::shared_ptr<PromptPrefix> next_turn_prefix(std::shared_ptr<PromptPrefix>& said,
                                                             const Conversation& conversation, int turn,
                                                             const Request& request);
/// Of a call's turn, in whose prompt is what was said and heard: `said` and `last_key` (of the last turn's own part)
/// then hold this turn too. All calls of a traffic share the system prompt where it is as long; a prompt that is
/// shorter than what came before has lost its front, and nothing of it is known.
[[nodiscard]] std::shared_ptr<PromptPrefix> call_prefix(std::shared_ptr<PromptPrefix>& said,
                                                        std::uint64_t& last_key,
                                                        const Conversation& conversation,
                                                        std::size_t next_turn, const CallTurn& turn);

}  // namespace gpushare
