#include "placement/placement_mode.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace scenario {
namespace {

constexpr int kMostReplicas = 1000;
constexpr double kMostWeight = 1e6;
constexpr std::string_view kDedicatedWord = "dedicated";

[[noreturn]] void fail(const std::string& where, const std::string& text, const std::string& what) {
  throw ScenarioError(where, text::format("mode \"{}\": {}", text, what));
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

int parse_replicas(const std::string& text, std::string_view word, std::string_view rest,
                   const std::string& where) {
  const std::string_view said = rest;
  if (rest.starts_with('x'))
    rest.remove_prefix(1);
  else if (rest.ends_with('x'))
    rest.remove_suffix(1);
  const auto replicas = number<int>(rest);
  if (!replicas || *replicas < 1 || *replicas > kMostReplicas)
    fail(
        where, text,
        text::format("after \"{}:\" expected replicas, a whole number between 1 and {}{}, found \"{}\"", word,
                     kMostReplicas,
                     word == to_string(SharingMode::time_slicing) ? ", or weights such as 25/75" : "", said));
  return *replicas;
}

// A cap in per cent alone could be meant as a number of processes, as device plugins have it.
void refuse_bare_number(const std::string& text, std::string_view word, std::string_view rest,
                        const std::string& where) {
  if (rest.empty() || rest.find_first_not_of("0123456789.") != std::string_view::npos) return;
  const auto count = number<int>(rest);
  const auto cap = number<double>(rest);
  const bool copies = count && *count >= 1 && *count <= kMostReplicas;
  const bool capped = cap && *cap > 0 && *cap <= 100;
  if (!copies && !capped)
    fail(where, text,
         text::format("expected processes such as {}:x4, or a cap of each such as {}:25%", word, word));
  std::string choices;
  if (copies) choices = text::format("\"{}:x{}\" for {} processes", word, rest, rest);
  if (copies && capped) choices += ", or ";
  if (capped)
    choices += text::format("\"{}:{}%\" for processes that are capped at {} % each", word, rest, rest);
  if (capped && *cap < 1)
    choices += text::format(", or \"{}:{}%\" for a share of {}", word, *cap * 100, rest);
  fail(where, text, "write " + choices);
}

// Of "60/40".
std::vector<std::string_view> parts_of(std::string_view rest) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= rest.size();) {
    const std::size_t end = std::min(rest.find('/', begin), rest.size());
    parts.push_back(text::trimmed(rest.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::string_view without_percent(std::string_view part) {
  return part.ends_with('%') ? text::trimmed(part.substr(0, part.size() - 1)) : part;
}

std::vector<double> parse_percentages(const std::string& text, std::string_view word, std::string_view rest,
                                      const std::string& where) {
  std::vector<double> percentages;
  for (std::string_view part : parts_of(rest)) {
    const std::string_view found = part;
    const auto percentage = number<double>(without_percent(part));
    if (!percentage || !(*percentage > 0) || *percentage > 100)
      fail(where, text,
           text::format("after \"{}:\" expected percentages > 0 and <= 100 such as 50/50, found \"{}\"", word,
                        found));
    percentages.push_back(*percentage);
  }
  return percentages;
}

std::vector<double> parse_weights(const std::string& text, std::string_view word, std::string_view rest,
                                  const std::string& where) {
  std::vector<double> weights;
  for (const std::string_view part : parts_of(rest)) {
    const auto weight = number<double>(without_percent(part));
    if (!weight || !(*weight > 0) || *weight > kMostWeight)
      fail(where, text,
           text::format("after \"{}:\" expected weights > 0 such as 25/75, found \"{}\"", word, part));
    weights.push_back(*weight);
  }
  return weights;
}

// What follows the word of a shared mode: copies, weights where it has slices, or caps where it has them.
void parse_shared(PlacementMode& mode, const SharingTraits& sharing, const std::string& text,
                  std::string_view rest, const std::string& where) {
  mode.sharing = sharing.mode;
  if (sharing.has_slices && rest.find('/') != std::string_view::npos) {
    mode.weights = parse_weights(text, sharing.name, rest, where);
  } else if (!sharing.has_limits || rest.starts_with('x') || rest.ends_with('x')) {
    mode.replicas = parse_replicas(text, sharing.name, rest, where);
  } else if (rest.ends_with('%') && rest.find('/') == std::string_view::npos) {
    mode.percentages = parse_percentages(text, sharing.name, rest.substr(0, rest.size() - 1), where);
    mode.same_percentage = true;
  } else {
    refuse_bare_number(text, sharing.name, rest, where);
    mode.percentages = parse_percentages(text, sharing.name, rest, where);
  }
}

/// "mps" and "x2" of "mps:x2" and "MPS x2".
struct Split {
  std::string word;  ///< as the grammar has it
  bool has_rest = false;
  std::string_view rest;
};

// Words that people use for the modes of the grammar.
constexpr auto kAliases =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"ts", "time-slicing"},
                                                                  {"timeslicing", "time-slicing"},
                                                                  {"timeslice", "time-slicing"},
                                                                  {"time-slice", "time-slicing"},
                                                                  {"time-sliced", "time-slicing"}});

// What schedulers and drivers call their ways of sharing, and what these are here.
constexpr auto kOthers = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"exclusive", "one server on each GPU is \"dedicated\""},
     {"whole", "one server on each GPU is \"dedicated\""},
     {"none", "one server on each GPU is \"dedicated\""},
     {"no-sharing", "one server on each GPU is \"dedicated\""},
     {"vgpu", "vGPUs take turns: \"time-slicing\", with weights such as time-slicing:25/75"},
     {"hami", "what HAMi limits is memory and a share of SMs: \"mps:30/70\", and memory_bytes of a service"},
     {"kai", "fractions of the KAI scheduler take turns: \"time-slicing\", with memory_bytes of a service"},
     {"run:ai", "fractions of Run:ai take turns: \"time-slicing\", with memory_bytes of a service"},
     {"fraction",
      "fractions of a GPU: \"mps:25/75\" of its SMs, time-slicing:25/75 of its time, or mig:LAYOUT"},
     {"dra", "a way to ask for GPUs, not to share them: gpushare export dra writes a mode's claims"},
     {"shared", "a GPU is shared by \"time-slicing\", \"mps\" or \"mig:LAYOUT\""}});

