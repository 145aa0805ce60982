#include "hardware/profile_reader.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "core/figures.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

namespace {

using json::Figures;
using json::Reader;

constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();
constexpr std::int64_t kMaxSlots =
    16;  // twice the widest lattice sold; states are enumerated, and their number explodes

int integer_of(const Reader& value, std::int64_t min, std::int64_t max = kMaxInt) {
  return static_cast<int>(value.integer(min, max));
}

std::string string_of(const Reader& value) {
  auto text = value.string();
  if (text.empty()) value.fail("expected a text that is not empty");
  return text;
}

void read_flops(Figures section, GpuProfile& profile) {
  if (section.reader().size() == 0) section.reader().fail("expected a rate for at least one precision");
  for (std::size_t i = 0; i < kPrecisionCount; ++i) {
    const std::string name(to_string(static_cast<Precision>(i)));
    if (section.reader().has(name)) profile.flop_per_s[i] = section.number(name, json::kPositive);
  }
  section.reader().finish();
}

void read_curve(const Reader& curve, GpuProfile& profile) {
  constexpr json::Range kShare{0, 1, true};
  std::array<double, 2> before{0, 0};
  for (std::size_t i = 0; i < curve.size(); ++i) {
    Reader pair = curve.at(i);
    if (pair.size() != 2)
      pair.fail(text::format("expected [SM share, bandwidth share], found {} values", pair.size()));
    const std::array<double, 2> point{pair.at(std::size_t{0}).number(kShare),
                                      pair.at(std::size_t{1}).number(kShare)};
    if (point[0] <= before[0] || point[1] < before[1]) {
      pair.fail(text::format("the curve must ascend: [{}, {}] follows [{}, {}]", point[0], point[1],
                             before[0], before[1]));
    }
    profile.bandwidth_by_sm_share.push_back(before = point);
  }
  if (before[0] < 1 || before[1] < 1)
    curve.fail(text::format("the curve must end in [1, 1]; it ends in [{}, {}]", before[0], before[1]));
}

MigProfile read_mig_row(const Reader& row) {
  constexpr json::Range kShare{0, 1, true};
  MigProfile mig;
  mig.name = string_of(row.at("name"));
  mig.id = integer_of(row.at("id"), 0);
  mig.compute_slices = integer_of(row.at("compute_slices"), 1, kMaxSlots);
  mig.memory_slices = integer_of(row.at("memory_slices"), 1, kMaxSlots);
  Reader starts = row.at("starts");
  for (std::size_t i = 0; i < starts.size(); ++i)
    mig.starts.push_back(integer_of(starts.at(i), 0, kMaxSlots - 1));
  if (mig.starts.empty()) starts.fail("expected at least one start");
  mig.max_count = integer_of(row.at("max_count"), 1);
  mig.sms = integer_of(row.at("sms"), 1);
  mig.memory_bytes = row.at("memory_bytes").number(json::kPositive);
  mig.nominal_memory_bytes = row.at("nominal_memory_bytes").number(json::kPositive);
  mig.l2_fraction = row.at("l2_fraction").number(kShare);
  mig.bandwidth_fraction = row.at("bandwidth_fraction").number(kShare);
  mig.copy_engines = integer_of(row.at("copy_engines"), 0);
  mig.decoders = integer_of(row.at("decoders"), 0);
  mig.jpeg_engines = integer_of(row.at("jpeg_engines"), 0);
  mig.optical_flow_engines = integer_of(row.at("optical_flow_engines"), 0);
  mig.media_extension = row.boolean("media_extension", false);
  mig.double_memory = row.boolean("double_memory", false);
  row.finish();
  return mig;
}

/// The cells of one column as written, "14, 28, 42".
std::string column(const Reader& rows, const std::string& key) {
  std::string cells;
  for (const auto& row : rows.raw()) {
    cells += (cells.empty() ? "" : ", ") + (row.contains(key) ? row.at(key).dump() : "-");
  }
  return cells;
}

void read_columns(const Reader& columns, const Reader& rows, Figures& section) {
  for (const auto& key : columns.keys()) {
    Reader source = columns.at(key.c_str());
    if (key == "name" || !rows.raw().front().contains(key))
      source.fail(text::format("the table has no column \"{}\" of figures", key));
    section.keep(source, "profiles/columns/" + key, column(rows, key));
    source.finish();
  }
}

void read_mig_table(Figures section, GpuProfile& profile) {
  profile.memory_slots = section.integer("memory_slots", 1, kMaxSlots);
  profile.mig_sms = section.integer("sms", 1);
  Reader table = section.reader().at("profiles");
  Reader rows = table.at("value");
  std::string names;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    profile.mig.push_back(read_mig_row(rows.at(i)));
    names += (names.empty() ? "" : ", ") + profile.mig.back().name;
  }
  if (profile.mig.empty())
    rows.fail(
        "expected at least one instance profile; a GPU without MIG has \"none\" as the value of \"mig\"");
  section.keep(table, "profiles", names);
  if (auto columns = table.find("columns")) read_columns(*columns, rows, section);
  table.finish();
  section.reader().finish();
}

// Its table, or the figure that the card has none; a file that does not know leaves it out.
void read_mig(Figures& root, GpuProfile& profile) {
  if (!root.reader().at("mig").has("value")) return read_mig_table(root.section("mig"), profile);
  static_cast<void>(root.value("mig").choice({"none"}));
  profile.without_mig = true;
}

