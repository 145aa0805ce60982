// Fuzz target of the smaller documents. The first byte chooses which one; the rest is its text. Reading it must end in
// a value or in one of the library's errors, and what was read must be usable.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/arrivals.hpp"
#include "gpushare/calls.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/model.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/profile.hpp"

namespace {

using namespace gpushare;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_layout(std::string_view text) {
  static const GpuProfile profile = load_profile("a100");
  const Layout layout = parse_layout(profile, text);
  const std::string written = format_layout(profile, layout);
  require(format_layout(profile, parse_layout(profile, written)) == written);
  require(!partitions(profile, layout).empty());
}

void check_arrivals(std::string_view text) {
  const ArrivalProcess process = parse_arrivals(text);
  require(!(process.mean_rate() < 0));
  ArrivalGenerator generator(process, Stream(1, 0, "fuzz"));
  Time last{};
  for (int i = 0; i < 20 && last != kNever; ++i) {
    const Time next = generator.next();
    require(next >= last);
    last = next;
  }
}

void check_calls(std::string_view text) {
  for (const VoiceCall& call : parse_calls(text, "fuzz.jsonl")) {
    require(!call.turns.empty() && call.begin_s >= 0);
    for (const CallTurn& turn : call.turns) require(turn.heard_s <= turn.audio_s && turn.reply_tokens > 0);
  }
}

void check_recipe(std::string_view text) {
  CallRecipe recipe = parse_call_recipe(text);
  recipe.turns.high = std::min(recipe.turns.high, 100.0);  // more would only take long
  const VoiceCall call = draw_call(recipe, 0, 0, Stream(1, 0, "fuzz"));
  require(!call.turns.empty());
  for (const CallTurn& turn : call.turns) require(turn.heard_s <= turn.audio_s && turn.reply_tokens > 0);
}

void check_mode(const std::string& text) {
  static const GpuProfile profile = load_profile("a100");
  static_cast<void>(parse_mode(text, profile));
}

void check_bound(std::string_view text) {
  static const std::vector<std::string> names = {"llm.ttft_p95_s", "success_rate", "vram_used_bytes", "cost",
                                                 "chat.e2e_latency_mean_s"};
  const FigureBound bound = parse_bound(names, text, "chat");
  require(std::find(names.begin(), names.end(), bound.name) != names.end() && std::isfinite(bound.value));
}

// What looks like a path would be looked for.
void check_name(const std::string& text) {
  if (text.find_first_of("./\\") != std::string::npos) return;
  try {
    static_cast<void>(load_profile(text));
  } catch (const Error&) {
  }
  static_cast<void>(load_model(text));
}

void read(unsigned kind, std::string_view text) {
  switch (kind) {
    case 0:
      return static_cast<void>(parse_profile(text, "fuzz.json"));
    case 1:
      return static_cast<void>(parse_model(text, "fuzz.json"));
    case 2:
      return static_cast<void>(parse_engine_preset(text, "fuzz.json"));
    case 3:
      return check_arrivals(text);
    case 4:
      return check_layout(text);
    case 5:
      return check_calls(text);
    case 6:
      return check_recipe(text);
    case 7:
      return check_mode(std::string(text));
    case 8:
      return check_bound(text);
    default:
      return check_name(std::string(text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr unsigned kKinds = 10;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    read(data[0] % kKinds, text);
  } catch (const Error&) {
  }
  return 0;
}
