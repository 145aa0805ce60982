#include "core/catalogue.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/builtin.hpp"
#include "core/names.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

constexpr std::string_view kSchema = "schema";  // stands beside the files
constexpr std::string_view kOrPath = "; or give the path of a .json file";
constexpr std::size_t kFew = 12;

// Of many names those of its kind.
std::string listed(std::string_view name, const std::vector<std::string>& known) {
  const auto kin = known.size() > kFew ? names::kin(name, known) : known;
  if (kin.empty() || kin.size() == known.size()) return text::join(known, ", ");
  return text::format("{} and {} others", text::join(kin, ", "), known.size() - kin.size());
}

}  // namespace

bool is_path(std::string_view reference) {
  return reference.find('/') != std::string_view::npos || reference.ends_with(".json");
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
  std::vector<names::Named> known;
  for (const std::string& one : names()) {
    const auto document = nlohmann::json::parse(text(one), nullptr, false);
    const bool titled = document.is_object() && document.contains("title") && document["title"].is_string();
    known.push_back({one, titled ? document["title"].get<std::string>() : std::string()});
  }
  return names::meant(name, known);
}

std::string_view Catalogue::text(std::string_view name) const { return builtin(folder, name).value(); }

std::string Catalogue::source(std::string_view name_or_path) const {
  if (paths && is_path(name_or_path)) return std::string(name_or_path);
  return text::format("{}/{}.json", folder, name_or_path);
}

// Presets, which have no paths, are versions of a server: another one may be meant, and another product never is.
std::string Catalogue::no_such(std::string_view name) const {
  const auto known = names();
  return text::format("no {} is called \"{}\"{}; known: {}{}", what, name,
                      did_you_mean(name, paths ? names::family(name, known) : known), listed(name, known),
                      paths ? kOrPath : "");
}

std::string Catalogue::unknown(std::string_view name) const {
  const auto known = names();
  return text::format("unknown {} \"{}\"{} Known: {}{}", what, name,
                      did_you_mean(name, paths ? names::family(name, known) : known, "."),
                      listed(name, known), paths ? kOrPath : "");
}

std::string Catalogue::named_by(const json::Reader& reader) const {
  std::string name = reader.string();
  const bool path = paths && is_path(name);
  if (path && std::filesystem::exists(name)) return name;
  const bool file = name.ends_with(".json");
  if (const auto known = file ? std::nullopt : find(name)) return *known;
  if (path) reader.fail(text::format("there is no {} file \"{}\"", what, name));
  reader.fail(unknown(name));
}

nlohmann::json Catalogue::load(const std::string& name_or_path, const json::Thrower& thrower) const {
  if (paths && is_path(name_or_path) &&
      (name_or_path.ends_with(".json") || std::filesystem::exists(name_or_path)))
    return json::load_file(name_or_path, thrower);
  if (const auto known = find(name_or_path)) return json::parse(text(*known), source(*known), thrower);
  if (paths && is_path(name_or_path)) return json::load_file(name_or_path, thrower);
  thrower({}, no_such(name_or_path));
  throw Error({}, no_such(name_or_path));
}

}  // namespace gpushare
