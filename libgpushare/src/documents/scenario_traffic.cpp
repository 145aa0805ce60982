#include <algorithm>
#include <filesystem>

#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "models/model_kind.hpp"
#include "traffic/arrivals_document.hpp"
#include "traffic/calls_document.hpp"

namespace gpushare::scenario {
namespace {

constexpr json::Range kRate{0, 1e9, true};
constexpr std::size_t kMostTraffic = 255;  // requests are numbered by traffic in eight bits
constexpr int kMostUsers = 1'000'000;
constexpr double kMostGenerated = 2e7;  // requests of a generated trace: it is kept in memory
constexpr std::int64_t kLeastUrgent = 7;
constexpr std::int64_t kMostTokens = 10'000'000;  // of a request or block of a trace

// A trace has its own tokens, and a call its own speech as well.
void read_sizes(const Reader& reader, Traffic::Kind kind, RequestSizes& sizes) {
  const bool tokens = kind != Traffic::Kind::trace && kind != Traffic::Kind::calls;
  const auto read = [&](const char* key, Distribution& distribution) {
    if (const auto value = reader.find(key)) distribution = value->distribution();
  };
  if (tokens) {
    read("input_tokens", sizes.input_tokens);
    read("output_tokens", sizes.output_tokens);
  } else {
    for (const char* key : {"input_tokens", "output_tokens"})
      if (const auto value = reader.find(key))
        value->fail(kind == Traffic::Kind::trace ? "a trace brings its own token counts"
                                                 : "calls bring their own token counts");
  }
  if (kind == Traffic::Kind::calls) {
    if (const auto value = reader.find("speech_s")) value->fail("calls bring their own speech");
  } else {
    read("speech_s", sizes.speech_s);
  }
  read("units", sizes.units);
  sizes.priority = static_cast<int>(reader.integer("priority", 0, 0, kLeastUrgent));
  reader.finish();
}

/// Stages of the traffic's pipeline that have such a role.
std::ptrdiff_t stages_of(const Workload& workload, const Traffic& traffic, Role role) {
  const auto& stages = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
  return std::count_if(stages.begin(), stages.end(),
                       [role](const Stage& stage) { return stage.role == role; });
}

void read_hold_stream(const Reader& reader, const Workload& workload, bool otherwise, Traffic& traffic) {
  const std::ptrdiff_t stages = stages_of(workload, traffic, Role::recognises);
  traffic.hold_stream = reader.boolean("hold_stream", otherwise && stages == 1);
  if (traffic.hold_stream && stages != 1)
    reader.at("hold_stream")
        .fail(text::format("one stage of the pipeline must recognise streaming speech, found {}", stages));
  if (!traffic.hold_stream) return;
  for (const Stage& stage : workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages) {
    if (stage.role != Role::recognises) continue;
    const Service& service = workload.services[static_cast<std::size_t>(stage.service)];
    const double speed = std::get<StreamOptions>(service.engine.options).speech_speed;
    if (speed != 1)
      reader.fail(
          text::format("a stream that stays open takes speech as it is spoken, but service \"{}\" has a "
                       "speech_speed of {}; make it 1, or add \"hold_stream\": false",
                       service.name, speed));
  }
}

// What is said in one turn is history only where another follows in the same session.
void check_history(const Reader& reader, const Traffic& traffic) {
  if (!traffic.history && traffic.history_limit_tokens > 0)
    reader.at("history_limit_tokens").fail(R"(there is no history to limit; add "history": true)");
  if (traffic.history && traffic.turns_per_session == 1)
    reader.at("history").fail(
        "a session has one turn here, so no prompt would carry anything; add \"turns_per_session\", how many "
        "turns go by before a user begins anew (2 or more)");
  if (!traffic.history && traffic.turns_per_session > 1)
    reader.at("turns_per_session")
        .fail(R"(turns of a session differ only by what prompts carry of earlier ones; add "history": true)");
}

void read_closed(const Reader& reader, const Workload& workload, Traffic& traffic) {
  traffic.users = static_cast<int>(reader.at("users").integer(1, kMostUsers));
  traffic.ramp_up_s = reader.number("ramp_up_s", 0, json::kSpan);
  traffic.ramp_down_s = reader.number("ramp_down_s", 0, json::kSpan);
  if (const auto hold = reader.find("hold_s")) {
    traffic.hold_s = hold->number(json::kSpan);
    if (traffic.ramp_up_s + *traffic.hold_s + traffic.ramp_down_s == 0)
      hold->fail("without ramps the users would leave before they ask; give seconds > 0, or leave it out");
  }
  if (const auto think = reader.find("think_s")) traffic.think_s = think->distribution();
  traffic.turns_per_session = static_cast<int>(reader.integer("turns_per_session", 1, 1, 1'000'000'000));
  traffic.history = reader.boolean("history", false);
  traffic.history_limit_tokens = reader.number("history_limit_tokens", 0, json::kNonNegative);
  check_history(reader, traffic);
  traffic.playback = reader.boolean("playback", false);
  if (traffic.playback && stages_of(workload, traffic, Role::speaks) == 0)
    reader.at("playback").fail("no stage of the pipeline speaks, so nothing is played");
  read_hold_stream(reader, workload, false, traffic);
}

Trace generate(const Reader& reader) {
  static_cast<void>(reader.choice("like", {"azure-conversation"}));
  const auto seed = static_cast<std::uint64_t>(reader.integer("seed", 1, 0));
  const double duration_s = reader.number("duration_s", 3501.7, {0, 1e9, true});
  const double rate = reader.number("rate_per_s", 5.53, kRate);
  reader.finish();
  if (duration_s * rate > kMostGenerated)
    reader.fail(text::format("{:.3g} requests; at most {:.0e} are generated: lower duration_s or rate_per_s",
                             duration_s * rate, kMostGenerated));
  return azure_conversation_like(seed, duration_s, rate);
}

std::string existing_file(const Reader& path, std::string_view what) {
  std::string file = path.string();
  if (!std::filesystem::exists(file)) path.fail(text::format("there is no {} file \"{}\"", what, file));
  return file;
}

Names names_in(const auto& inputs) {
  Names names;
  for (const auto& [name, input] : inputs) names.push_back(name);
  return names;
}

// What is handed over under the traffic's name, instead of a file or a recipe; null where the entry has one of those.
template <class Named>
typename Named::mapped_type handed_over(const Reader& reader, const std::string& name, const Named& inputs,
                                        const std::string& otherwise) {
  const auto found = inputs.find(name);
  for (const char* key : {"path", "generate"}) {
    if (!reader.has(key)) continue;
    if (found != inputs.end())
      reader.at(key).fail(
          text::format("\"{}\" and what is handed over as \"{}\" exclude each other", key, name));
    return nullptr;
  }
  if (found != inputs.end()) return found->second;
  if (!reader.has("name")) reader.fail(otherwise);
  const Names given = names_in(inputs);
  reader.at("name").fail(text::format("nothing is handed over as \"{}\", but {}; otherwise {}", name,
                                      given.empty() ? "nothing" : text::join(given, ", "), otherwise));
}

/// {"arrival": "ts", "input": 1000} as TraceOptions::columns has it, in this order whatever the document's.
std::string read_columns(const Reader& columns) {
  std::string given;
  for (const char* role : {"arrival", "input", "output", "session"}) {
    const auto value = columns.find(role);
    if (!value) continue;
    const bool tokens = role == std::string_view("input") || role == std::string_view("output");
    const std::string name =
        value->is_string() || !tokens ? value->string() : std::to_string(value->integer(1, kMostTokens));
    if (name.empty()) value->fail("expected the name of a column");
    given += text::format("{}{}={}", given.empty() ? "" : ",", role, name);
  }
  columns.finish();
  if (given.empty()) columns.fail("name a column for arrival, input, output or session");
  return given;
}

std::shared_ptr<const Trace> trace_file(const Reader& path, const InputFile& file, Inputs& inputs) {
  auto& trace = inputs.trace_files[file];
  if (trace == nullptr) {
    TraceOptions options;
    options.format = file.format;
    options.time_unit = file.time_unit;
    options.block_tokens = file.block_tokens;
    options.output_tokens = file.output_tokens;
    options.columns = file.columns;
    trace = std::make_shared<const Trace>(load_trace(existing_file(path, "trace"), options));
  }
  return trace;
}

std::shared_ptr<const Trace> read_trace(const Reader& reader, const std::string& name, Inputs& inputs) {
  const auto path = reader.find("path");
  const auto recipe = reader.find("generate");
  if (path && recipe) reader.fail("\"path\" and \"generate\" exclude each other");
  const std::string otherwise =
      "a trace needs a \"path\", or \"generate\": {\"like\": \"azure-conversation\"}";
  if (auto trace = handed_over(reader, name, inputs.traces, otherwise)) return trace;
  if (recipe) return std::make_shared<const Trace>(generate(*recipe));
  InputFile file{InputFile::Kind::trace, path->string()};
  if (const auto given = reader.find("format")) {
    static_cast<void>(index_of(*given, "trace format", inputs.trace_formats));
    file.format = given->string();
  }
  if (const auto unit = reader.find("time_unit")) {
    static_cast<void>(unit->choice({"auto", "s", "ms", "us", "ns"}));
    file.time_unit = unit->string();
  }
  const auto tokens = [&](std::string_view key) {
    return static_cast<std::int32_t>(reader.integer(key, 0, 1, kMostTokens));
  };
  if (reader.has("block_tokens")) file.block_tokens = tokens("block_tokens");
  if (reader.has("output_tokens")) file.output_tokens = tokens("output_tokens");
  if (const auto columns = reader.find("columns")) file.columns = read_columns(*columns);
  return trace_file(*path, file, inputs);
}

void read_replay(const Reader& reader, Inputs& inputs, Traffic& traffic) {
  traffic.trace = read_trace(reader, traffic.name, inputs);
  traffic.speed = reader.number("speed", 1, json::kPositive);
  traffic.follow_parents = reader.boolean("follow_parents", true);
  const auto& parents = traffic.trace->parent;
  const bool any =
      std::any_of(parents.begin(), parents.end(), [](std::int32_t parent) { return parent >= 0; });
  if (reader.has("follow_parents") && traffic.follow_parents && !any)
    reader.at("follow_parents").fail("no request of this trace follows another one");
}

void check_spoken(const Reader& reader, const std::vector<VoiceCall>& calls) {
  for (const VoiceCall& call : calls)
    for (std::size_t i = 0; i < call.turns.size(); ++i)
      if (call.turns[i].audio_s <= 0)
        reader.fail(text::format("a stage speaks the reply, but turn {} of call {} has an audio_s of 0", i,
                                 call.number));
}

Inputs::CallsPointer call_file(const Reader& path, Inputs& inputs) {
  auto& calls = inputs.call_files[path.string()];
  if (calls == nullptr)
    calls = std::make_shared<const std::vector<VoiceCall>>(load_calls(existing_file(path, "call")));
  return calls;
}

void read_calls(const Reader& reader, const Workload& workload, Inputs& inputs, Traffic& traffic) {
  const auto path = reader.find("path");
  const auto recipe = reader.find("generate");
  if (path && recipe) reader.fail("\"path\" and \"generate\" exclude each other");
  const bool spoken = stages_of(workload, traffic, Role::speaks) > 0;
  traffic.calls = handed_over(reader, traffic.name, inputs.calls,
                              "calls need a \"path\", or \"generate\": {\"arrivals\": {...}}");
  if (path) traffic.calls = call_file(*path, inputs);
  if (traffic.calls) {
    if (spoken) check_spoken(path ? *path : reader, *traffic.calls);
  } else {
    traffic.recipe = calls::read_recipe(*recipe);
    if (spoken && traffic.recipe.audio_s_per_token <= 0)
      recipe->at("audio_s_per_token").fail("a stage speaks the reply, so its tokens need audio");
  }
  read_hold_stream(reader, workload, true, traffic);
}

// Users are in flight as many as they are, and calls hold their streams.
void read_max_concurrency(const Reader& reader, Traffic& traffic) {
  if (const auto most = reader.find("max_concurrency"))
    traffic.max_concurrency = static_cast<int>(most->integer(1, kMostUsers));
}

void read_system_prompts(const Reader& reader, Traffic& traffic) {
  traffic.system_prompt_tokens =
      static_cast<double>(reader.integer("system_prompt_tokens", 0, 0, 1'000'000'000));
  traffic.system_prompts = static_cast<int>(reader.integer("system_prompts", 1, 1, 1'000'000'000));
  if (traffic.system_prompts > 1 && traffic.system_prompt_tokens == 0)
    reader.at("system_prompts").fail(R"(they are empty; give "system_prompt_tokens")");
}

constexpr std::int64_t kMostRetries = 10;
constexpr double kLongestBackoff_s = 3600;  // doubled ten times it is 43 days

Client read_client(const Reader& reader, const Traffic& traffic) {
  if (traffic.kind == Traffic::Kind::calls)
    reader.fail(
        "who is in a call hears what comes and does not ask again; clients are of open, closed and trace "
        "traffic");
  if (traffic.hold_stream)
    reader.fail(
        "what was said in a stream that stays open cannot be sent again; add \"hold_stream\": false to the "
        "traffic, or leave \"client\" out");
  Client client;
  if (const auto timeout = reader.find("timeout_s")) client.timeout_s = timeout->number({0, 1e9, true});
  client.retries = static_cast<int>(reader.integer("retries", 0, 0, kMostRetries));
  client.backoff_s = reader.number("backoff_s", client.backoff_s, {0, kLongestBackoff_s});
  if (reader.has("backoff_s") && client.retries == 0)
    reader.at("backoff_s")
        .fail("nothing is sent again, so nothing waits for it; add \"retries\", how often (1 or more)");
  reader.finish();
  if (!client.timeout_s && client.retries == 0)
    reader.fail(
        "such a client does what all do: wait for ever and never ask again; give \"timeout_s\", \"retries\" "
        "or both");
  return client;
}

void read_kind(const Reader& reader, const Workload& workload, Inputs& inputs, Traffic& traffic) {
  arrivals::refuse_as_traffic(reader);
  traffic.kind = static_cast<Traffic::Kind>(reader.choice("kind", Traffic::kKinds));
  switch (traffic.kind) {
    case Traffic::Kind::open:
      traffic.arrivals = arrivals::read_of(reader);
      read_max_concurrency(reader, traffic);
      break;
    case Traffic::Kind::closed:
      read_closed(reader, workload, traffic);
      break;
    case Traffic::Kind::trace:
      read_max_concurrency(reader, traffic);
      return read_replay(reader, inputs, traffic);
    case Traffic::Kind::calls:
      return read_calls(reader, workload, inputs, traffic);
  }
  read_system_prompts(reader, traffic);
}

// A trace has its own tokens, and a call its own speech as well.
bool brings(const Traffic& traffic, std::string_view size) {
  const RequestSizes& sizes = traffic.sizes;
  const bool calls = traffic.kind == Traffic::Kind::calls;
  if (size == "output_tokens")
    return calls || traffic.kind == Traffic::Kind::trace || !always_zero(sizes.output_tokens);
  if (size == "speech_s") return calls || !always_zero(sizes.speech_s);
  return !always_zero(sizes.units);
}

// What the stages work on must be there.
void check_sizes(const Reader& reader, const Workload& workload, const Traffic& traffic) {
  for (const Stage& stage : workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages) {
    const Need need = need_of(stage.role);
    if (need.size.empty() || stage.units || brings(traffic, need.size)) continue;
    reader.fail(text::format("stage \"{}\" {}, but sizes/{} is missing or can only be zero", stage.name,
                             need.why, need.size));
  }
}

double nominal_end_s(const std::vector<VoiceCall>& calls) {
  double end_s = 0;
  for (const VoiceCall& call : calls) {
    const CallTurn& last = call.turns.back();
    end_s = std::max(end_s, last.start_s + last.speech_s + last.heard_s);
  }
  return end_s;
}

int read_pipeline(const Reader& reader, const Workload& workload) {
  Names names;
  for (const Pipeline& pipeline : workload.pipelines) names.push_back(pipeline.name);
  if (const auto pipeline = reader.find("pipeline")) return index_of(*pipeline, "pipeline", names);
  if (names.size() > 1)
    reader.fail(text::format("which \"pipeline\"? There are several: {}", text::join(names, ", ")));
  return 0;
}

Traffic read_entry(const Reader& reader, const Workload& workload, Inputs& inputs,
                   const std::vector<Traffic>& before) {
  Traffic traffic;
  traffic.pipeline = read_pipeline(reader, workload);
  traffic.name = reader.string("name", workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].name);
  if (traffic.name.empty()) reader.at("name").fail("a traffic needs a name that is not empty");
  for (const Traffic& other : before)
    if (other.name == traffic.name)
      reader.fail(text::format("two kinds of traffic are called \"{}\"; give each a \"name\" of its own",
                               traffic.name));
  read_kind(reader, workload, inputs, traffic);
  if (const auto client = reader.find("client")) traffic.client = read_client(*client, traffic);
  if (const auto sizes = reader.find("sizes")) read_sizes(*sizes, traffic.kind, traffic.sizes);
  reader.finish();
  check_sizes(reader, workload, traffic);
  return traffic;
}

}  // namespace

std::vector<Traffic> read_traffic(const Reader& traffic, const Workload& workload, Inputs& inputs) {
  if (!traffic.is_array()) traffic.fail("expected an array of open, closed, trace or calls traffic");
  if (traffic.size() == 0) traffic.fail("a scenario needs traffic: at least one entry");
  if (traffic.size() > kMostTraffic)
    traffic.fail(text::format("at most {} entries, found {}", kMostTraffic, traffic.size()));
  std::vector<Traffic> read;
  for (std::size_t i = 0; i < traffic.size(); ++i)
    read.push_back(read_entry(traffic.at(i), workload, inputs, read));
  return read;
}

std::optional<double> length_of(const Traffic& traffic) {
  switch (traffic.kind) {
    case Traffic::Kind::closed:
      if (!traffic.hold_s) break;
      return traffic.ramp_up_s + *traffic.hold_s + traffic.ramp_down_s;
    case Traffic::Kind::trace:
      return traffic.trace->arrival_s.back() / traffic.speed;
    case Traffic::Kind::calls:
      if (!traffic.calls) break;
      return nominal_end_s(*traffic.calls);
    case Traffic::Kind::open:
      break;
  }
  return std::nullopt;
}

}  // namespace gpushare::scenario
