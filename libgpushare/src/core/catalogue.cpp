#include "core/catalogue.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/builtin.hpp"
#include "core/machines.hpp"
#include "core/names.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

constexpr std::string_view kSchema = "schema";  // stands beside the files
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostShown = 10;  // names in a message

std::string or_path(std::string_view what) {
  return text::format("; or give the path of a .json or .yaml file{}",
                      what == "model" ? ", a published config.json among them" : "");
}

// "deepseek-ai/DeepSeek-V3", which names no file.
bool is_repository(std::string_view name) {
  const auto slash = name.find('/');
  return slash != 0 && slash != name.npos && slash == name.rfind('/') && name[0] != '.' && name[0] != '~' &&
         !json::has_document_name(name);
}

std::vector<std::string> long_words(std::string_view name) {
  constexpr std::size_t kLong = 4;
  std::vector<std::string> words;
  std::string word;
  for (const char c : text::lower_case(name.substr(0, kLongestName)) + "-") {
    if (c >= 'a' && c <= 'z') {
      word += c;
      continue;
    }
    if (word.size() >= kLong) words.push_back(word);
    word.clear();
  }
  return words;
}

// Whether a word of one begins with a word of the other: "rerank" and "bge-reranker-v2-m3".
bool shares_word(const std::vector<std::string>& words, std::string_view name) {
  const auto others = long_words(name);
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::any_of(others.begin(), others.end(), [&](const std::string& other) {
      return word.starts_with(other) || other.starts_with(word);
    });
  });
}

// All names where they are few; of many those of its kind, and of those the ones that have a word of it and that are most
// like it in letters, nearest first.
std::string listed(std::string_view name, const std::vector<std::string>& known) {
  if (known.size() <= kMostShown) return text::join(known, ", ");
  auto shown = names::kin(name, known);
  if (shown.empty()) shown = known;
  const std::string letters = text::lower_case(name.substr(0, kLongestName));
  const auto words = long_words(name);
  const auto rank = [&](const std::string& one) {
    return std::pair(!shares_word(words, one), json::edit_distance(letters, one));
  };
  std::stable_sort(shown.begin(), shown.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  shown.resize(std::min(shown.size(), kMostShown));
  return text::format("{} and {} others", text::join(shown, ", "), known.size() - shown.size());
}

// "80G", "80 GB" and, behind a card's name, "80" are "80GB".
std::string with_memory_in_gb(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kSizes = {"12", "16", "24",  "32",  "40",  "48",  "80",
                                                              "94", "96", "141", "144", "180", "192", "288"};
  const auto number = [](std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
  };
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t end = std::min(name.find_first_of("-_ ()", i), name.size());
    std::string word = text::lower_case(name.substr(i, end - i));
    const std::string next = text::lower_case(name.substr(std::min(end + 1, name.size())));
    const bool counted = next.starts_with("gb") || next.starts_with("g-") || next == "g";
    const bool size = !out.empty() && std::find(kSizes.begin(), kSizes.end(), word) != kSizes.end();
    const bool short_unit = word.ends_with('g') && number(std::string_view(word).substr(0, word.size() - 1));
    if (word == "g" || word == "gb") word.clear();
    if (short_unit) word += 'b';
    if (number(word) && (counted || size)) word += "gb";
    out += word;
    if (end < name.size()) out += '-';
    i = end + 1;
  }
  return out;
}

// "80GB" of a card, which people say beside names that have it not.
std::string memory_of(const nlohmann::json& document) {
  if (!document.is_object()) return "";
  const auto found = document.find("nominal_memory_bytes");
  if (found == document.end() || !found->is_object() || !found->contains("value")) return "";
  return text::format("{:.0f}GB", (*found)["value"].get<double>() / 1e9);
}

