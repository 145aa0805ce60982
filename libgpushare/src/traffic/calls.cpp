#include "gpushare/calls.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_formats.hpp"
#include "traffic/arrivals_document.hpp"
#include "traffic/calls_document.hpp"

namespace gpushare {
namespace {

constexpr json::Range kSeconds{0, 1e9};
constexpr std::int64_t kMostCalls = 1'000'000'000;
constexpr std::int64_t kMostTurns = 1'000'000;  // of one call

[[noreturn]] void fail_trace(std::string where, const std::string& what) {
  throw TraceError(std::move(where), what);
}

[[noreturn]] void fail_scenario(std::string where, const std::string& what) {
  throw ScenarioError(std::move(where), what);
}

std::uint32_t count(double drawn, double least) {
  return static_cast<std::uint32_t>(std::clamp(std::round(drawn), least, static_cast<double>(kMaxTokens)));
}

/// Puts turns into calls.
class CallBuilder {
 public:
  explicit CallBuilder(const std::string& source) : source_(source) {}

  void add(std::string_view line, std::size_t number);
  [[nodiscard]] std::vector<VoiceCall> finish();

 private:
  const std::string& source_;
  std::vector<VoiceCall> calls_;
  std::unordered_map<std::int64_t, std::size_t> index_;  // by the call's number
};

CallTurn read_turn(const json::Reader& reader) {
  const auto tokens = [&](const char* key, std::int64_t least) {
    return static_cast<std::uint32_t>(reader.at(key).integer(least, kMaxTokens));
  };
  CallTurn turn;
  turn.user_tokens = tokens("user_tokens", 0);
  turn.prompt_tokens = tokens("prompt_tokens", 0);
  turn.first_sentence_tokens = tokens("first_sentence_tokens", 1);
  turn.reply_tokens = tokens("reply_tokens", 1);
  turn.start_s = reader.at("start_s").number(kSeconds);
  turn.silence_s = reader.at("silence_s").number(kSeconds);
  turn.speech_s = reader.at("speech_s").number(kSeconds);
  turn.audio_s = reader.at("audio_s").number(kSeconds);
  turn.heard_s = reader.at("heard_s").number(kSeconds);
  if (turn.heard_s > turn.audio_s)
    reader.at("heard_s").fail(text::format("found {}, but the reply lasts {}", turn.heard_s, turn.audio_s));
  return turn;
}

void CallBuilder::add(std::string_view line, std::size_t number) {
  const std::string where = text::format("{}:{}", source_, number);
  const nlohmann::json object = json::parse(line, where, fail_trace);
  const json::Reader reader(object, where, fail_trace);
  if (!reader.is_object()) reader.fail("expected a JSON object");
  const std::int64_t name = reader.at("call").integer(0, kMostCalls);
  const auto [found, added] = index_.emplace(name, calls_.size());
  if (added) calls_.emplace_back().number = name;
  VoiceCall& call = calls_[found->second];
  const auto next = static_cast<std::int64_t>(call.turns.size());
  if (const std::int64_t turn = reader.at("turn").integer(0, kMostTurns); turn != next)
    reader.at("turn").fail(text::format("expected {} of call {}, found {}", next, name, turn));
  call.turns.push_back(read_turn(reader));
  reader.finish();
}

std::vector<VoiceCall> CallBuilder::finish() {
  if (calls_.empty()) throw TraceError(source_, "the file is empty; expected at least one turn");
  for (VoiceCall& call : calls_) {
    CallTurn& first = call.turns.front();
    call.begin_s = std::max(0.0, first.start_s - first.silence_s);
  }
  std::stable_sort(calls_.begin(), calls_.end(),
                   [](const VoiceCall& a, const VoiceCall& b) { return a.begin_s < b.begin_s; });
  return std::move(calls_);
}

std::vector<VoiceCall> read_calls(TextSource& text, const std::string& source) {
  refuse_other_files(text.start(), source);
  CallBuilder builder(source);
  LineCutter lines(text);
  std::string_view line;
  while (lines.next(line)) builder.add(line, lines.number());
  return builder.finish();
}

}  // namespace

std::vector<VoiceCall> load_calls(const std::string& path) {
  TextFile file(path);
  TextSource text(file.reader());
  return read_calls(text, path);
}

std::vector<VoiceCall> parse_calls(std::string_view whole, const std::string& source) {
  TextSource text(whole);
  return read_calls(text, source);
}

CallRecipe calls::read_recipe(const json::Reader& reader) {
  CallRecipe recipe;
  recipe.arrivals = arrivals::read(reader.at("arrivals"));
  const auto draw = [&](const char* key, Distribution& distribution) {
    if (const auto value = reader.find(key)) distribution = value->distribution();
  };
  draw("turns", recipe.turns);
  draw("silence_s", recipe.silence_s);
  draw("speech_s", recipe.speech_s);
  draw("first_sentence_tokens", recipe.first_sentence_tokens);
  draw("reply_tokens", recipe.reply_tokens);
  recipe.user_tokens_per_s = reader.number("user_tokens_per_s", recipe.user_tokens_per_s, {0, 1e6});
  recipe.audio_s_per_token = reader.number("audio_s_per_token", recipe.audio_s_per_token, {0, 3600});
  recipe.barge_in = reader.number("barge_in", recipe.barge_in, json::kFraction);
  recipe.system_tokens =
      reader.number("system_tokens", recipe.system_tokens, {0, static_cast<double>(kMaxTokens)});
  recipe.response_s = reader.number("response_s", recipe.response_s, kSeconds);
  reader.finish();
  return recipe;
}

CallRecipe parse_call_recipe(std::string_view text, const std::string& source) {
  const nlohmann::json document = json::parse(text, source, fail_scenario);
  return calls::read_recipe(json::Reader(document, source, fail_scenario));
}

VoiceCall draw_call(const CallRecipe& recipe, std::int64_t number, double begin_s, Stream luck) {
  VoiceCall call{number, begin_s, {}};
  const auto turns = static_cast<std::size_t>(
      std::clamp(std::round(recipe.turns.sample(luck)), 1.0, static_cast<double>(kMostTurns)));
  double now_s = begin_s, said = recipe.system_tokens;
  for (std::size_t i = 0; i < turns; ++i) {
    CallTurn& turn = call.turns.emplace_back();
    turn.silence_s = recipe.silence_s.sample(luck);
    turn.speech_s = recipe.speech_s.sample(luck);
    turn.start_s = now_s + turn.silence_s;
    turn.user_tokens = count(std::ceil(turn.speech_s * recipe.user_tokens_per_s), 0);
    said += turn.user_tokens;
    turn.prompt_tokens = count(said, 0);
    turn.reply_tokens = count(recipe.reply_tokens.sample(luck), 1);
    turn.first_sentence_tokens =
        std::min(count(recipe.first_sentence_tokens.sample(luck), 1), turn.reply_tokens);
    turn.audio_s = turn.reply_tokens * recipe.audio_s_per_token;
    const bool breaks_in = luck.uniform() < recipe.barge_in;
    const double point = luck.uniform();
    const double share = breaks_in ? point : 1;
    turn.heard_s = turn.audio_s * share;
    said += std::floor(turn.reply_tokens * share);
    now_s = turn.start_s + turn.speech_s + recipe.response_s + turn.heard_s;
  }
  return call;
}

}  // namespace gpushare
