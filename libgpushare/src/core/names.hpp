#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Names as people, cards and repositories write them: "NVIDIA H100 80GB HBM3", "meta-llama/Llama-3.1-8B-Instruct".
namespace gpushare::names {

/// A thing by its own name, with its title, and with words that may be said of it beside these.
struct Named {
  std::string name;
  std::string title;
  std::string beside = {};
};

/// The words of a name in lower case, without what tells no product apart: vendors, kinds of memory, "Instruct". Of a
/// repository's id the last part counts.
[[nodiscard]] std::vector<std::string> words(std::string_view name);

/// A name that also says how weights are stored, without that: "Meta-Llama-3.1-8B-Instruct" and "int4" of
/// "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4". Nothing where it says nothing of it, or two things.
struct Stored {
  std::string base;
  std::string format;
};
[[nodiscard]] std::optional<Stored> stored(std::string_view name);

/// A MIG instance as NVIDIA's labels name it: "A100-SXM4-40GB" and "1g.5gb" of "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb". Nothing
/// where it is none.
struct Instance {
  std::string card;
  std::string profile;
};
[[nodiscard]] std::optional<Instance> instance(std::string_view name);

/// Which one is meant: that of this title, or whose name's words are all there, with none that its name and title do not
/// have; or the only one that it is short for ("5090"). Nothing where there is none or more than one.
[[nodiscard]] std::optional<std::string> meant(std::string_view name, const std::vector<Named>& known);

/// Those that a slip may have meant: never another product, so every word with a digit has to be the same.
[[nodiscard]] std::vector<std::string> family(std::string_view name, const std::vector<std::string>& known);

/// Those that share a word with it which is no mere size: "whisper" and "whisper-large-v3".
[[nodiscard]] std::vector<std::string> kin(std::string_view name, const std::vector<std::string>& known);

}  // namespace gpushare::names
