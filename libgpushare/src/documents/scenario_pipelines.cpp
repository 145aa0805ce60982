
#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "documents/scenario_parts.hpp"
#include "models/model_kind.hpp"

namespace gpushare::scenario {
namespace {

constexpr const char* kArrival = "arrival";

[[noreturn]] void fail_without_work(const Reader& reader, const std::vector<Service>& services) {
  constexpr std::array<std::string_view, 7> kKnown = {
      "name", "after", "on", "sentence_tokens", "audio_s_per_token", "worker", "units"};
  std::string unknown;
  for (const std::string& key : reader.keys())
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end())
      unknown += text::format("{}\"{}\"", unknown.empty() ? "" : ", ", key);
  reader.fail(text::format("a stage needs a \"service\" ({}) or a \"delay_s\"{}",
                           text::join(names_of(services), ", "),
                           unknown.empty() ? "" : "; found " + unknown));
}

void read_work(const Reader& reader, const std::vector<Service>& services, Stage& stage) {
  const auto delay = reader.find("delay_s");
  const auto service = reader.find("service");
  if (delay && service) reader.fail("a stage is a visit to a \"service\" or a \"delay_s\", not both");
  if (!delay && !service) fail_without_work(reader, services);
  if (delay) stage.delay_s = delay->distribution();
  if (!service) return;
  stage.service = index_of(*service, "service", names_of(services));
  stage.role = role_of(*services[static_cast<std::size_t>(stage.service)].model);
}

void read_after(const Reader& reader, const std::vector<Stage>& before, Stage& stage) {
  stage.after = static_cast<int>(before.size()) - 1;
  const auto after = reader.find("after");
  if (!after) return;
  if (after->is_array())
    after->fail(
        "a stage follows one other: name the one that ends last; that it waits for several is not simulated");
  const std::string name = after->string();
  if (name == kArrival) {
    stage.after = -1;
    return;
  }
  Names earlier{kArrival};
  for (const Stage& other : before) earlier.push_back(other.name);
  const auto found = std::find(earlier.begin(), earlier.end(), name);
  if (found == earlier.end())
    after->fail(text::format("\"after\" must name an earlier stage, found \"{}\"; earlier ones: {}", name,
                             text::join(earlier, ", ")));
  stage.after = static_cast<int>(found - earlier.begin()) - 1;
}

void check_sentence(const Reader& on, const Stage& stage, const Stage* previous) {
  if (previous == nullptr || previous->role != Role::generates)
    on.fail("a stage starts on a sentence only after an LLM stage");
  if (stage.role != Role::speaks)
    on.fail(
        "only a speech service (autoregressive-tts, or a batch model with unit \"audio_s\") starts on a "
        "sentence");
}

void read_trigger(const Reader& reader, const std::vector<Stage>& before, Stage& stage) {
  const auto on = reader.find("on");
  if (!on) return;
  stage.on = static_cast<Trigger>(on->choice({"finish", "first-output", "sentence"}));
  const Stage* previous = stage.after < 0 ? nullptr : &before[static_cast<std::size_t>(stage.after)];
  if (previous == nullptr && stage.on != Trigger::finish)
    on->fail("a stage that follows the arrival has no output to wait for");
  if (stage.on == Trigger::first_output && previous->role == Role::waits)
    on->fail(text::format("stage \"{}\" is a delay and has no output", previous->name));
  if (stage.on == Trigger::sentence) check_sentence(*on, stage, previous);
}

void read_speech(const Reader& reader, Stage& stage) {
  if (const auto audio = reader.find("audio_s_per_token")) {
    if (stage.role != Role::speaks) audio->fail("only a speech service turns tokens into audio");
    stage.audio_s_per_token = audio->number({0, 3600, true});
  }
  if (const auto tokens = reader.find("sentence_tokens")) {
    if (stage.on != Trigger::sentence) tokens->fail(R"(only a stage with "on": "sentence" has sentences)");
    stage.sentence_tokens = static_cast<int>(tokens->integer(1, 65535));
  }
}

void read_units(const Reader& reader, const std::vector<Service>& services, Stage& stage) {
  const auto units = reader.find("units");
  if (!units) return;
  if (stage.role != Role::counts) {
    const std::string what =
        stage.service < 0
            ? "a delay"
            : text::format("\"{}\" (a {} model)", services[static_cast<std::size_t>(stage.service)].name,
                           kind_of(*services[static_cast<std::size_t>(stage.service)].model));
    units->fail(
        text::format("only a stage that visits a batch model counts units (texts, images), found {}; lengths "
                     "in tokens and "
                     "seconds are those of traffic, in \"sizes\"",
                     what));
  }
  stage.units = units->distribution();
  if (always_zero(*stage.units)) units->fail("a visit has to have units: texts, images");
}

void read_worker(const Reader& reader, Stage& stage) {
  const auto worker = reader.find("worker");
  if (!worker) return;
  stage.worker = worker->boolean();
  if (stage.worker && stage.service < 0) worker->fail("only a visit to a service holds a worker");
}

// Workers without a stage that holds one, or the other way round, are a slip of the pen.
void check_workers(const Reader& reader, const Pipeline& pipeline) {
  const bool held = std::any_of(pipeline.stages.begin(), pipeline.stages.end(),
                                [](const Stage& stage) { return stage.worker; });
  if (held && pipeline.workers == 0)
    reader.fail("a stage holds a worker, but the pipeline does not say how many \"workers\" there are");
  if (!held && pipeline.workers > 0)
    reader.fail("the pipeline has \"workers\", but no stage has \"worker\": true");
}

// An LLM's reply is cut in one way, whoever listens.
void check_same_sentences(const Reader& reader, const std::vector<Stage>& before, const Stage& stage) {
  for (const Stage& other : before) {
    if (stage.on != Trigger::sentence || other.on != Trigger::sentence || other.after != stage.after)
      continue;
    if (other.sentence_tokens != stage.sentence_tokens)
      reader.fail(text::format("stage \"{}\" takes sentences of {} tokens from the same LLM stage; found {}",
                               other.name, other.sentence_tokens, stage.sentence_tokens));
  }
}

// What other tools say of a stage, and a pipeline here has no word for.
void refuse_chances(const Reader& reader) {
  constexpr std::array<std::string_view, 7> kChances = {"probability", "chance", "p",        "weight",
                                                        "branch",      "share",  "condition"};
  constexpr std::array<std::string_view, 5> kRepeats = {"repeat", "repeats", "times", "loop", "visits"};
  for (const std::string& key : reader.unknown_keys()) {
    if (std::find(kChances.begin(), kChances.end(), key) != kChances.end())
      reader.fail(
          text::format("unknown key \"{}\"; a request goes through every stage of its pipeline: give "
                       "each way a pipeline of its own, and traffic with its part of the rate",
                       key));
    if (std::find(kRepeats.begin(), kRepeats.end(), key) != kRepeats.end())
      reader.fail(
          text::format("unknown key \"{}\"; write the stage once more for each further visit, with a "
                       "name of its own",
                       key));
  }
}

Stage read_stage(const Reader& reader, const std::vector<Service>& services,
                 const std::vector<Stage>& before) {
  Stage stage;
  stage.name = reader.at("name").string();
  if (stage.name.empty() || stage.name == kArrival)
    reader.at("name").fail(text::format("a stage needs a name of its own, found \"{}\"", stage.name));
  for (const Stage& other : before)
    if (other.name == stage.name)
      reader.at("name").fail(text::format("two stages are called \"{}\"", stage.name));
  read_work(reader, services, stage);
  read_after(reader, before, stage);
  read_trigger(reader, before, stage);
  read_worker(reader, stage);
  read_speech(reader, stage);
  read_units(reader, services, stage);
  check_same_sentences(reader, before, stage);
  refuse_chances(reader);
  reader.finish();
  return stage;
}

}  // namespace

