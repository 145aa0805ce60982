#include "planning/request_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/limited_mean.hpp"

namespace gpushare::planning {
namespace {

constexpr int kDrawnCalls = 1000, kDrawnSizes = 2000;

// Engines round tokens: by at most a half, which a bound gives away.
double least_tokens(const Distribution& tokens) {
  using Kind = Distribution::Kind;
  if (tokens.kind == Kind::constant) return std::round(limited_mean(tokens));
  if (tokens.kind == Kind::zipf && tokens.low == 0 && tokens.high >= tokens.a) return tokens.mean();
  return std::max(0.0, limited_mean(tokens) - 0.5);
}

double sentences_of(double reply_tokens, double each, bool exact) {
  if (each <= 0) return 1;
  const double sentences = reply_tokens / each;
  return exact ? std::max(1.0, std::ceil(sentences)) : std::max(1.0, sentences + 0.5);
}

struct Limits {
  double low = 0, high = 0;
};

Limits limits_of(const Distribution& d) {
  using Kind = Distribution::Kind;
  Limits limits{0, kNoBound};
  if (d.kind == Kind::constant) limits = {d.a, d.a};
  if (d.kind == Kind::uniform) limits = {d.a, d.b};
  if (d.kind == Kind::zipf) limits = {1, d.a};
  if (d.kind == Kind::empirical) limits = {d.values.front(), d.values.back()};
  return {std::clamp(limits.low, d.low, d.high),
          d.high < 1e300 ? std::min(limits.high, d.high) : limits.high};
}

// Of a prompt whose first `cached` tokens are there; the last token is always computed.
PromptWork prompt_work(double tokens, double cached, double reply_steps) {
  tokens = std::max(1.0, tokens);
  cached = std::clamp(cached, 0.0, tokens - 1);
  return {tokens - cached, (tokens * (tokens + 1) - cached * (cached + 1)) / 2,
          (tokens - cached) * reply_steps};
}

void set_tokens(RequestShape& shape, double input, double cached, double output) {
  const double steps = std::max(0.0, output - 1);
  shape.reply_tokens = std::max(1.0, output);
  shape.reply_by_reply = steps * (steps + 1) / 2;
  shape.prompt = prompt_work(input, 0, steps);
  shape.new_prompt = prompt_work(input, cached, steps);
}

void add(PromptWork& sum, const PromptWork& work, double weight) {
  sum.tokens += weight * work.tokens;
  sum.pairs += weight * work.pairs;
  sum.by_reply += weight * work.by_reply;
}

// Of samples: the standard deviation over the mean.
double variation_of(double sum, double squares, double count) {
  const double mean = sum / count;
  return mean > 0 ? std::sqrt(std::max(0.0, squares / count - mean * mean)) / mean : 0;
}

double variation_of(const Distribution& distribution) {
  if (distribution.kind == Distribution::Kind::constant) return 0;
  Stream luck(1, 0, "sizes");
  double sum = 0, squares = 0;
  for (int i = 0; i < kDrawnSizes; ++i) {
    const double sample = distribution.sample(luck);
    sum += sample;
    squares += sample * sample;
  }
  return variation_of(sum, squares, kDrawnSizes);
}

// The mean of shapes that are given one by one.
class Mean {
 public:
  void add(const RequestShape& shape) {
    ++count_;
    planning::add(sum_.prompt, shape.prompt, 1);
    planning::add(sum_.new_prompt, shape.new_prompt, 1);
    sum_.reply_tokens += shape.reply_tokens;
    sum_.reply_by_reply += shape.reply_by_reply;
    sum_.speech_s += shape.speech_s;
    sum_.sentences += shape.sentences;
    sum_.most_reply_tokens = std::max(sum_.most_reply_tokens, shape.reply_tokens);
    prompt_squares_ += shape.prompt.tokens * shape.prompt.tokens;
    reply_squares_ += shape.reply_tokens * shape.reply_tokens;
    audio_s_ += shape.reply_tokens * shape.audio_s_per_token.value_or(0);
  }
  [[nodiscard]] RequestShape mean(double per_s) const {
    RequestShape mean;
    if (count_ == 0) return mean;
    const double each = 1.0 / static_cast<double>(count_);
    mean.per_s = per_s;
    planning::add(mean.prompt, sum_.prompt, each);
    planning::add(mean.new_prompt, sum_.new_prompt, each);
    mean.reply_tokens = (sum_.reply_tokens - 1) * each;  // a shape begins with one
    mean.reply_by_reply = sum_.reply_by_reply * each;
    mean.speech_s = sum_.speech_s * each;
    mean.sentences = (sum_.sentences - 1) * each;
    mean.most_reply_tokens = sum_.most_reply_tokens;
    mean.prompt_variation = variation_of(sum_.prompt.tokens, prompt_squares_, static_cast<double>(count_));
    mean.reply_variation = variation_of(sum_.reply_tokens - 1, reply_squares_, static_cast<double>(count_));
    if (audio_s_ > 0) mean.audio_s_per_token = audio_s_ * each / mean.reply_tokens;
    return mean;
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  RequestShape sum_;
  double audio_s_ = 0, prompt_squares_ = 0, reply_squares_ = 0;
  std::size_t count_ = 0;
};

double mean_rate(const ArrivalProcess& arrivals, double duration_s) {
  double rate = arrivals.mean_rate();
  if (arrivals.kind == ArrivalProcess::Kind::piecewise && arrivals.period_s <= 0) {
    double count = 0;
    for (std::size_t i = 0; i < arrivals.rates.size(); ++i) {
      const double end = i + 1 < arrivals.starts_s.size() ? arrivals.starts_s[i + 1] : duration_s;
      count += arrivals.rates[i] * std::max(0.0, std::min(end, duration_s) - arrivals.starts_s[i]);
    }
    rate = count / duration_s;
  }
  if (arrivals.count > 0) rate = std::min(rate, static_cast<double>(arrivals.count) / duration_s);
  return rate;
}

void set_speech(RequestShape& shape, const Distribution& speech_s) {
  const Limits limits = limits_of(speech_s);
  shape.speech_s = limited_mean(speech_s);
  shape.least_speech_s = limits.low;
  shape.most_speech_s = limits.high;
}

void set_units(RequestShape& shape, const Distribution& units) {
  const Limits limits = limits_of(units);
  shape.units = limited_mean(units);
  shape.least_units = limits.low;
  shape.most_units = limits.high;
}

RequestShape drawn_shape(const Traffic& traffic, int sentence_tokens) {
  const RequestSizes& sizes = traffic.sizes;
  RequestShape shape;
  set_tokens(shape, least_tokens(sizes.input_tokens), traffic.system_prompt_tokens,
             least_tokens(sizes.output_tokens));
  set_speech(shape, sizes.speech_s);
  shape.prompt_variation = variation_of(sizes.input_tokens);
  shape.reply_variation = variation_of(sizes.output_tokens);
  shape.most_reply_tokens = std::max(1.0, std::round(limits_of(sizes.output_tokens).high));
  const bool exact = sizes.output_tokens.kind == Distribution::Kind::constant;
  shape.sentences = sentences_of(limited_mean(sizes.output_tokens), sentence_tokens, exact);
  return shape;
}

// Tokens at the start of each prompt whose block ids were met before.
class MetBlocks {
 public:
  explicit MetBlocks(const Trace& trace) : trace_(trace) {}
  double meet(std::size_t row) {
    if (trace_.hash_starts.empty()) return 0;
    double cached = 0;
    bool all = true;
    for (auto i = trace_.hash_starts[row]; i < trace_.hash_starts[row + 1]; ++i) {
      all = !met_.insert(trace_.hash_ids[static_cast<std::size_t>(i)]).second && all;
      if (all) cached += trace_.block_tokens;
    }
    return cached;
  }