// "8xH100" and "2 x L4" without how many.
std::string_view without_count(std::string_view name) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == part.npos;
  };
  const std::size_t first = name.find_first_of("xX");
  if (first != name.npos && digits(text::trimmed(name.substr(0, first))))
    return text::trimmed(name.substr(first + 1));
  const std::size_t last = name.find_last_of("xX");
  if (last != name.npos && digits(text::trimmed(name.substr(last + 1))))
    return text::trimmed(name.substr(0, last));
  return name;
}

// "A100-40C": a vGPU's type, whose last letter says what it is licensed for.
std::string_view without_type(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == name.npos || dash + 2 >= name.size() || name.find_last_of("QCABqcab") != name.size() - 1)
    return name;
  const std::string_view size = name.substr(dash + 1, name.size() - dash - 2);
  return size.find_first_not_of("0123456789") == size.npos ? name.substr(0, dash) : name;
}

std::string other_card_hint(const Catalogue& cards, std::string_view name) {
  if (const auto one = without_count(name); one != name)
    if (const auto card = cards.find(one))
      return text::format("; write \"{}\", and how many where GPUs are counted (\"gpus\", \"nodes\", --gpus)",
                          *card);
  std::string_view physical = without_type(name);
  if (physical != name && text::lower_case(physical).starts_with("grid ")) physical.remove_prefix(5);
  if (const auto card = physical != name ? cards.find(physical) : std::nullopt)
    return text::format("; it is a vGPU of {}: write that card, and a mode such as \"time-slicing\"", *card);
  for (const std::string_view other : {"mi2", "mi3", "gaudi", "tpu", "trainium", "inferentia", "instinct"})
    if (text::lower_case(name).starts_with(other))
      return "; it is none of NVIDIA's, and only those are described";
  return "";
}

// Of a cloud's machine: its card; of an instance's label: the card, and how a document asks for the instance.
std::string card_hint(const Catalogue& cards, std::string_view name) {
  if (const auto card = machines::card_of(name); !card.empty())
    return text::format("; it is a machine with {}{}", card,
                        cards.has(card) ? ": write that card" : ", which no profile describes");
  const auto instance = names::instance(name);
  const auto card = instance ? cards.find(instance->card) : std::nullopt;
  if (!card) return other_card_hint(cards, name);
  return text::format("; it is an instance of {}: write that card, and the mode \"mig:{}\"", *card,
                      instance->profile);
}

}  // namespace

bool is_path(std::string_view reference) {
  return reference.find('/') != std::string_view::npos || json::has_document_name(reference);
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known,
                         std::string_view otherwise) {
  const auto near = json::nearest(name, known);
  return near ? text::format("; did you mean \"{}\"?", *near) : std::string(otherwise);
}

std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<std::string>& known) {
  return text::format("unknown {} \"{}\"{} Known: {}", what, name, did_you_mean(name, known, "."),
                      known.empty() ? "none" : text::join(known, ", "));
}

std::string unknown_option(std::string_view what, std::string_view name, const std::string& shown,
                           const std::vector<std::string>& known) {
  const std::string hint = did_you_mean(name, known);
  return text::format("unknown {} {}{} {}nown {}s: {}", what, shown, hint.empty() ? ";" : hint,
                      hint.empty() ? "k" : "K", what.substr(what.find(' ') + 1), text::join(known, ", "));
}

std::vector<std::string> Catalogue::names() const {
  auto names = builtin_names(folder);
  std::erase(names, kSchema);
  return names;
}

bool Catalogue::has(std::string_view name) const {
  return name != kSchema && builtin(folder, name).has_value();
}

std::optional<std::string> Catalogue::find(std::string_view name) const {
  if (has(name)) return std::string(name);
  if (const auto labelled = machines::card_labelled(name); has(labelled)) return std::string(labelled);
  std::vector<names::Named> known;
  for (const std::string& one : names()) {
    const auto document = nlohmann::json::parse(text(one), nullptr, false);
    const bool titled = document.is_object() && document.contains("title") && document["title"].is_string();
    known.push_back(
        {one, titled ? document["title"].get<std::string>() : std::string(), memory_of(document)});
  }
  if (const auto meant = names::meant(name, known)) return meant;
  return folder == "profiles" ? names::meant(with_memory_in_gb(name), known) : std::nullopt;
}

