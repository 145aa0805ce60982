#include "documents/scenario_document.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "placement/placement_mode.hpp"

namespace gpushare::scenario {
namespace {

using nlohmann::ordered_json;

std::string at(const std::string& source, const ordered_json::json_pointer& pointer) {
  return source.empty() ? pointer.to_string() : source + "#" + pointer.to_string();
}

void absolute(ordered_json& name, const std::filesystem::path& folder, bool always) {
  if (!name.is_string()) return;
  const auto text = name.get<std::string>();
  if (text.empty() || (!always && !is_path(text))) return;
  name = (folder / text).lexically_normal().string();
}

ordered_json* member(ordered_json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

void absolute_in_each(ordered_json* parent, const char* key, const std::filesystem::path& folder,
                      bool always = false) {
  if (parent == nullptr || !parent->is_structured()) return;
  for (auto& child : *parent)
    if (auto* name = member(child, key)) absolute(*name, folder, always);
}

void absolute_drafts(ordered_json* services, const std::filesystem::path& folder) {
  if (services == nullptr || !services->is_structured()) return;
  for (auto& service : *services)
    if (auto* engine = member(service, "engine"))
      if (auto* speculation = member(*engine, "speculation"))
        if (auto* draft = member(*speculation, "draft")) absolute(*draft, folder, false);
}

void absolute_in_nodes(ordered_json* nodes, const std::filesystem::path& folder) {
  if (nodes == nullptr || !nodes->is_structured()) return;
  for (auto& node : *nodes) absolute_in_each(member(node, "gpus"), "profile", folder);
}

void absolute_paths(ordered_json& document, const std::filesystem::path& folder) {
  if (auto* gpu = member(document, "gpu")) absolute(*gpu, folder, false);
  absolute_in_each(member(document, "services"), "model", folder);
  absolute_drafts(member(document, "services"), folder);
  absolute_in_each(member(document, "traffic"), "path", folder, true);
  if (auto* placement = member(document, "placement")) {
    absolute_in_each(member(*placement, "gpus"), "profile", folder);
    absolute_in_nodes(member(*placement, "nodes"), folder);
    if (auto* undo = member(*placement, "undo")) absolute_paths(*undo, folder);
  }
  if (auto* modes = member(document, "modes"); modes != nullptr && modes->is_object())
    for (auto& patch : *modes) absolute_paths(patch, folder);
}

void check_shape(const ordered_json& document, const std::string& source) {
  const ordered_json::json_pointer placement("/placement");
  if (document.contains(placement) && !document.at(placement).is_object())
    fail(at(source, placement), R"(expected an object such as {"mode": "dedicated"} or {"gpus": [...]})");
  const ordered_json::json_pointer undo("/placement/undo");
  if (document.contains(undo) && !document.at(undo).is_object())
    fail(at(source, undo), "expected a merge patch (an object)");
  const ordered_json::json_pointer modes("/modes");
  if (!document.contains(modes)) return;
  if (!document.at(modes).is_object())
    fail(at(source, modes), "expected an object of merge patches by mode name");
  for (const auto& [name, patch] : document.at(modes).items()) {
    const auto where = at(source, modes / name);
    if (!patch.is_object()) fail(where, "expected a merge patch (an object; {} for a mode of the grammar)");
    if (patch.contains("modes")) fail(where, "a mode must not change \"modes\"");
    if (patch.contains("placement") && !patch.at("placement").is_object() && !patch.at("placement").is_null())
      fail(where + "/placement", R"(expected an object such as {"mode": "dedicated"} or {"gpus": [...]})");
    if (patch.empty() && !read_mode(name, where))
      fail(where, text::format("an empty patch stands for a mode of the grammar ({}), and \"{}\" is none",
                               kModeGrammar, name));
  }
}

// What a placement says that names no mode.
constexpr std::array kLists{"gpus", "nodes"};

bool lists_gpus(const ordered_json& placement) {
  return std::any_of(kLists.begin(), kLists.end(), [&](const char* key) {
    return placement.contains(key) && !placement.at(key).is_null();
  });
}

void set_mode(ordered_json& placement, const std::string& mode) {
  if (placement.is_null()) placement = ordered_json::object();
  for (const char* key : {"gpus", "nodes", "label", "undo"}) placement.erase(key);
  placement["mode"] = mode;
}

// A mode that the document spells out: its patch, then where it leaves the placement.
void merge(ordered_json& document, const std::string& name, const std::string& source) {
  const ordered_json original = document;
  const ordered_json patch = original.at("modes").at(name);
  const auto pointer = ordered_json::json_pointer("/modes") / name / "placement";
  document.merge_patch(patch);
  auto& placement = document["placement"];
  if (placement.is_null()) placement = ordered_json::object();
  const ordered_json own = patch.contains("placement") ? patch.at("placement") : ordered_json::object();
  const bool names_mode = own.contains("mode") && !own.at("mode").is_null();
  if (lists_gpus(own) && names_mode)
    fail(at(source, pointer),
         text::format("\"mode\" and \"{}\" exclude each other", own.contains("gpus") ? "gpus" : "nodes"));
  if (lists_gpus(own)) {
    placement.erase("mode");
    for (const char* key : kLists)
      if (!own.contains(key)) placement.erase(key);
  } else if (names_mode) {
    for (const char* key : kLists) placement.erase(key);
  } else if (read_mode(name, at(source, pointer))) {
    set_mode(placement, name);
  }
  if (!lists_gpus(placement)) {
    if (!placement.contains("mode")) placement["mode"] = "dedicated";
    const auto& mode = placement.at("mode");
    if (!mode.is_string() || !read_mode(mode.get<std::string>(), at(source, pointer / "mode")))
      fail(at(source, pointer / "mode"),
           text::format("this mode must be placed by a mode of the grammar ({}), found {}", kModeGrammar,
                        mode.dump()));
  }
  placement["label"] = name;
  ordered_json undo = merge_difference(document, original);
  document["placement"]["undo"] = std::move(undo);
}

[[noreturn]] void fail_unknown(const std::string& mode, const std::vector<std::string>& modes,
                               const std::string& where) {
  std::vector<std::string> known = modes;
  for (const char* word : {"dedicated", "time-slicing", "mps"})
    if (std::find(known.begin(), known.end(), word) == known.end()) known.emplace_back(word);
  const std::string start = mode.substr(0, mode.find(':'));
  std::string hint = did_you_mean(mode, known);
  if (hint.empty()) hint = did_you_mean(start, {"dedicated", "time-slicing", "mps", "mig"}, ".");
  fail(where,
       text::format("unknown mode \"{}\"{}{} Any document has {}", mode, hint,
                    modes.empty() ? "" : text::format(" This document's modes: {}.", text::join(modes, ", ")),
                    kModeGrammar));
}

void select(ordered_json& document, const std::string& mode, const std::vector<std::string>& modes,
            const std::string& source, const std::string& where) {
  const bool own = std::find(modes.begin(), modes.end(), mode) != modes.end();
  if (own && !document.at("modes").at(mode).empty()) return merge(document, mode, source);
  if (!read_mode(mode, where)) fail_unknown(mode, modes, where);
  set_mode(document["placement"], mode);
}

void undo(ordered_json& document) {
  auto* placement = member(document, "placement");
  if (placement == nullptr) return;
  if (const auto* patch = member(*placement, "undo"); patch != nullptr && patch->is_object()) {
    const ordered_json copy = *patch;
    document.merge_patch(copy);
  }
  placement = member(document, "placement");
  if (placement != nullptr && placement->is_object()) placement->erase("undo");
}

std::string text_of(const ordered_json& placement, const char* key, const std::string& source) {
  const auto& value = placement.at(key);
  if (!value.is_string() || value.get_ref<const std::string&>().empty())
    fail(at(source, ordered_json::json_pointer("/placement") / key),
         text::format("expected a name, found {}", value.dump()));
  return value.get<std::string>();
}

}  // namespace

void fail(std::string where, const std::string& what) { throw ScenarioError(std::move(where), what); }

std::vector<std::string> keys_of(const ordered_json& document, const char* name) {
  std::vector<std::string> keys;
  const auto found = document.find(name);
  if (found == document.end() || !found->is_object()) return keys;
  for (const auto& [key, value] : found->items()) keys.push_back(key);
  return keys;
}

ordered_json merge_difference(const ordered_json& from, const ordered_json& to) {
  ordered_json patch = ordered_json::object();
  for (const auto& [key, value] : from.items())
    if (!to.contains(key)) patch[key] = nullptr;
  for (const auto& [key, value] : to.items()) {
    const auto before = from.find(key);
    if (before != from.end() && before->is_object() && value.is_object()) {
      auto inner = merge_difference(*before, value);
      if (!inner.empty()) patch[key] = std::move(inner);
    } else if (before == from.end() || *before != value) {
      patch[key] = value;
    }
  }
  return patch;
}

void make_paths_absolute(ordered_json& document, const std::string& folder) {
  absolute_paths(document,
                 folder.empty() ? std::filesystem::current_path() : std::filesystem::absolute(folder));
}

AppliedDocument apply_mode(ordered_json document, const std::string& mode, const std::string& source,
                           const std::string& folder) {
  if (!document.is_object()) fail(source, "expected an object with name, services, pipelines and traffic");
  for (const char* key : {"placement", "modes"})
    if (document.contains(key) && document.at(key).is_null()) document.erase(key);
  check_shape(document, source);
  make_paths_absolute(document, folder);
  auto modes = keys_of(document, "modes");
  std::string shown = mode;
  if (!mode.empty()) {
    undo(document);
    check_shape(document, source);
    modes = keys_of(document, "modes");
    select(document, mode, modes, source, source);
    return {std::move(document), std::move(shown), std::move(modes)};
  }
  if (!document.contains("placement")) document["placement"] = ordered_json::object();
  auto& placement = document["placement"];
  const bool labelled = placement.contains("label");
  if (lists_gpus(placement)) {
    shown = labelled ? text_of(placement, "label", source) : "custom";
  } else if (!placement.contains("mode")) {
    shown = "dedicated";
    select(document, shown, modes, source, source);
  } else if (labelled) {
    shown = text_of(placement, "label", source);
  } else {
    shown = text_of(placement, "mode", source);
    select(document, shown, modes, source, at(source, ordered_json::json_pointer("/placement/mode")));
  }
  return {std::move(document), std::move(shown), std::move(modes)};
}

}  // namespace gpushare::scenario
