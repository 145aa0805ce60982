
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "core/json_reader.hpp"
#include "core/regular_file.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/yaml.hpp"

namespace gpushare::json {

std::string_view habit_of(std::string_view text, std::size_t at) {
  if (text.empty()) return "";
  std::size_t start = std::min(at, text.size() - 1);
  while (start > 0 && std::isalnum(static_cast<unsigned char>(text[start - 1])) != 0) --start;
  const std::string_view rest = text.substr(start);
  const auto before = text.substr(0, start).find_last_not_of(" \t\r\n");
  const char last = before == text.npos ? '\0' : text[before];
  const char c = rest.front();
  if ((c == '}' || c == ']') && last == ',') return "; take the comma before it away";
  if (c == '/' || c == '#')
    return "; JSON has no comments, YAML has: name the file .yaml, and begin them with #";
  if (c == '\'') return "; names and texts stand in double quotes";
  if (rest.starts_with("\xe2\x80"))
    return "; names and texts stand in plain double quotes, not in typographic ones";
  for (const auto& [word, told] : {std::pair{"True", "; write true"}, std::pair{"False", "; write false"},
                                   std::pair{"None", "; write null"}, std::pair{"NaN", "; write null"}})
    if (rest.starts_with(word)) return told;
  const bool name = std::isalpha(static_cast<unsigned char>(c)) != 0 && (last == '{' || last == ',');
  return name ? "; names stand in double quotes, in YAML without: name the file .yaml" : "";
}

namespace {

using nlohmann::json;

[[noreturn]] void raise(const Thrower& thrower, const std::string& where, const std::string& what) {
  thrower(where, what);
  throw Error(where, what);
}

std::string line_and_column(std::string_view text, std::size_t offset, const std::string& source) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::size_t column = before.size() - start + 1;
  return source.empty() ? text::format("line {}, column {}", line, column)
                        : text::format("{}:{}:{}", source, line, column);
}

// The parser's reason without its own prefix and position.
std::string reason_of(const std::string& message) {
  const std::size_t column = message.find("column ");
  const std::size_t from =
      message.find(column == std::string::npos ? "] " : ": ", column == std::string::npos ? 0 : column);
  return from == std::string::npos ? message : message.substr(from + 2);
}

// Builds the value as nlohmann's own parser does, and refuses what that lets pass: duplicate keys and deep nesting.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view text, const std::string& source, const Thrower& thrower)
      : text_(text), source_(source), thrower_(thrower) {}

  json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& value) override { return add(json::binary(std::move(value))); }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) raise(thrower_, pointer(), text::format("duplicate key \"{}\"", name));
    key_ = std::move(name);
    path_.back() = key_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos)
      raise(thrower_, source_, "the document is empty");
    const std::size_t last_read = std::max<std::size_t>(position, 1) - 1;
    raise(thrower_, line_and_column(text_, last_read, source_),
          text::format("broken JSON: {}{}", reason_of(error.what()), habit_of(text_, last_read)));
  }

 private:
  template <class Value>
  bool add(Value&& value) {
    place(json(std::forward<Value>(value)));
    return true;
  }

  json* place(json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  bool open(json container) {
    if (open_.size() == kMaxDepth) {
      raise(thrower_, source_, text::format("arrays and objects are nested more than {} deep", kMaxDepth));
    }
    open_.push_back(place(std::move(container)));
    path_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    path_.pop_back();
    return true;
  }

  // Of the innermost open container.
  std::string pointer() const {
    json::json_pointer pointer;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      if (open_[i]->is_array()) {
        pointer /= open_[i]->size() - 1;
      } else {
        pointer /= path_[i];
      }
    }
    const std::string text = pointer.to_string();
    return text.empty() || source_.empty() ? source_ + text : source_ + "#" + text;
  }

  std::string_view text_;
  const std::string& source_;
  const Thrower& thrower_;
  json root_;
  std::vector<json*> open_;
  std::vector<std::string> path_;  // the last key seen in each open container
  std::string key_;
};

std::string suggestion_beside(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const auto name = nearest(path.filename().string(), names);
  return name ? text::format("; did you mean \"{}\"?", *name) : "";
}

bool has_yaml_name(std::string_view path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

/// The one reader of YAML, which threads may ask for while another one gives it.
class GivenYamlReader {
 public:
  void give(YamlReader reader) {
    const std::lock_guard lock(mutex_);
    reader_ = std::make_shared<const YamlReader>(std::move(reader));
  }
  std::shared_ptr<const YamlReader> take() {
    const std::lock_guard lock(mutex_);
    return reader_;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const YamlReader> reader_;
};

GivenYamlReader& yaml_reader() {
  static GivenYamlReader given;
  return given;
}

std::string bytes_of_file(const std::string& path, const Thrower& thrower) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    raise(thrower, path, "there is no such file" + suggestion_beside(path));
  }
  if (const std::string found = no_file(path); !found.empty())
    raise(thrower, path, "expected a JSON or YAML file, found a " + found);
  std::ifstream file(path, std::ios::binary);
  if (!file) raise(thrower, path, text::format("the file cannot be opened: {}", std::strerror(errno)));
  std::string text;
  for (std::array<char, 1 << 16> block; file.read(block.data(), block.size()) || file.gcount() > 0;) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMaxBytes)
      raise(thrower, path,
            text::format("has more than {} MB, as no document does; is it a trace?", kMaxBytes >> 20));
  }
  if (file.bad()) raise(thrower, path, text::format("the file cannot be read: {}", std::strerror(errno)));
  return text;
}

}  // namespace

bool has_document_name(std::string_view path) { return path.ends_with(".json") || has_yaml_name(path); }

std::string text_of_file(const std::string& path, const Thrower& thrower) {
  std::string text = bytes_of_file(path, thrower);
  if (!has_yaml_name(path)) return text;
  const auto reader = yaml_reader().take();
  if (!reader) raise(thrower, path, "is YAML, which this program has no reader for; write it as JSON");
  return (*reader)(path, text);
}

json parse(std::string_view text, const std::string& source, const Thrower& thrower) {
  Builder builder(text, source, thrower);
  json::sax_parse(text, &builder);
  return builder.take();
}

json load_file(const std::string& path, const Thrower& thrower) {
  return parse(text_of_file(path, thrower), path, thrower);
}

}  // namespace gpushare::json

void gpushare::read_yaml_by(YamlReader reader) { json::yaml_reader().give(std::move(reader)); }
