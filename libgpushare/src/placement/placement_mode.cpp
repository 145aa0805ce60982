#include "placement/placement_mode.hpp"

#include <charconv>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace scenario {
namespace {

constexpr int kMostReplicas = 1000;

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

int parse_replicas(const std::string& text, std::string_view rest, const std::string& where) {
  const auto replicas = number<int>(rest);
  if (!replicas || *replicas < 1 || *replicas > kMostReplicas)
    fail(where, text,
         text::format(
             "after \"time-slicing:\" expected replicas, a whole number between 1 and {}, found \"{}\"",
             kMostReplicas, rest));
  return *replicas;
}

std::vector<double> parse_percentages(const std::string& text, std::string_view rest,
                                      const std::string& where) {
  std::vector<double> percentages;
  for (std::size_t begin = 0; begin <= rest.size();) {
    const std::size_t end = std::min(rest.find('/', begin), rest.size());
    const auto part = rest.substr(begin, end - begin);
    const auto percentage = number<double>(part);
    if (!percentage || !(*percentage > 0) || *percentage > 100)
      fail(where, text,
           text::format("after \"mps:\" expected percentages > 0 and <= 100 such as 50/50, found \"{}\"",
                        part));
    percentages.push_back(*percentage);
    begin = end + 1;
  }
  return percentages;
}

WrittenMode parse_mig(const std::string& text, std::string_view rest, const std::string& where) {
  WrittenMode written;
  PlacementMode& mode = written.mode;
  mode.kind = PlacementMode::Kind::mig;
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    const auto inner = rest.substr(slash + 1);
    if (inner != "time-slicing" && inner != "mps")
      fail(where, text,
           text::format("after the layout expected \"/time-slicing\" or \"/mps\", found \"/{}\"", inner));
    if (inner == "mps") mode.inner = SharingMode::mps;
  }
  written.layout = rest.substr(0, slash);
  if (written.layout.empty()) fail(where, text, "after \"mig:\" expected a layout such as 3g.40gb+3g.40gb");
  return written;
}

}  // namespace

std::optional<WrittenMode> read_mode(const std::string& text, const std::string& where) {
  const std::size_t colon = text.find(':');
  const std::string_view all = text;
  const std::string_view word = all.substr(0, colon);
  const bool has_rest = colon != std::string::npos;
  const std::string_view rest = has_rest ? all.substr(colon + 1) : std::string_view{};
  if (word == "mig") return parse_mig(text, rest, where);
  WrittenMode written;
  PlacementMode& mode = written.mode;
  if (word == "dedicated") {
    if (has_rest) fail(where, text, "\"dedicated\" takes nothing after it");
  } else if (word == "time-slicing") {
    mode.kind = PlacementMode::Kind::time_slicing;
    if (has_rest) mode.replicas = parse_replicas(text, rest, where);
  } else if (word == "mps") {
    mode.kind = PlacementMode::Kind::mps;
    if (has_rest) mode.percentages = parse_percentages(text, rest, where);
  } else {
    return std::nullopt;
  }
  return written;
}

PlacementMode on_gpu(const WrittenMode& written, const GpuProfile& profile) {
  PlacementMode mode = written.mode;
  if (mode.kind == PlacementMode::Kind::mig) mode.layout = parse_layout(profile, written.layout);
  return mode;
}

}  // namespace scenario

PlacementMode parse_mode(const std::string& text, const GpuProfile& profile) {
  if (const auto written = scenario::read_mode(text, {})) return scenario::on_gpu(*written, profile);
  const auto near =
      json::nearest(text.substr(0, text.find(':')), {"dedicated", "time-slicing", "mps", "mig"});
  throw ScenarioError({},
                      text::format("unknown mode \"{}\"{} Modes: {}", text,
                                   near ? text::format("; did you mean \"{}\"?", *near) : ".", kModeGrammar));
}

}  // namespace gpushare