void read_time_slicing(Figures section, TimeSlicingConstants& constants) {
  constants.slice_s = section.number("slice_s", json::kSpanAboveNone);
  constants.switch_preempted_s = section.number("switch_preempted_s", json::kSpan);
  constants.switch_idle_s = section.number("switch_idle_s", json::kSpan);
  constants.refill_s = section.number("refill_s", json::kSpan);
  if (section.reader().has("kernel_saving_s"))
    constants.kernel_saving_s = section.number("kernel_saving_s", json::kSpan);
  section.reader().finish();
}

UncappedLaw read_uncapped(const Reader& law) {
  UncappedLaw read;
  read.launch_s = law.at("launch_s").number(json::kSpan);
  read.exponent = law.at("exponent").number(json::kPositive);
  if (auto slip = law.find("slip")) read.slip = slip->number(json::kFraction);
  law.finish();
  return read;
}

CappedLaw read_capped(const Reader& law) {
  CappedLaw read;
  read.launch = law.at("launch").number(json::kNonNegative);
  read.bandwidth = law.at("bandwidth").number(json::kNonNegative);
  read.compute = law.at("compute").number(json::kNonNegative);
  read.s_exponent = law.at("s_exponent").number();
  read.s_bandwidth = law.at("s_bandwidth").number();
  law.finish();
  return read;
}

void read_mps(Figures section, MpsConstants& constants) {
  constants.max_clients = section.integer("max_clients", 1);
  constants.sm_granularity = section.integer("sm_granularity", 1);
  if (section.reader().has("kernel_s")) constants.kernel_s = section.number("kernel_s", json::kSpan);
  constants.uncapped = read_uncapped(section.value("uncapped"));
  constants.capped = read_capped(section.value("capped"));
  section.reader().finish();
}

void read_power(Figures section, PowerConstants& power) {
  power.limit_w = section.number("limit_w", json::kPositive);
  power.idle_w = section.number("idle_w", json::kNonNegative);
  power.compute_w = section.number("compute_w", json::kNonNegative);
  power.bandwidth_w = section.number("bandwidth_w", json::kNonNegative);
  power.clock_exponent = section.number("clock_exponent", json::kPositive);
  if (section.reader().has("active_w")) power.active_w = section.number("active_w", json::kNonNegative);
  if (section.reader().has("ready_w")) power.ready_w = section.number("ready_w", json::kPositive);
  if (section.reader().has("averaging_s"))
    power.averaging_s = section.number("averaging_s", json::kSpanAboveNone);
  section.reader().finish();
}

void read_interconnect(Figures section, InterconnectConstants& interconnect) {
  interconnect.latency_s = section.number("latency_s", json::kSpanAboveNone);
  interconnect.bandwidth_bytes_per_s = section.number("bandwidth_bytes_per_s", json::kPositive);
  if (section.reader().has("one_shot_latency_s"))
    interconnect.one_shot_latency_s = section.number("one_shot_latency_s", json::kSpanAboveNone);
  section.reader().finish();
}

// Figures that not every card is known for.
void read_efficiencies(Figures& root, GpuProfile& profile) {
  const auto read = [&](const char* key, double& figure, json::Range range) {
    if (root.reader().has(key)) figure = root.number(key, range);
  };
  constexpr json::Range kShare{0, 1, true};
  read("relative_bandwidth_efficiency", profile.relative_bandwidth_efficiency, json::kPositive);
  read("relative_llm_latency", profile.relative_llm_latency, json::kPositive);
  read("sustained_flop_share", profile.sustained_flop_share, kShare);
  read("sustained_llm_flop_share", profile.sustained_llm_flop_share, kShare);
  read("most_bandwidth_share", profile.most_bandwidth_share, kShare);
}

void read_machine(Figures& root, GpuProfile& profile) {
  profile.sms = root.integer("sms", 1);
  profile.clock_hz = root.number("clock_hz", json::kPositive);
  read_flops(root.section("flop_per_s"), profile);
  read_efficiencies(root, profile);
  profile.memory_bytes = root.number("memory_bytes", json::kPositive);
  profile.nominal_memory_bytes = root.number("nominal_memory_bytes", json::kPositive);
  profile.bandwidth_bytes_per_s = root.number("bandwidth_bytes_per_s", json::kPositive);
  read_curve(root.value("bandwidth_by_sm_share"), profile);
  profile.l2_bytes = root.number("l2_bytes", json::kPositive);
  profile.pcie_bytes_per_s = root.number("pcie_bytes_per_s", json::kPositive);
  profile.context_bytes = root.number("context_bytes", json::kNonNegative);
  if (root.reader().has("interconnect"))
    read_interconnect(root.section("interconnect"), profile.interconnect);
  read_power(root.section("power"), profile.power);
  profile.copy_engines = root.integer("copy_engines", 1);
  profile.decoders = root.integer("decoders", 0);
}

}  // namespace

GpuProfile read_profile(const nlohmann::json& document, const std::string& source) {
  const json::Thrower thrower = [](std::string where, const std::string& what) {
    throw ProfileError(std::move(where), what);
  };
  GpuProfile profile;
  const nlohmann::json whole = carried(document, source, thrower);
  Figures root(Reader(whole, source, thrower), {}, profile.provenance);
  root.reader().ignore("$schema");
  profile.name = string_of(root.reader().at("name"));
  profile.title = string_of(root.reader().at("title"));
  profile.carried_from = root.reader().string("carried_from", "");
  read_machine(root, profile);
  if (root.reader().has("mig")) read_mig(root, profile);
  read_time_slicing(root.section("time_slicing"), profile.time_slicing);
  read_mps(root.section("mps"), profile.mps);
  root.reader().finish();
  check_profile(profile, source);
  return profile;
}

}  // namespace gpushare
