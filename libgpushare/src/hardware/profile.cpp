#include "gpushare/profile.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/builtin.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"

namespace gpushare {

namespace {

constexpr std::string_view kFolder = "profiles";

[[noreturn]] void fail(std::string where, const std::string& what) {
  throw ProfileError(std::move(where), what);
}

bool is_path(std::string_view name) { return name.find('/') != name.npos || name.find(".json") != name.npos; }

[[noreturn]] void fail_unknown(const std::string& name) {
  const auto names = profile_names();
  const auto near = json::nearest(name, names);
  fail({},
       text::format("no GPU profile is called \"{}\"{}; known: {}; or give the path of a .json file", name,
                    near ? text::format("; did you mean \"{}\"?", *near) : "", text::join(names, ", ")));
}

}  // namespace

std::string_view to_string(Precision precision) {
  constexpr std::array<std::string_view, kPrecisionCount> kNames{"fp64", "fp32", "tf32", "fp16",
                                                                 "bf16", "fp8",  "int8", "int4"};
  return kNames.at(static_cast<std::size_t>(precision));
}

double reachable_bandwidth_share(const GpuProfile& profile, double sm_share) {
  const double share = std::clamp(sm_share, 0.0, 1.0);
  std::array<double, 2> before{0, 0};
  for (const auto& point : profile.bandwidth_by_sm_share) {
    if (share <= point[0]) {
      return before[1] + (share - before[0]) / (point[0] - before[0]) * (point[1] - before[1]);
    }
    before = point;
  }
  return 1;
}

GpuProfile load_profile(const std::string& name_or_path) {
  GpuProfile profile =
      is_path(name_or_path)
          ? read_profile(json::load_file(name_or_path, fail), name_or_path)
          : parse_profile(profile_document(name_or_path), text::format("{}/{}.json", kFolder, name_or_path));
  profile.origin = name_or_path;
  return profile;
}

std::string profile_document(const std::string& name_or_path) {
  if (is_path(name_or_path)) return json::load_file(name_or_path, fail).dump(2);
  const auto names = profile_names();
  if (!std::binary_search(names.begin(), names.end(), name_or_path)) fail_unknown(name_or_path);
  return std::string(builtin(kFolder, name_or_path).value());
}

GpuProfile parse_profile(std::string_view text, const std::string& source) {
  return read_profile(json::parse(text, source, fail), source);
}

std::vector<std::string> profile_names() {
  auto names = builtin_names(kFolder);
  std::erase(names, "schema");
  return names;
}

}  // namespace gpushare
