#include "core/catalogue.hpp"

#include <algorithm>
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

// All names where they are few; of many those of its kind, and of those the ones that are most like it in letters, nearest
// first.
std::string listed(std::string_view name, const std::vector<std::string>& known) {
  if (known.size() <= kMostShown) return text::join(known, ", ");
  auto shown = names::kin(name, known);
  if (shown.empty()) shown = known;
  const std::string letters = text::lower_case(name.substr(0, kLongestName));
  std::stable_sort(shown.begin(), shown.end(), [&](const std::string& a, const std::string& b) {
    return json::edit_distance(letters, a) < json::edit_distance(letters, b);
  });
  shown.resize(std::min(shown.size(), kMostShown));
  return text::format("{} and {} others", text::join(shown, ", "), known.size() - shown.size());
}

// "80GB" of a card, which people say beside names that have it not.
std::string memory_of(const nlohmann::json& document) {
  if (!document.is_object()) return "";
  const auto found = document.find("nominal_memory_bytes");
  if (found == document.end() || !found->is_object() || !found->contains("value")) return "";
  return text::format("{:.0f}GB", (*found)["value"].get<double>() / 1e9);
}

// Of a cloud's machine: its card; of an instance's label: the card, and how a document asks for the instance.
std::string card_hint(const Catalogue& cards, std::string_view name) {
  if (const auto card = machines::card_of(name); !card.empty())
    return text::format("; it is a machine with {}{}", card,
                        cards.has(card) ? ": write that card" : ", which no profile describes");
  const auto instance = names::instance(name);
  const auto card = instance ? cards.find(instance->card) : std::nullopt;
  if (!card) return "";
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
  return names::meant(name, known);
}

std::string_view Catalogue::text(std::string_view name) const { return builtin(folder, name).value(); }

std::string Catalogue::source(std::string_view name_or_path) const {
  if (is_path(name_or_path)) return std::string(name_or_path);
  return text::format("{}/{}.json", folder, name_or_path);
}

// Of a cloud's machine: its card. Of a repository's name for a model in another format: the model, and how a document asks
// for the format.
std::string Catalogue::hint(std::string_view name) const {
  const auto stored = what == "model" ? names::stored(name) : std::nullopt;
  if (const auto base = stored ? find(stored->base) : std::nullopt)
    return text::format("; it is {} with weights in {}: write that model, and \"precision\": \"{}\"", *base,
                        stored->format, stored->format);
  if (folder == "profiles")
    if (std::string hint = card_hint(*this, name); !hint.empty()) return hint;
  const auto known = names();
  return did_you_mean(name, versions ? known : names::family(name, known));
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
