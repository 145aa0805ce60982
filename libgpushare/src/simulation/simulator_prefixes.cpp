#include <algorithm>

#include "simulation/simulator.hpp"

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

}  // namespace

bool Simulator::caches_prefixes(const Traffic& traffic) const {
  const Pipeline& pipeline = scenario_.workload.pipelines[static_cast<std::size_t>(traffic.pipeline)];
  return std::any_of(pipeline.stages.begin(), pipeline.stages.end(), [&](const Stage& stage) {
    return stage.service >= 0 &&
           gpushare::caches_prefixes(
               scenario_.workload.services[static_cast<std::size_t>(stage.service)].engine);
  });
}

std::shared_ptr<PromptPrefix> Simulator::new_prefix(const Request& request, const Traffic& traffic) const {
  auto prefix = std::make_shared<PromptPrefix>();
  const auto number = static_cast<std::uint64_t>(request.traffic);
  prefix->rest_key = key_of(Kind::request, number, request.uid, 0);
  const auto tokens = static_cast<std::uint32_t>(traffic.system_prompt_tokens);
  if (tokens == 0) return prefix;
  Stream luck = stream("system_prompt/" + traffic.name).at(request.uid);
  const auto which = static_cast<std::uint64_t>(luck.uniform() * traffic.system_prompts);
  prefix->stretches.push_back(
      {key_of(Kind::system, number, which, 0), std::min(tokens, request.input_tokens)});
  return prefix;
}

std::shared_ptr<PromptPrefix> Simulator::trace_prefix(const Request& request, const Trace& trace,
                                                      std::size_t row) const {
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

// The turn's prompt begins with all that was said; the next one's with this turn as well. What a limit drops from the
// front makes the rest another text.
void Simulator::carry_on(User& user, Request& request, double dropped_tokens) {
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(user.traffic)];
  const std::uint64_t session = static_cast<std::uint64_t>(user.turn / traffic.turns_per_session);
  if (!user.said) user.said = new_prefix(request, traffic);
  if (dropped_tokens > 0) user.said->stretches.resize(traffic.system_prompt_tokens > 0 ? 1 : 0);
  auto prefix = std::make_shared<PromptPrefix>(*user.said);
  prefix->rest_key =
      key_of(Kind::session,
             (static_cast<std::uint64_t>(user.traffic) << 32) | static_cast<std::uint64_t>(user.number),
             session, static_cast<std::uint64_t>(user.turn));
  user.said = std::make_shared<PromptPrefix>(*prefix);
  user.said->stretches.push_back({prefix->rest_key, request.input_tokens + request.output_tokens});
  request.prefix = std::move(prefix);
}

// What was said and heard is in the next prompt, but for the system prompt, which all calls of a traffic share where it
// is as long. A prompt that is shorter than that has lost its front: nothing of it is known.
void Simulator::carry_on(Call& call, const CallTurn& turn, Request& request) {
  const auto traffic = static_cast<std::uint64_t>(call.traffic);
  const std::uint32_t before = turn.prompt_tokens - std::min(turn.user_tokens, turn.prompt_tokens);
  if (!call.said) {
    call.said = std::make_shared<PromptPrefix>();
    if (before > 0) call.said->stretches.push_back({key_of(Kind::system, traffic, 0, before), before});
  } else {
    auto& stretches = call.said->stretches;
    if (stretches.empty() || before > stretches.back().end_tokens) {
      stretches.push_back({call.last_key, before});
    } else {
      stretches.clear();
    }
  }
  auto prefix = std::make_shared<PromptPrefix>(*call.said);
  prefix->rest_key =
      key_of(Kind::session, (traffic << 32) | static_cast<std::uint64_t>(call.number), 0, call.turn);
  call.last_key = prefix->rest_key;
  request.prefix = std::move(prefix);
}

}  // namespace gpushare
