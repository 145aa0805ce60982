#include "documents/scenario_document.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace scenario {
namespace {

using nlohmann::ordered_json;

std::string at(const std::string& source, const ordered_json::json_pointer& pointer) {
  return source.empty() ? pointer.to_string() : source + "#" + pointer.to_string();
}

void absolute(ordered_json& name, const std::filesystem::path& folder, bool always) {
  if (!name.is_string()) return;
  const auto text = name.get<std::string>();
  if (text.empty() || (!always && !is_path(text))) return;
  const auto path = folder / text;
  // A repository's id has a slash too, and names no file.
  if (!always && !json::has_document_name(text) && !std::filesystem::exists(path)) return;
  name = path.lexically_normal().string();
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

void absolute_in_engines(ordered_json* services, const std::filesystem::path& folder) {
  if (services == nullptr || !services->is_structured()) return;
  for (auto& service : *services) {
    auto* engine = member(service, "engine");
    if (engine == nullptr) continue;
    if (auto* preset = member(*engine, "preset")) absolute(*preset, folder, false);
    if (auto* speculation = member(*engine, "speculation"))
      if (auto* draft = member(*speculation, "draft")) absolute(*draft, folder, false);
  }
}

void absolute_in_nodes(ordered_json* nodes, const std::filesystem::path& folder) {
  if (nodes == nullptr || !nodes->is_structured()) return;
  for (auto& node : *nodes) absolute_in_each(member(node, "gpus"), "profile", folder);
}

void absolute_paths(ordered_json& document, const std::filesystem::path& folder) {
  if (auto* gpu = member(document, "gpu")) absolute(*gpu, folder, false);
  absolute_in_each(member(document, "services"), "model", folder);
  absolute_in_engines(member(document, "services"), folder);
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
  if (document.contains(modes) && !document.at(modes).is_object())
    fail(at(source, modes), "expected an object of merge patches by mode name");
}

using WrittenModes = std::map<std::string, WrittenMode>;

// The modes of the grammar that a document has among its own: those with an empty patch.
WrittenModes read_modes(const ordered_json& document, const std::string& source) {
  WrittenModes read;
  const ordered_json::json_pointer modes("/modes");
  if (!document.contains(modes)) return read;
  for (const auto& [name, patch] : document.at(modes).items()) {
    const auto where = at(source, modes / name);
    if (!patch.is_object()) fail(where, "expected a merge patch (an object; {} for a mode of the grammar)");
    if (patch.contains("modes")) fail(where, "a mode must not change \"modes\"");
    if (patch.contains("placement") && !patch.at("placement").is_object() && !patch.at("placement").is_null())
      fail(where + "/placement", R"(expected an object such as {"mode": "dedicated"} or {"gpus": [...]})");
    if (!patch.empty()) continue;
    const auto written = read_mode(name, where);
    if (!written)
      fail(where, text::format("an empty patch stands for a mode of the grammar ({}), and \"{}\" is none",
                               mode_grammar(), name));
    read.emplace(name, *written);
  }
  return read;
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

// The mode that places what a patch left.
WrittenMode mode_left(ordered_json& placement, const std::string& where) {
  if (!placement.contains("mode")) placement["mode"] = "dedicated";
  const auto& mode = placement.at("mode");
  if (mode.is_string())
    if (const auto written = read_mode(mode.get<std::string>(), where)) return *written;
  fail(where, text::format("this mode must be placed by a mode of the grammar ({}), found {}", mode_grammar(),
                           mode.dump()));
}

void keep_undo(ordered_json& document, const std::string& label, const ordered_json& original) {
  document["placement"]["label"] = label;
  ordered_json undo = merge_difference(document, original);
  document["placement"]["undo"] = std::move(undo);
}

// A mode that the document spells out: its patch, then where it leaves the placement.
std::optional<WrittenMode> merge(ordered_json& document, const std::string& name, const std::string& source) {
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
  std::optional<WrittenMode> written;
  if (lists_gpus(own)) {
    placement.erase("mode");
    for (const char* key : kLists)
      if (!own.contains(key)) placement.erase(key);
  } else if (names_mode) {
    for (const char* key : kLists) placement.erase(key);
  } else if ((written = read_mode(name, at(source, pointer)))) {
    set_mode(placement, name);
  }
  if (!lists_gpus(placement) && !written) written = mode_left(placement, at(source, pointer / "mode"));
  keep_undo(document, name, original);
  return written;
}

// "2x3g.40gb", "all-1g.10gb" and "nvidia.com/mig-3g.40gb" are layouts.
std::string layout_in(std::string_view mode) {
  for (const std::string_view label : {"nvidia.com/", "mig-"})
    if (mode.starts_with(label)) mode.remove_prefix(label.size());
  const std::size_t slices = mode.find("g.");
  const bool digit =
      slices != std::string_view::npos && slices > 0 && mode[slices - 1] >= '0' && mode[slices - 1] <= '9';
  return digit || mode.starts_with("all-") ? std::string(mode) : "";
}

[[noreturn]] void fail_unknown(const std::string& mode, const std::vector<std::string>& modes,
                               const std::string& where) {
  std::vector<std::string> known = modes;
  for (const std::string& word : mode_words())
    if (word != kMigWord && std::find(known.begin(), known.end(), word) == known.end()) known.push_back(word);
  std::string hint = mode_hint(mode);
  if (hint.empty() || hint.ends_with('?'))
    if (const std::string near = did_you_mean(mode, known); !near.empty()) hint = near;
  if (const std::string layout = layout_in(mode); !layout.empty())
    hint = text::format("; did you mean \"mig:{}\"?", layout);
  if (!hint.ends_with('?')) hint += ".";
  fail(where,
       text::format("unknown mode \"{}\"{}{} Any document has {}", mode, hint,
                    modes.empty() ? "" : text::format(" This document's modes: {}.", text::join(modes, ", ")),
                    mode_grammar()));
}

std::optional<WrittenMode> select(ordered_json& document, const std::string& mode, const WrittenModes& named,
                                  const std::vector<std::string>& modes, const std::string& source,
                                  const std::string& where) {
  const auto known = named.find(mode);
  const bool own = std::find(modes.begin(), modes.end(), mode) != modes.end();
  if (own && known == named.end()) return merge(document, mode, source);
  auto written = known != named.end() ? known->second : read_mode(mode, where);
  if (!written) fail_unknown(mode, modes, where);
  set_mode(document["placement"], mode);
  return written;
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

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  if (!object.is_object()) return keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

std::vector<std::string> keys_of(const ordered_json& document, const char* name) {
  const auto found = document.find(name);
  return found == document.end() ? std::vector<std::string>() : keys_of(*found);
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

AppliedDocument apply_mode(ordered_json document, const std::string& mode, const std::string& source) {
  if (!document.is_object()) fail(source, "expected an object with name, services, pipelines and traffic");
  for (const char* key : {"placement", "modes"})
    if (document.contains(key) && document.at(key).is_null()) document.erase(key);
  check_shape(document, source);
  if (!mode.empty()) {
    undo(document);
    check_shape(document, source);
  }
  const auto named = read_modes(document, source);
  AppliedDocument applied{std::move(document), mode, {}};
  applied.modes = keys_of(applied.json, "modes");
  const auto choose = [&](const std::string& name, const std::string& where) {
    applied.mode = name;
    applied.written = select(applied.json, name, named, applied.modes, source, where);
  };
  if (!mode.empty()) {
    choose(mode, source);
    return applied;
  }
  if (!applied.json.contains("placement")) applied.json["placement"] = ordered_json::object();
  const auto& placement = applied.json["placement"];
  if (placement.contains("label") && (lists_gpus(placement) || placement.contains("mode"))) {
    applied.mode = text_of(placement, "label", source);
  } else if (lists_gpus(placement)) {
    applied.mode = "custom";
  } else if (!placement.contains("mode")) {
    choose("dedicated", source);
  } else {
    choose(text_of(placement, "mode", source), at(source, ordered_json::json_pointer("/placement/mode")));
  }
  return applied;
}

AppliedDocument apply_placement(const ordered_json& given, const AppliedDocument& before,
                                const ordered_json& placement, const std::string& label) {
  ordered_json original = given;
  undo(original);
  AppliedDocument applied{before.json, label, before.modes};
  ordered_json listed = placement;
  if (const auto& old = before.json.at("placement"); old.contains("consolidate"))
    listed["consolidate"] = old.at("consolidate");
  applied.json["placement"] = std::move(listed);
  applied.json.erase("control");  // it would place services too
  keep_undo(applied.json, label, original);
  return applied;
}

}  // namespace scenario
}  // namespace gpushare
