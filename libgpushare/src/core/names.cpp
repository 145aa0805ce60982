#include "core/names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <utility>

#include "core/text.hpp"

namespace gpushare::names {
namespace {

// What stands in product strings and repository ids and tells no product apart.
constexpr auto kFillers = std::to_array<std::string_view>(
    {"nvidia", "geforce", "tesla",   "meta",     "openai", "hbm2",   "hbm2e", "hbm3", "hbm3e",
     "gddr6",  "gddr6x",  "gddr7",   "instruct", "chat",   "it",     "hf",    "base", "gpu",
     "as",     "in",      "azure's", "shared",   "nvl72",  "faster", "ct2",   "ft"});

// How files of weights end: "yolov8n.pt".
constexpr auto kEnds = std::to_array<std::string_view>(
    {".pt", ".pth", ".onnx", ".engine", ".plan", ".safetensors", ".nemo", ".gguf"});

// Without the end of a file, and without the tag of an image: "llama-3.1-8b-instruct:1.8" and "...:latest".
std::string_view without_end(std::string_view name) {
  for (const std::string_view end : kEnds)
    if (name.size() > end.size() && text::lower_case(name.substr(name.size() - end.size())) == end)
      name.remove_suffix(end.size());
  const std::size_t colon = name.rfind(':');
  if (colon == name.npos) return name;
  const std::string_view tag = name.substr(colon + 1);
  const bool release =
      tag == "latest" || (tag.find('.') != tag.npos && std::all_of(tag.begin(), tag.end(), [](char c) {
                            return c == '.' || std::isdigit(static_cast<unsigned char>(c)) != 0;
                          }));
  return release ? name.substr(0, colon) : name;
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// "v0.1", "v1"; a V100 is none.
bool is_version(std::string_view word) {
  return word.size() > 1 && word[0] == 'v' && std::min(word.find('.'), word.size()) < 4 &&
         std::all_of(word.begin() + 1, word.end(), [](char c) { return is_digit(c) || c == '.'; });
}

// "2507": the month of a release.
bool is_month(std::string_view word) {
  return word.size() == 4 && word[0] == '2' && std::all_of(word.begin(), word.end(), is_digit) &&
         word.substr(2) >= "01" && word.substr(2) <= "12";
}

// What repositories write of how weights are stored, and the formats that these are here.
constexpr auto kFormats = std::to_array<std::pair<std::string_view, std::string_view>>({{"awq", "int4"},
                                                                                        {"gptq", "int4"},
                                                                                        {"int4", "int4"},
                                                                                        {"w4a16", "int4"},
                                                                                        {"4bit", "int4"},
                                                                                        {"nf4", "int4"},
                                                                                        {"fp8", "fp8"},
                                                                                        {"int8", "int8"},
                                                                                        {"w8a8", "int8"},
                                                                                        {"w8a16", "int8"},
                                                                                        {"8bit", "int8"},
                                                                                        {"bf16", "bf16"},
                                                                                        {"fp16", "fp16"},
                                                                                        {"f16", "fp16"},
                                                                                        {"nvfp4", "nvfp4"}});

bool contains(const std::vector<std::string>& words, std::string_view word) {
  // "sxm" is any of "sxm4" and "sxm5".
  return std::any_of(words.begin(), words.end(), [&](const std::string& one) {
    return one == word || (word == "sxm" && one.starts_with(word));
  });
}

bool all_in(const std::vector<std::string>& these, const std::vector<std::string>& those) {
  return std::all_of(these.begin(), these.end(),
                     [&](const std::string& word) { return contains(those, word); });
}

}  // namespace

std::vector<std::string> words(std::string_view name) {
  name = without_end(name.substr(name.rfind('/') + 1));
  std::vector<std::string> found;
  std::string word;
  const auto end = [&] {
    while (word.ends_with('.')) word.pop_back();
    const bool filler = std::find(kFillers.begin(), kFillers.end(), word) != kFillers.end() ||
                        is_version(word) || is_month(word);
    if (!word.empty() && !filler) found.push_back(word);
    word.clear();
  };
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || (c == '.' && !word.empty()) || byte >= 0x80 || c == '\'') {
      word.push_back(static_cast<char>(std::tolower(byte)));
    } else {
      end();
    }
  }
  end();
  return found;
}

namespace {

// The words with a digit, up to their last one: "h100", "3.1", "8x7" of "8x7b".
std::vector<std::string> numbers(std::string_view name) {
  std::vector<std::string> found;
  for (std::string& word : words(name)) {
    while (!word.empty() && !is_digit(word.back())) word.pop_back();
    if (!word.empty()) found.push_back(word);
  }
  return found;
}

// "v3" of "whisper-large-v3": it tells releases of some things apart, and of others nothing.
std::vector<std::string> versions(std::string_view name) {
  std::vector<std::string> found;
  std::string word;
  for (const char c : std::string(name) + ' ') {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.') {
      word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
      continue;
    }
    if (is_version(word)) found.push_back(word);
    word.clear();
  }
  return found;
}

