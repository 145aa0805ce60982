#include "gpushare/profile.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "core/machines.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"

namespace gpushare {

namespace {

[[noreturn]] void fail_profile(std::string where, const std::string& what) {
  throw ProfileError(std::move(where), what);
}

constexpr double kA100ClockHz = 1.41e9;

}  // namespace

double GpuProfile::latency_share() const { return kA100ClockHz / clock_hz; }

double GpuProfile::llm_latency_share() const {
  return relative_llm_latency > 0 ? relative_llm_latency : latency_share();
}

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
      read_profile(kProfiles.load(name_or_path, fail_profile), kProfiles.source(name_or_path));
  profile.origin = name_or_path;
  return profile;
}

std::shared_ptr<const GpuProfile> named_profile(const json::Reader& reader) {
  return std::make_shared<const GpuProfile>(load_profile(kProfiles.named_by(reader)));
}

std::string profile_document(const std::string& name_or_path) {
  const auto document = kProfiles.load(name_or_path, fail_profile);
  return carried(document, kProfiles.source(name_or_path), fail_profile).dump(2);
}

GpuProfile parse_profile(std::string_view text, const std::string& source) {
  return read_profile(json::parse(text, source, fail_profile), source);
}

std::string profile_of_machine(std::string_view machine) { return std::string(machines::card_of(machine)); }

std::vector<std::string> profile_names() { return kProfiles.names(); }

}  // namespace gpushare