std::string_view Catalogue::text(std::string_view name) const { return builtin(folder, name).value(); }

std::string Catalogue::source(std::string_view name_or_path) const {
  if (is_path(name_or_path)) return std::string(name_or_path);
  return text::format("{}/{}.json", folder, name_or_path);
}

namespace {

// Another version of a product is never meant by a name, so all that there are of it are shown.
std::string version_hint(std::string_view name, const std::vector<std::string>& known) {
  const std::string lower = text::lower_case(name);
  const std::string_view product = std::string_view(lower).substr(0, lower.find_first_of("-_ 0123456789"));
  const std::string_view meant = product == "trtllm" || product == "trt" ? "tensorrt" : product;
  std::vector<std::string> versions;
  for (const std::string& one : known)
    if (one.substr(0, one.find('-')) == meant) versions.push_back(one);
  if (!versions.empty())
    return text::format("; of {} there {} {}: take the nearest", meant, versions.size() == 1 ? "is" : "are",
                        text::join(versions, ", "));
  if (const std::string near = did_you_mean(name, known); !near.empty()) return near;
  return "; its host times are not known: take the most alike, and fit it to a run of yours (gpushare "
         "calibrate engine)";
}

}  // namespace

// Of a cloud's machine: its card. Of a repository's name for a model in another format: the model, and how a document asks
// for the format.
std::string Catalogue::hint(std::string_view name) const {
  const auto stored = what == "model" ? names::stored(name) : std::nullopt;
  const auto base = stored ? find(stored->base) : std::nullopt;
  if (base && stored->format == "nvfp4")
    return text::format(
        "; it is {} with weights in NVFP4, whose arithmetic is not described: write that model, and "
        "\"precision\": \"int4\" for as many bytes",
        *base);
  if (base)
    return text::format("; it is {} with weights in {}: write that model, and \"precision\": \"{}\"", *base,
                        stored->format, stored->format);
  if (folder == "profiles")
    if (std::string hint = card_hint(*this, name); !hint.empty()) return hint;
  const auto known = names();
  return versions ? version_hint(name, known) : did_you_mean(name, names::family(name, known));
}

std::string Catalogue::no_such(std::string_view name) const {
  const auto known = names();
  return text::format("no {} is called \"{}\"{}; known: {}{}", what, name, hint(name), listed(name, known),
                      or_path(what));
}

std::string Catalogue::unknown(std::string_view name) const {
  const auto known = names();
  const std::string near = hint(name);
  return text::format("unknown {} \"{}\"{}{} Known: {}{}", what, name, near, near.ends_with('?') ? "" : ".",
                      listed(name, known), or_path(what));
}

std::string Catalogue::named_by(const json::Reader& reader) const {
  std::string name = reader.string();
  const bool path = is_path(name);
  if (path && std::filesystem::exists(name)) return name;
  const bool file = json::has_document_name(name);
  if (const auto known = file ? std::nullopt : find(name)) return *known;
  if (path && !is_repository(name)) reader.fail(text::format("there is no {} file \"{}\"", what, name));
  reader.fail(unknown(name));
}

nlohmann::json Catalogue::load(const std::string& name_or_path, const json::Thrower& thrower) const {
  if (is_path(name_or_path) &&
      (json::has_document_name(name_or_path) || std::filesystem::exists(name_or_path)))
    return json::load_file(name_or_path, thrower);
  if (const auto known = find(name_or_path)) return json::parse(text(*known), source(*known), thrower);
  if (is_path(name_or_path) && !is_repository(name_or_path)) return json::load_file(name_or_path, thrower);
  thrower({}, no_such(name_or_path));
  throw Error({}, no_such(name_or_path));
}

}  // namespace gpushare