 private:
  const Trace& trace_;
  std::unordered_set<std::int64_t> met_;
};

RequestShape trace_shape(const Traffic& traffic, double duration_s, int sentence_tokens) {
  const Trace& trace = *traffic.trace;
  MetBlocks blocks(trace);
  Mean mean;
  for (std::size_t row = 0; row < trace.size() && trace.arrival_s[row] <= duration_s * traffic.speed; ++row) {
    RequestShape shape;
    set_tokens(shape, trace.input_tokens[row], blocks.meet(row), trace.output_tokens[row]);
    shape.sentences = sentences_of(shape.reply_tokens, sentence_tokens, true);
    mean.add(shape);
  }
  RequestShape shape = mean.mean(static_cast<double>(mean.count()) / duration_s);
  set_speech(shape, traffic.sizes.speech_s);
  return shape;
}

void add_call(Mean& mean, const VoiceCall& call) {
  double said = 0;
  for (const CallTurn& turn : call.turns) {
    RequestShape shape;
    set_tokens(shape, turn.prompt_tokens, std::max<double>(said, turn.prompt_tokens - turn.user_tokens),
               turn.reply_tokens);
    shape.speech_s = turn.speech_s;
    shape.sentences = sentences_of(turn.reply_tokens, turn.first_sentence_tokens, true);
    shape.audio_s_per_token = turn.audio_s / turn.reply_tokens;
    mean.add(shape);
    said = turn.prompt_tokens;
  }
}

RequestShape calls_shape(const Traffic& traffic, double duration_s) {
  Mean mean;
  if (traffic.calls) {
    for (const VoiceCall& call : *traffic.calls)
      if (call.begin_s <= duration_s) add_call(mean, call);
    return mean.mean(static_cast<double>(mean.count()) / duration_s);
  }
  const Stream luck(1, 0, "calls");
  for (int i = 0; i < kDrawnCalls; ++i)
    add_call(mean, draw_call(traffic.recipe, i, 0, luck.at(static_cast<std::uint64_t>(i))));
  const double turns = static_cast<double>(mean.count()) / kDrawnCalls;
  return mean.mean(turns * mean_rate(traffic.recipe.arrivals, duration_s));
}

}  // namespace

namespace {

RequestShape timed_shape(const Traffic& traffic, double duration_s, int sentence_tokens) {
  switch (traffic.kind) {
    case Traffic::Kind::trace:
      return trace_shape(traffic, duration_s, sentence_tokens);
    case Traffic::Kind::calls:
      return calls_shape(traffic, duration_s);
    case Traffic::Kind::open:
    case Traffic::Kind::closed:
      break;
  }
  RequestShape shape = drawn_shape(traffic, sentence_tokens);
  if (traffic.kind == Traffic::Kind::open) shape.per_s = mean_rate(traffic.arrivals, duration_s);
  return shape;
}

}  // namespace

RequestShape at_stage(RequestShape shape, const Stage& stage) {
  if (stage.units) set_units(shape, *stage.units);
  return shape;
}

RequestShape shape_of(const Traffic& traffic, double duration_s, int sentence_tokens) {
  RequestShape shape = timed_shape(traffic, duration_s > 0 ? duration_s : kLongestRun, sentence_tokens);
  set_units(shape, traffic.sizes.units);
  if (duration_s == 0) shape.per_s = 0;  // a number of requests in no stated time: they set no rate
  return shape;
}

}  // namespace gpushare::planning
