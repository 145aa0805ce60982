#include "gpushare/json_rows.hpp"

#include <algorithm>
#include <set>

#include "traces/text_source.hpp"
#include "traces/trace_json.hpp"

namespace gpushare {
namespace {

constexpr std::size_t kDeepestMember = 16;

bool is_same(const std::vector<std::string>& path, std::span<const std::string> outer,
             std::string_view name) {
  return path.size() == outer.size() + 1 && path.back() == name &&
         std::equal(outer.begin(), outer.end(), path.begin());
}

}  // namespace

/// One row, read from left to right.
class JsonRows::Row {
 public:
  Row(JsonRows& rows, JsonScanner& json) : rows_(rows), json_(json) {}

  /// False where the row is left; the scanner stands behind it all the same, unless it is broken.
  bool read() {
    rows_.leaves_.assign(rows_.leaves_.size(), {});
    if (json_.peek() != '{') {
      json_.skip();
      return false;
    }
    read_members();
    if (place_ != rows_.places_.size()) changed_ = true;
    rows_.places_.resize(place_);
    if (changed_) rows_.distinct_ = is_distinct();
    return good_ && rows_.distinct_ && !json_.broken();
  }

 private:
  [[nodiscard]] bool is_distinct() const {
    std::set<std::vector<std::string>> seen;
    return std::all_of(rows_.places_.begin(), rows_.places_.end(),
                       [&](const Place& place) { return seen.insert(place.path).second; });
  }

  /// What the next member is wanted for, looked up where the row before had another in its place.
  int wanted(std::string_view name) {
    auto& places = rows_.places_;
    if (place_ == places.size()) places.emplace_back();
    Place& place = places[place_++];
    if (is_same(place.path, outer_, name)) return place.wanted;
    changed_ = true;
    place.path = outer_;
    place.path.emplace_back(name);
    place.wanted = rows_.wanted_(place.path);
    return place.wanted;
  }

  void read_members() {
    for (bool more = json_.open('{'); more; more = json_.next('{')) {
      const std::string_view name = json_.key();
      if (json_.broken()) return;
      const int wanted_for = wanted(name);
      if (json_.peek() == '{' && outer_.size() < kDeepestMember) {
        outer_.emplace_back(name);
        read_members();
        outer_.pop_back();
      } else if (wanted_for >= 0) {
        take(static_cast<std::size_t>(wanted_for));
      } else {
        good_ = good_ && json_.peek() != '{';
        json_.skip();
      }
    }
  }

  void take(std::size_t wanted_for) {
    auto& leaves = rows_.leaves_;
    if (wanted_for >= leaves.size()) {
      leaves.resize(wanted_for + 1);
      rows_.depths_.resize(wanted_for + 1);
    }
    const JsonLeaf found = leaf();
    const std::size_t depth = outer_.size();
    if (leaves[wanted_for].kind != JsonLeaf::Kind::absent && rows_.depths_[wanted_for] <= depth) return;
    leaves[wanted_for] = found;
    rows_.depths_[wanted_for] = depth;
  }

  JsonLeaf leaf() {
    const char c = json_.peek();
    if (c == '"') return {JsonLeaf::Kind::text, json_.string()};
    if (c == '-' || (c >= '0' && c <= '9')) return {JsonLeaf::Kind::number, json_.number()};
    good_ = good_ && c != '[' && c != '{';
    json_.skip();
    return {c == 't' ? JsonLeaf::Kind::yes : c == 'f' ? JsonLeaf::Kind::no : JsonLeaf::Kind::null, {}};
  }

  JsonRows& rows_;
  JsonScanner& json_;
  std::vector<std::string> outer_;  // names of the objects around the members that are read
  std::size_t place_ = 0;
  bool good_ = true;
  bool changed_ = false;
};

bool JsonRows::read(std::string_view text,
                    const std::function<void(std::span<const JsonLeaf>, std::string_view)>& tell) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '[') {
    JsonScanner json(text);
    for (bool more = json.open('['); more; more = json.next('[')) {
      if (!Row(*this, json).read()) return false;
      tell(leaves_, {});
    }
    return json.finished();
  }
  TextSource source(text);
  LineCutter lines(source);
  for (std::string_view line; lines.next(line);) {
    JsonScanner json(line);
    const bool good = Row(*this, json).read() && json.finished();
    tell(good ? std::span<const JsonLeaf>(leaves_) : std::span<const JsonLeaf>{}, line);
  }
  return true;
}

std::optional<std::vector<JsonMember>> json_members(std::string_view text) {
  std::vector<JsonMember> members;
  std::set<std::string> names;
  JsonScanner json(text);
  for (bool more = json.open('{'); more; more = json.next('{')) {
    JsonMember& member = members.emplace_back();
    member.name = json.key();
    const char bracket = json.peek();
    const std::size_t before = text.size() - json.left();
    if (bracket == '[') {
      member.lists_objects = true;
      for (bool element = json.open('['); element; element = json.next('[')) {
        member.lists_objects = member.lists_objects && json.peek() == '{';
        json.skip();
      }
    } else {
      json.skip();
    }
    member.text = text.substr(before, text.size() - json.left() - before);
    if (!names.insert(member.name).second) return std::nullopt;
  }
  if (!json.finished()) return std::nullopt;
  return members;
}

}  // namespace gpushare