std::string mode_word(std::string_view written) {
  std::string word(text::trimmed(written));
  for (char& c : word) c = c == ' ' || c == '_' ? '-' : text::lower(c);
  for (const auto& [alias, known] : kAliases)
    if (word == alias) return std::string(known);
  return word;
}

bool is_mode_word(const std::string& word) {
  const auto words = mode_words();
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A colon follows the word; a blank does too where what stands before it is a word of the grammar.
Split split(std::string_view text) {
  const std::size_t colon = text.find(':');
  Split found{mode_word(text.substr(0, colon)), colon != text.npos, {}};
  if (found.has_rest) found.rest = text::trimmed(text.substr(colon + 1));
  constexpr std::string_view kLabel = "mig-";  // "mig-3g.40gb", as resources of the device plugin end
  if (found.word.size() > kLabel.size() && found.word.starts_with(kLabel) &&
      std::isdigit(static_cast<unsigned char>(found.word[kLabel.size()])) != 0)
    return {std::string(kMigWord), true, text.substr(text.find('-') + 1)};
  if (is_mode_word(found.word)) return found;
  const std::size_t blank = text.find(' ');
  const auto first = mode_word(text.substr(0, blank));
  if (blank == text.npos || !is_mode_word(first)) return found;
  return {first, true, text::trimmed(text.substr(blank + 1))};
}

// Where the layout ends: at the first slash that is none of a resource's name.
std::size_t layout_end(std::string_view rest) {
  constexpr std::string_view kDomain = ".com";
  for (std::size_t slash = rest.find('/'); slash != rest.npos; slash = rest.find('/', slash + 1))
    if (!rest.substr(0, slash).ends_with(kDomain)) return slash;
  return rest.size();
}

void parse_inside(PlacementMode& mode, const std::string& text, std::string_view inner,
                  const std::string& where) {
  const Split parts = split(inner);
  const SharingTraits* sharing = shared_mode(parts.word);
  if (sharing == nullptr)
    fail(where, text,
         text::format("after the layout expected {}, found \"/{}\"{}", shared_mode_choices("/"), inner,
                      std::isdigit(static_cast<unsigned char>(inner.front())) != 0
                          ? "; instances stand between +, as in 3g.40gb+4g.40gb"
                          : ""));
  mode.sharing = sharing->mode;
  if (parts.has_rest) parse_shared(mode, *sharing, text, parts.rest, where);
  if (!mode.weights.empty())
    fail(where, text, "on instances processes have no weights; list them in \"gpus\" with a \"weight\" each");
  if (!mode.percentages.empty() && !mode.same_percentage)
    fail(where, text, "on instances one percentage is of every process, as in /mps:50%; found several");
}

WrittenMode parse_mig(const std::string& text, std::string_view rest, const std::string& where) {
  WrittenMode written;
  written.mode.kind = PlacementMode::Kind::mig;
  const std::size_t slash = layout_end(rest);
  if (slash < rest.size()) parse_inside(written.mode, text, rest.substr(slash + 1), where);
  written.layout = rest.substr(0, slash);
  if (written.layout.empty()) fail(where, text, "after \"mig:\" expected a layout such as 3g.40gb+3g.40gb");
  return written;
}

}  // namespace

