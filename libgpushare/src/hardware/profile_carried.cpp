#include <array>
#include <nlohmann/json.hpp>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "hardware/profile_reader.hpp"

// What a profile carries over from another card's: figures of sharing and efficiency, which few cards were measured for,
// and none that tells cards apart.

namespace gpushare {
namespace {

using Json = nlohmann::json;

constexpr const char* kFrom = "carried_from";
constexpr int kLongestChain = 4;
constexpr std::string_view kCarried = "; carried over to this card";

constexpr std::array<const char*, 8> kFigures{"bandwidth_by_sm_share",
                                              "relative_bandwidth_efficiency",
                                              "relative_llm_latency",
                                              "sustained_flop_share",
                                              "sustained_llm_flop_share",
                                              "most_bandwidth_share",
                                              "context_bytes",
                                              "copy_engines"};
constexpr std::array<const char*, 2> kSections{"time_slicing", "mps"};
// They go with the limit: a card of half the limit does about half the work.
constexpr std::array<const char*, 5> kPowers{"idle_w", "ready_w", "active_w", "compute_w", "bandwidth_w"};

Json sourced(const Json& figure) {
  if (figure.is_object()) return figure;
  return {{"value", figure}, {"source", "a bare number in its profile"}};
}

// Of a figure that may be missing or no number, which is the reader's to say.
double value_of(const Json& section, const char* key) {
  if (!section.is_object() || !section.contains(key)) return 0;
  const Json value = sourced(section.at(key)).value("value", Json());
  return value.is_number() ? value.get<double>() : 0;
}

Json carried_figure(const Json& figure, const std::string& from, std::string_view how = {}) {
  Json copy = sourced(figure);
  auto source = copy.at("source").get<std::string>();
  if (source.ends_with(kCarried)) source.resize(source.size() - kCarried.size());
  copy["source"] = text::format("{}{}; carried over from {} to this card", source, how, from);
  copy["grade"] = "assumed";
  return copy;
}

void carry(Json& to, const Json& base, const char* key, const std::string& from) {
  if (!to.contains(key) && base.contains(key)) to[key] = carried_figure(base.at(key), from);
}

void carry_section(Json& to, const Json& base, const char* key, const std::string& from) {
  Json& section = to[key];
  if (section.is_null()) section = Json::object();
  if (!section.is_object()) return;
  for (const auto& member : base.at(key).items()) carry(section, base.at(key), member.key().c_str(), from);
}

void carry_power(Json& power, const Json& base, const std::string& from) {
  const double limit = value_of(power, "limit_w");
  if (limit <= 0) return;
  const double share = limit / value_of(base, "limit_w");
  for (const char* key : kPowers) {
    if (power.contains(key) || !base.contains(key)) continue;
    power[key] = carried_figure(base.at(key), from, ", times the quotient of the power limits");
    power[key]["value"] = share * value_of(base, key);
  }
  carry(power, base, "clock_exponent", from);
  carry(power, base, "averaging_s", from);
}

Json whole(const Json& document, const std::string& source, const json::Thrower& thrower, int depth) {
  if (!document.is_object() || !document.contains(kFrom)) return document;
  const json::Reader name = json::Reader(document, source, thrower).at(kFrom);
  if (depth == 0)
    name.fail(text::format("figures are carried over through more than {} profiles", kLongestChain));
  const std::string base_name = kProfiles.named_by(name);
  const Json base =
      whole(kProfiles.load(base_name, thrower), kProfiles.source(base_name), thrower, depth - 1);
  const std::string from = read_profile(base, kProfiles.source(base_name)).name;
  Json to = document;
  for (const char* key : kFigures) carry(to, base, key, from);
  for (const char* key : kSections) carry_section(to, base, key, from);
  if (to.contains("power")) carry_power(to["power"], base.at("power"), from);
  return to;
}

}  // namespace

nlohmann::json carried(const nlohmann::json& document, const std::string& source,
                       const json::Thrower& thrower) {
  return whole(document, source, thrower, kLongestChain);
}

}  // namespace gpushare