bool is_another_version(std::string_view name, std::string_view of) {
  const auto said = versions(name), own = versions(of);
  return !said.empty() && !own.empty() && said != own;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += word;
  std::erase(all, '.');  // "LLAMA_3_1_8B"
  return all;
}

// Whether a few of its words name it: "5090", and "rtx6000ada" without blanks.
bool is_short_for(const std::vector<std::string>& said, const std::vector<std::string>& own) {
  constexpr std::size_t kTelling = 4;  // digits of a number that no other product has
  const bool telling = std::any_of(said.begin(), said.end(), [](const std::string& word) {
    return word.size() >= kTelling && std::all_of(word.begin(), word.end(), is_digit);
  });
  return joined(said) == joined(own) || (telling && all_in(said, own));
}

}  // namespace

namespace {

// "Q4_K_M" at the end of a GGUF file's name or behind a model's: its bits, and what stands before it.
std::optional<Stored> stored_in_gguf(std::string_view name) {
  const std::string lower = text::lower_case(name);
  for (const auto& [mark, format] : {std::pair{"q4_", "int4"}, std::pair{"q8_", "int8"}}) {
    const std::size_t at = lower.rfind(mark);
    if (at == lower.npos || at == 0 || std::isalnum(static_cast<unsigned char>(lower[at - 1])) != 0) continue;
    std::size_t end = lower.find("-gguf");
    if (end == lower.npos) end = at - 1;
    return Stored{std::string(name.substr(0, std::min(end, at - 1))), format};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Stored> stored(std::string_view name) {
  name = without_end(name.substr(name.rfind('/') + 1));
  if (auto found = stored_in_gguf(name)) return found;
  std::string base;
  std::string_view format;
  std::string word;
  for (const char c : std::string(name) + '-') {
    if (c != '-' && c != '_' && !(c == '.' && text::lower_case(word) == "quantized")) {
      word.push_back(c);
      continue;
    }
    if (const std::string lower = text::lower_case(word); lower == "bnb" || lower == "quantized") {
      word.clear();  // the format follows
      continue;
    }
    const auto* const found = std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& each) {
      return text::lower_case(word) == each.first;
    });
    if (found == kFormats.end()) {
      base += (base.empty() ? "" : "-") + word;
    } else if (format.empty() || format == found->second) {
      format = found->second;
    } else {
      return std::nullopt;
    }
    word.clear();
  }
  if (format.empty() || base.empty()) return std::nullopt;
  return Stored{base, std::string(format)};
}

std::optional<Instance> instance(std::string_view name) {
  constexpr std::string_view kMark = "-mig-";
  std::string joined = text::lower_case(name);
  std::replace(joined.begin(), joined.end(), ' ', '-');
  const std::size_t at = joined.find(kMark);
  if (at == std::string::npos || at == 0) return std::nullopt;
  const std::string_view profile = name.substr(at + kMark.size());
  return Instance{std::string(name.substr(0, at)), std::string(profile.substr(0, profile.find('-')))};
}

std::optional<std::string> meant(std::string_view name, const std::vector<Named>& known) {
  const auto said = words(name);
  std::optional<std::string> one, shortened;
  int shorts = 0;
  for (const Named& candidate : known) {
    const auto own = words(candidate.name);
    auto all = words(candidate.title);
    const bool titled = said == all;
    all.insert(all.end(), own.begin(), own.end());
    for (std::string& word : words(candidate.beside)) all.push_back(std::move(word));
    if (is_another_version(name, candidate.name)) continue;
    if (!said.empty() && is_short_for(said, own)) {
      shortened = candidate.name;
      ++shorts;
    }
    if (said.empty() || (!titled && (!all_in(own, said) || !all_in(said, all)))) continue;
    if (one) return std::nullopt;
    one = candidate.name;
  }
  if (!one && shorts == 1) return shortened;
  return one;
}

std::vector<std::string> family(std::string_view name, const std::vector<std::string>& known) {
  std::vector<std::string> found;
  std::copy_if(known.begin(), known.end(), std::back_inserter(found),
               [&, own = numbers(name)](const std::string& other) { return numbers(other) == own; });
  return found;
}

std::vector<std::string> kin(std::string_view name, const std::vector<std::string>& known) {
  const auto said = words(name);
  std::vector<std::string> found;
  std::copy_if(known.begin(), known.end(), std::back_inserter(found), [&](const std::string& other) {
    const auto own = words(other);
    return std::any_of(said.begin(), said.end(), [&](const std::string& word) {
      return word.size() > 1 && !is_digit(word[0]) && std::find(own.begin(), own.end(), word) != own.end();
    });
  });
  return found;
}

}  // namespace gpushare::names
