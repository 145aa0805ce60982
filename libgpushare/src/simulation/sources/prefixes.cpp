#include "simulation/sources/prefixes.hpp"

#include <algorithm>

namespace gpushare {
namespace {

enum class Kind : std::uint64_t { system = 1, session, request, trace };

/// A key that no other kind, traffic or number has (up to hash collisions).
std::uint64_t key_of(Kind kind, std::uint64_t traffic, std::uint64_t number, std::uint64_t part) {
  std::uint64_t key = static_cast<std::uint64_t>(kind);
  for (const std::uint64_t next : {traffic, number, part}) {  // SplitMix64's finaliser
    key = (key ^ next) + 0x9E3779B97F4A7C15ull;
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9ull;
    key = (key ^ (key >> 27)) * 0x94D049BB133111EBull;
    key ^= key >> 31;
  }
  return key;
}

std::uint64_t who(const Conversation& conversation) {
  return (static_cast<std::uint64_t>(conversation.traffic) << 32) |
         static_cast<std::uint64_t>(conversation.who);
}

}  // namespace

bool caches_prefixes(const Workload& workload, const Traffic& traffic) {
  const Pipeline& pipeline = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)];
  return std::any_of(pipeline.stages.begin(), pipeline.stages.end(), [&](const Stage& stage) {
    return stage.service >= 0 &&
           caches_prefixes(workload.services[static_cast<std::size_t>(stage.service)].engine);
  });
}

std::shared_ptr<PromptPrefix> new_prefix(const Luck& luck, const Request& request, const Traffic& traffic) {
  auto prefix = std::make_shared<PromptPrefix>();
  const auto number = static_cast<std::uint64_t>(request.traffic);
  prefix->rest_key = key_of(Kind::request, number, request.uid, 0);
  const auto tokens = static_cast<std::uint32_t>(traffic.system_prompt_tokens);
  if (tokens == 0) return prefix;
  Stream choice = luck.stream("system_prompt/" + traffic.name).at(request.uid);
  const auto which = static_cast<std::uint64_t>(choice.uniform() * traffic.system_prompts);
  prefix->stretches.push_back(
      {key_of(Kind::system, number, which, 0), std::min(tokens, request.input_tokens)});
  return prefix;
}

std::shared_ptr<PromptPrefix> trace_prefix(const Request& request, const Trace& trace, std::size_t row) {
  auto prefix = std::make_shared<PromptPrefix>();
  prefix->rest_key = key_of(Kind::request, static_cast<std::uint64_t>(request.traffic), request.uid, 0);
  const auto first = static_cast<std::size_t>(trace.hash_starts[row]);
  const auto last = static_cast<std::size_t>(trace.hash_starts[row + 1]);
  const auto block = static_cast<std::uint64_t>(trace.block_tokens);
  for (std::size_t i = first; i < last; ++i) {
    const std::uint64_t end = std::min<std::uint64_t>(block * (i - first + 1), request.input_tokens);
    prefix->stretches.push_back({key_of(Kind::trace, static_cast<std::uint64_t>(request.traffic),
                                        static_cast<std::uint64_t>(trace.hash_ids[i]), 0),
                                 static_cast<std::uint32_t>(end)});
  }
  return prefix;
}

std::shared_ptr<PromptPrefix> next_turn_prefix(std::shared_ptr<PromptPrefix>& said,
                                               const Conversation& conversation, int turn,
                                               const Request& request) {
  auto prefix = std::make_shared<PromptPrefix>(*said);
  prefix->rest_key =
      key_of(Kind::session, who(conversation), static_cast<std::uint64_t>(conversation.session),
             static_cast<std::uint64_t>(turn));
  said = std::make_shared<PromptPrefix>(*prefix);
  said->stretches.push_back({prefix->rest_key, request.input_tokens + request.output_tokens});
  return prefix;
}

std::shared_ptr<PromptPrefix> call_prefix(std::shared_ptr<PromptPrefix>& said, std::uint64_t& last_key,
                                          const Conversation& conversation, std::size_t next_turn,
                                          const CallTurn& turn) {
  const auto traffic = static_cast<std::uint64_t>(conversation.traffic);
  const std::uint32_t before = turn.prompt_tokens - std::min(turn.user_tokens, turn.prompt_tokens);
  if (!said) {
    said = std::make_shared<PromptPrefix>();
    if (before > 0) said->stretches.push_back({key_of(Kind::system, traffic, 0, before), before});
  } else if (said->stretches.empty() || before > said->stretches.back().end_tokens) {
    said->stretches.push_back({last_key, before});
  } else {
    said->stretches.clear();
  }
  auto prefix = std::make_shared<PromptPrefix>(*said);
  prefix->rest_key = key_of(Kind::session, who(conversation), 0, next_turn);
  last_key = prefix->rest_key;
  return prefix;
}

}  // namespace gpushare