std::vector<Pipeline> read_pipelines(const Reader& pipelines, const Names& order,
                                     const std::vector<Service>& services) {
  if (pipelines.keys().empty()) pipelines.fail("a scenario needs at least one pipeline");
  std::vector<Pipeline> read;
  for (const std::string& name : order) {
    const Reader reader = pipelines.at(name);
    const Reader stages = reader.at("stages");
    if (!stages.is_array()) stages.fail("expected an array of stages");
    if (stages.size() == 0) stages.fail("a pipeline needs at least one stage");
    if (stages.size() > kMaxStages)
      stages.fail(text::format("at most {} stages, found {}", kMaxStages, stages.size()));
    Pipeline pipeline;
    pipeline.name = name;
    pipeline.workers = static_cast<int>(reader.integer("workers", 0, 1, 1'000'000));
    for (std::size_t i = 0; i < stages.size(); ++i)
      pipeline.stages.push_back(read_stage(stages.at(i), services, pipeline.stages));
    const auto visits = [](const Stage& stage) { return stage.service >= 0; };
    if (std::none_of(pipeline.stages.begin(), pipeline.stages.end(), visits))
      stages.fail("no stage visits a service");
    check_workers(reader, pipeline);
    reader.finish();
    read.push_back(std::move(pipeline));
  }
  return read;
}

}  // namespace gpushare::scenario
