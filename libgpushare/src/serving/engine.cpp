#include "gpushare/engine.hpp"

#include <algorithm>
#include <string>

#include "core/text.hpp"
#include "gpushare/engines.hpp"
#include "serving/engine_options.hpp"

namespace gpushare {
namespace {

// Calls `ask` with the table of the engine's kind and its options.
template <class Ask>
auto ask_kind(const Engine& engine, Ask&& ask) {
  return std::visit(
      [&]<class Options>(const Options& options) { return ask(EngineTable<Options>{}, options); },
      engine.options);
}

}  // namespace

std::string_view to_string(EngineKind kind) { return kEngineNames.at(static_cast<std::size_t>(kind)); }

bool caches_prefixes(const Engine& engine) {
  return ask_kind(engine, [](auto table, const auto& options) { return table.caches_prefixes(options); });
}

int most_steps_at_once(const Engine& engine) {
  return ask_kind(engine, [](auto table, const auto& options) { return table.most_steps_at_once(options); });
}

CardLimits limits_on(const ContinuousOptions& options, const GpuProfile& gpu, double device_memory_bytes) {
  constexpr double kLargeBytes = 70.0 * 1024 * 1024 * 1024;
  const bool large =
      device_memory_bytes >= kLargeBytes && text::lower_case(gpu.name).find("a100") == std::string::npos;
  const auto there = [large](int usual, int on_large) { return large && on_large > 0 ? on_large : usual; };
  CardLimits limits{there(options.max_num_seqs, options.large_card_max_num_seqs),
                    there(options.max_num_batched_tokens, options.large_card_max_num_batched_tokens)};
  limits.sequences = std::min(limits.sequences, limits.tokens);
  return limits;
}

bool steps_side_by_side(const Engine& engine) {
  const auto* fifo = std::get_if<FifoOptions>(&engine.options);
  return fifo != nullptr && fifo->concurrency > 1;
}

std::vector<KindInfo> engine_kinds() {
  std::vector<KindInfo> kinds;
  for_each_alternative<decltype(Engine::options)>([&]<class Options>(std::type_identity<Options>) {
    KindInfo kind{EngineTable<Options>::kName, EngineTable<Options>::kDescription, {}};
    append_infos<Engine>(kind.fields, kEngineFields);
    append_infos<Options>(kind.fields, EngineTable<Options>::kFields);
    kinds.push_back(std::move(kind));
  });
  return kinds;
}

}  // namespace gpushare