std::vector<std::string> mode_words() {
  std::vector<std::string> words{std::string(kDedicatedWord)};
  for (const SharingTraits& sharing : all_sharing_traits())
    if (!sharing.one_process) words.emplace_back(sharing.name);
  words.emplace_back(kMigWord);
  return words;
}

std::string mode_hint(const std::string& text) {
  const std::string lower = text::lower_case(text);
  for (const auto& [word, told] : kOthers)
    if (lower.starts_with(word)) return text::format("; {}", told);
  for (const char* separator : {";", "|", " ", "+"})
    if (const std::size_t at = text.find(separator);
        at != text.npos && is_mode_word(mode_word(text.substr(0, at))))
      return "; several modes stand between commas";
  const auto near = json::nearest(mode_word(text.substr(0, text.find(':'))), mode_words());
  return near ? text::format("; did you mean \"{}\"?", *near) : std::string();
}

std::optional<WrittenMode> read_mode(const std::string& text, const std::string& where) {
  const Split parts = split(text);
  if (parts.word == kMigWord) return parse_mig(text, parts.rest, where);
  WrittenMode written;
  if (parts.word == kDedicatedWord) {
    if (parts.has_rest) fail(where, text, "\"dedicated\" takes nothing after it");
    return written;
  }
  const SharingTraits* sharing = shared_mode(parts.word);
  if (sharing == nullptr) return std::nullopt;
  written.mode.kind = PlacementMode::Kind::shared;
  written.mode.sharing = sharing->mode;
  if (parts.has_rest) parse_shared(written.mode, *sharing, text, parts.rest, where);
  return written;
}

PlacementMode on_gpu(const WrittenMode& written, const GpuProfile& profile) {
  PlacementMode mode = written.mode;
  if (mode.kind == PlacementMode::Kind::mig) mode.layout = parse_layout(profile, written.layout);
  return mode;
}

}  // namespace scenario

const std::vector<ModeKind>& mode_kinds() {
  static const std::vector<ModeKind> kinds = [] {
    std::vector<ModeKind> found{{std::string(scenario::kDedicatedWord), "one GPU for each server"}};
    std::string inner;
    for (const SharingTraits& sharing : all_sharing_traits()) {
      if (sharing.one_process) continue;
      const auto* const after =
          sharing.has_limits ? "[:xREPLICAS|:PERCENT%|:PERCENT/PERCENT...]" : "[:REPLICAS|:WEIGHT/WEIGHT...]";
      const auto* const inside = sharing.has_limits ? "[:xPROCESSES|:PERCENT%]" : "[:PROCESSES]";
      found.push_back({text::format("{}{}", sharing.name, after), std::string(sharing.description)});
      inner += text::format("{}/{}{}", inner.empty() ? "" : "|", sharing.name, inside);
    }
    found.push_back(
        {text::format("{}:LAYOUT[{}]", scenario::kMigWord, inner),
         "one GPU cut by MIG, such as mig:3g.40gb+3g.40gb, mig:7x1g.10gb or mig:all-balanced, with"
         " so many processes on each instance"});
    return found;
  }();
  return kinds;
}

const std::string& mode_grammar() {
  static const std::string grammar = [] {
    std::vector<std::string> all;
    for (const ModeKind& kind : mode_kinds()) all.push_back(kind.grammar);
    return text::join(all, ", ");
  }();
  return grammar;
}

PlacementMode parse_mode(const std::string& text, const GpuProfile& profile) {
  if (const auto written = scenario::read_mode(text, {})) return scenario::on_gpu(*written, profile);
  const std::string hint = scenario::mode_hint(text);
  throw ScenarioError({}, text::format("unknown mode \"{}\"{} Modes: {}", text,
                                       hint.ends_with('?') ? hint : hint + ".", mode_grammar()));
}

}  // namespace gpushare
