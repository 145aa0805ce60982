#include "gpushare/profile.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/builtin.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/sharing.hpp"

namespace test_profile {

using namespace gpushare;
using nlohmann::json;

namespace {

json document(const char* name) { return json::parse(builtin("profiles", name).value()); }

/// What ProfileError says after `pointer` of an A100 has been set to `value`, or "no error".
std::string refusal(const char* pointer, const json& value) {
  auto a100 = document("a100");
  a100[json::json_pointer(pointer)] = value;
  try {
    (void)parse_profile(a100.dump(), "p.json");
  } catch (const ProfileError& error) {
    return error.what();
  }
  return "no error";
}

/// The same after a member has been taken away.
std::string refusal_without(const char* parent, const char* key) {
  auto a100 = document("a100");
  a100[json::json_pointer(parent)].erase(key);
  try {
    (void)parse_profile(a100.dump(), "p.json");
  } catch (const ProfileError& error) {
    return error.what();
  }
  return "no error";
}

bool mentions(const std::string& message, std::initializer_list<const char*> parts) {
  const bool all = std::all_of(parts.begin(), parts.end(),
                               [&](const char* part) { return message.find(part) != std::string::npos; });
  if (!all) MESSAGE(message);
  return all;
}

const MigProfile& row(const GpuProfile& profile, const std::string& name) {
  const auto found = std::find_if(profile.mig.begin(), profile.mig.end(),
                                  [&name](const MigProfile& mig) { return mig.name == name; });
  REQUIRE(found != profile.mig.end());
  return *found;
}

constexpr double kGiB = 1073741824.0;

}  // namespace

TEST_CASE("the profiles that exist are found by name, and the schema is not one of them") {
  const auto names = profile_names();
  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const auto* name : {"a100", "a100-40gb", "a30", "h100", "h200", "rtx-4090", "rtx-pro-6000"}) {
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  CHECK(std::count(names.begin(), names.end(), "schema") == 0);
  for (const auto& name : names) CHECK(load_profile(name).name == name);
}

TEST_CASE("the default A100 has the figures of its datasheet") {
  const auto a100 = load_profile("a100");
  CHECK(a100.title == "NVIDIA A100-SXM4-80GB");
  CHECK(a100.sms == 108);
  CHECK(a100.clock_hz == 1410e6);
  CHECK(a100.bandwidth_bytes_per_s == 2039e9);
  CHECK(a100.l2_bytes == 40 * 1048576.0);
  CHECK(a100.flops(Precision::fp16) == 312e12);
  CHECK(a100.flops(Precision::bf16) == 312e12);
  CHECK(a100.flops(Precision::tf32) == 156e12);
  CHECK(a100.flops(Precision::int8) == 624e12);
  CHECK(a100.flops(Precision::int4) == 1248e12);
  CHECK(a100.flops(Precision::fp64) == 19.5e12);
  CHECK(a100.flops(Precision::fp8) == 0);
  // Tensor cores: 108 SMs x 1.41 GHz x 1024 fused multiply-adds a cycle of two operations (A100 white paper).
  CHECK(a100.flops(Precision::fp16) == doctest::Approx(108 * 1.41e9 * 1024 * 2).epsilon(0.001));
  CHECK(a100.mig_sms == 98);
  CHECK(a100.memory_slots == 8);
  CHECK(a100.mps.max_clients == 48);
}

TEST_CASE("instances have the SMs and the memory that nvidia-smi lists") {
  const auto a100 = load_profile("a100");
  CHECK(row(a100, "1g.10gb").sms == 14);
  CHECK(row(a100, "1g.20gb").sms == 14);
  CHECK(row(a100, "4g.40gb").sms == 56);
  CHECK(row(a100, "1g.10gb").memory_bytes == 9.5 * kGiB);
  CHECK(row(a100, "2g.20gb").memory_bytes == 19.5 * kGiB);
  CHECK(row(load_profile("a100-40gb"), "1g.5gb").memory_bytes == 4.75 * kGiB);
  const auto h200 = load_profile("h200");
  CHECK(row(h200, "3g.71gb").sms == 60);  // not 3 x 16
  CHECK(row(h200, "1g.35gb").sms == 26);
  CHECK(row(h200, "7g.141gb").sms == 132);
  CHECK(row(h200, "3g.71gb").memory_bytes == 69.75 * kGiB);
  CHECK(row(load_profile("h100"), "1g.20gb").sms == 26);
  CHECK(row(load_profile("a30"), "2g.12gb").bandwidth_fraction == 0.5);
  CHECK(row(a100, "1g.10gb+me").media_extension);
  CHECK(row(a100, "1g.20gb").double_memory);
}

TEST_CASE("every card has profiles 1g to the whole, and one media extension at most") {
  for (const auto& name : profile_names()) {
    CAPTURE(name);
    const auto profile = load_profile(name);
    for (const auto& mig : profile.mig) {
      CAPTURE(mig.name);
      CHECK(mig.l2_fraction <= mig.bandwidth_fraction);
      CHECK(mig.bandwidth_fraction == static_cast<double>(mig.memory_slices) / profile.memory_slots);
      if (mig.media_extension) CHECK(mig.max_count == 1);
      CHECK(mig.memory_bytes < 1.08 * mig.nominal_memory_bytes);  // GiB are 7.4 % more than GB
    }
  }
}

TEST_CASE("few SMs reach more than their share of the bandwidth, along the measured curve") {
  const auto h200 = load_profile("h200");
  // Measured on one H200 under MPS caps, GB/s: 12 SMs 998, 26 2007, 66 3817, 132 4512.
  CHECK(reachable_bandwidth_share(h200, 12.0 / 132) == doctest::Approx(998.0 / 4512).epsilon(1e-5));
  CHECK(reachable_bandwidth_share(h200, 26.0 / 132) == doctest::Approx(2007.0 / 4512).epsilon(1e-5));
  CHECK(reachable_bandwidth_share(h200, 0.5) == doctest::Approx(3817.0 / 4512).epsilon(1e-5));
  CHECK(reachable_bandwidth_share(h200, 6.0 / 132) ==
        doctest::Approx(499.0 / 4512).epsilon(1e-5));  // from (0, 0)
  CHECK(reachable_bandwidth_share(h200, 0) == 0);
  CHECK(reachable_bandwidth_share(h200, 1) == 1);
  CHECK(reachable_bandwidth_share(h200, 2) == 1);
  CHECK(reachable_bandwidth_share(h200, -1) == 0);
  double before = 0;
  for (int i = 1; i <= 132; ++i) {
    const double share = reachable_bandwidth_share(h200, i / 132.0);
    CHECK(share > before);
    CHECK(share >= i / 132.0);
    before = share;
  }
}

TEST_CASE("the uncapped MPS law gives back the measured susceptibility and pressure of the seven steps") {
  // (mean kernel time in seconds, s, d) without caps, measured on one H200, where a step beside its like takes 1 + s d of
  // its time: s d is u'. The law was fitted to the same pairs among others, so this finds an error in units or signs: 20 % on
  // d and 24 % on s are its worst residuals.
  struct Step {
    double t, s, d;
  };
  const std::vector<Step> steps{{21.28e-6, 0.488, 1.573}, {11.34e-6, 0.726, 0.827}, {83.31e-6, 0.180, 6.028},
                                {6.13e-6, 1.340, 0.338},  {16.00e-6, 0.717, 0.950}, {3.42e-6, 2.107, 0.154},
                                {5.98e-6, 1.369, 0.348}};
  const auto law = load_profile("h200").mps.uncapped;
  for (const auto& step : steps) {
    const double launch = law.launch_s / step.t;
    const double saturating = (std::min(1.0, step.s * step.d) - launch) / (1 - launch);
    const Interference part = predict_interference(law, {step.t, saturating, 0, 0, 1});
    CAPTURE(step.t);
    CHECK(std::abs(part.susceptibility / step.s - 1) < 0.25);
    CHECK(std::abs(part.pressure / step.d - 1) < 0.21);
  }
}

TEST_CASE("power, refill and the MPS laws are read as written, and refused with their place") {
  auto card = document("a100");
  const auto set = [&](const char* pointer, const json& value) { card[json::json_pointer(pointer)] = value; };
  set("/power/limit_w/value", 401);
  set("/power/idle_w/value", 51);
  set("/power/compute_w/value", 601);
  set("/power/bandwidth_w/value", 201);
  set("/power/clock_exponent/value", 2.25);
  set("/time_slicing/refill_s/value", 3e-5);
  CHECK(parse_profile(card.dump()).time_slicing.kernel_saving_s == 0);
  CHECK(parse_profile(card.dump()).mps.kernel_s == 0);
  set("/time_slicing/kernel_saving_s", {{"value", 2e-7}, {"source", "made up"}, {"grade", "assumed"}});
  set("/mps/kernel_s", {{"value", 4e-7}, {"source", "made up"}, {"grade", "assumed"}});
  set("/mps/uncapped/value", {{"launch_s", 2e-6}, {"exponent", 0.75}, {"slip", 0.2}});
  set("/mps/capped/value",
      {{"launch", 0.1}, {"bandwidth", 0.6}, {"compute", 0.2}, {"s_exponent", -0.3}, {"s_bandwidth", 0.4}});
  const GpuProfile profile = parse_profile(card.dump());
  CHECK(profile.power.limit_w == 401);
  CHECK(profile.power.idle_w == 51);
  CHECK(profile.power.compute_w == 601);
  CHECK(profile.power.bandwidth_w == 201);
  CHECK(profile.power.clock_exponent == 2.25);
  CHECK(profile.time_slicing.refill_s == 3e-5);
  CHECK(profile.time_slicing.kernel_saving_s == 2e-7);
  CHECK(profile.mps.kernel_s == 4e-7);
  CHECK(profile.mps.uncapped.launch_s == 2e-6);
  CHECK(profile.mps.uncapped.exponent == 0.75);
  CHECK(profile.mps.uncapped.slip == 0.2);
  CHECK(profile.mps.capped.launch == 0.1);
  CHECK(profile.mps.capped.bandwidth == 0.6);
  CHECK(profile.mps.capped.compute == 0.2);
  CHECK(profile.mps.capped.s_exponent == -0.3);
  CHECK(profile.mps.capped.s_bandwidth == 0.4);

  CHECK(mentions(refusal("/power/idel_w", 1), {"p.json#/power", "unknown key \"idel_w\"", "idle_w"}));
  CHECK(mentions(refusal_without("/power", "compute_w"), {"p.json#/power", "compute_w", "missing"}));
  CHECK(mentions(refusal("/power/bandwidth_w/value", -1), {"p.json#/power/bandwidth_w/value", ">= 0", "-1"}));
  CHECK(mentions(refusal("/power/clock_exponent/value", 0),
                 {"p.json#/power/clock_exponent/value", "> 0", "0"}));
  CHECK(mentions(refusal("/power_limit_w", 400), {"unknown key \"power_limit_w\""}));
  CHECK(mentions(refusal_without("/time_slicing", "refill_s"), {"p.json#/time_slicing", "refill_s"}));
  CHECK(mentions(refusal("/time_slicing/refill_s/value", -1e-6),
                 {"p.json#/time_slicing/refill_s/value", "between 0 and"}));
  CHECK(mentions(refusal("/mps/uncapped/value/s_exponent", 1), {"p.json#/mps/uncapped/value", "s_exponent"}));
  CHECK(mentions(refusal("/mps/uncapped/value/exponent", 0), {"p.json#/mps/uncapped/value/exponent", "> 0"}));
  CHECK(mentions(refusal("/mps/uncapped/value/slip", 1.1), {"p.json#/mps/uncapped/value/slip", "1.1"}));
  card["mps"]["uncapped"]["value"] = {{"launch_s", 2e-6}, {"exponent", 0.4}};
  CHECK(parse_profile(card.dump()).mps.uncapped.slip == 0);
  CHECK(mentions(refusal_without("/mps/capped/value", "s_bandwidth"),
                 {"p.json#/mps/capped/value", "s_bandwidth"}));
  CHECK(mentions(refusal("/mps/capped/value/launch", -0.1), {"p.json#/mps/capped/value/launch", ">= 0"}));
}

TEST_CASE("every figure is kept with its pointer, source and grade") {
  const std::set<std::string> grades{"vendor", "measured", "derived", "assumed"};
  for (const auto& name : profile_names()) {
    const auto text = json::parse(profile_document(name));
    std::set<std::string> pointers;
    for (const auto& entry : load_profile(name).provenance) {
      CAPTURE(entry.pointer);
      CHECK(pointers.insert(entry.pointer).second);
      CHECK(text.contains(json::json_pointer(entry.pointer)));
      CHECK(text[json::json_pointer(entry.pointer)]["source"] == entry.source);
      CHECK(grades.count(entry.grade) == 1);
      CHECK(!entry.value.empty());
    }
    for (const auto* pointer : {"/sms", "/flop_per_s/fp16", "/mps/uncapped", "/time_slicing/slice_s"}) {
      CHECK(pointers.count(pointer) == 1);
    }
    for (const auto* pointer : {"/mig/profiles", "/mig/profiles/columns/bandwidth_fraction"}) {
      CHECK(pointers.count(pointer) == (load_profile(name).mig.empty() ? 0 : 1));
    }
  }
}

TEST_CASE("what was measured on one card is an assumption on the others") {
  for (const auto& name : profile_names()) {
    for (const auto& entry : load_profile(name).provenance) {
      if (entry.pointer != "/time_slicing/slice_s") continue;
      CHECK(entry.grade == (name == "h200" ? "measured" : "assumed"));
      CHECK(entry.value == "0.00208");
    }
  }
}

TEST_CASE("a bare number is read, and is an assumption") {
  auto card = document("a100");
  card["sms"] = 104;
  card["power"]["idle_w"] = 44.5;
  const auto read = parse_profile(card.dump());
  CHECK(read.sms == 104);
  CHECK(read.power.idle_w == 44.5);
  for (const auto& entry : read.provenance) {
    if (entry.pointer != "/sms" && entry.pointer != "/power/idle_w") continue;
    CHECK(entry.grade == "assumed");
    CHECK(entry.source == "a bare number in the file: no source is given");
  }
  CHECK(mentions(refusal("/sms", -3), {"p.json#/sms", "expected", "-3"}));
  CHECK(mentions(refusal("/sms", "108"), {"p.json#/sms", "expected"}));
}

namespace {

json carrying(const char* from) {
  auto card = document("a100");
  card["name"] = "mine";
  card["carried_from"] = from;
  for (const char* key : {"bandwidth_by_sm_share", "context_bytes", "time_slicing", "mps"}) card.erase(key);
  card["power"] = {{"limit_w", {{"value", 350}, {"source", "s"}, {"grade", "vendor"}}}};
  return card;
}

}  // namespace

TEST_CASE(
    "what a profile lacks of sharing and power is carried over from the one that it names, as an "
    "assumption") {
  const auto h200 = load_profile("h200");
  const auto mine = parse_profile(carrying("h200").dump());
  CHECK(mine.carried_from == "h200");
  CHECK(mine.time_slicing.switch_idle_s == h200.time_slicing.switch_idle_s);
  CHECK(mine.mps.uncapped.launch_s == h200.mps.uncapped.launch_s);
  CHECK(mine.bandwidth_by_sm_share == h200.bandwidth_by_sm_share);
  CHECK(mine.power.compute_w == h200.power.compute_w / 2);  // of half the limit
  CHECK(mine.power.clock_exponent == h200.power.clock_exponent);
  CHECK(mine.sms == 108);
  CHECK(mine.sustained_flop_share == h200.sustained_flop_share);
  CHECK(mine.llm_latency_share() == h200.relative_llm_latency);
  CHECK(mine.mig.size() == load_profile("a100").mig.size());
  for (const auto& entry : mine.provenance) {
    if (entry.pointer != "/time_slicing/slice_s" && entry.pointer != "/power/compute_w") continue;
    CHECK(entry.grade == "assumed");
    CHECK(entry.source.find("; carried over from h200 to this card") != std::string::npos);
  }
}

TEST_CASE("a profile that carries over is written with what it carries, and read alike") {
  for (const char* name : {"l4", "b200"}) {
    const auto whole = parse_profile(profile_document(name));
    const auto named = load_profile(name);
    CHECK(json::parse(profile_document(name)).contains("mps"));
    CHECK(whole.provenance.size() == named.provenance.size());
    CHECK(whole.power.idle_w == named.power.idle_w);
    CHECK(whole.carried_from == named.carried_from);
  }
}

TEST_CASE("a profile that carries over from nothing known, or in a circle, is refused") {
  const auto refused = [](const std::string& text, const std::string& source) {
    try {
      (void)parse_profile(text, source);
    } catch (const ProfileError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(mentions(refused(carrying("h2000").dump(), "p.json"),
                 {"p.json#/carried_from", "unknown GPU profile \"h2000\""}));
  auto lacking = carrying("h200");
  lacking.erase("l2_bytes");  // tells cards apart
  CHECK(mentions(refused(lacking.dump(), "p.json"), {"p.json", "\"l2_bytes\" is missing"}));
  const auto path = std::filesystem::temp_directory_path() / "gpushare_circle.json";
  std::ofstream(path) << carrying(path.string().c_str()).dump();
  CHECK(mentions(refused(carrying(path.string().c_str()).dump(), "p.json"), {"more than 4 profiles"}));
  std::filesystem::remove(path);
}

TEST_CASE("an unknown profile is refused with the nearest name and the list") {
  CHECK_THROWS_WITH_AS(
      (void)load_profile("a100-pci"),
      doctest::Contains(
          "no GPU profile is called \"a100-pci\"; did you mean "
          "\"a100-pcie\"?; known: a100-pcie, a100, a100-40gb, a100-pcie-40gb and 29 others; or "),
      ProfileError);
  CHECK_THROWS_WITH_AS((void)load_profile("quantum"), doctest::Contains("known: a10, a100, "), ProfileError);
  CHECK_THROWS_AS((void)load_profile("schema"), ProfileError);
  CHECK_THROWS_AS((void)load_profile(""), ProfileError);
}

TEST_CASE("a profile is read from a file, and a missing file is named") {
  CHECK_THROWS_WITH_AS((void)load_profile("./no-such.json"), doctest::Contains("no-such.json"), ProfileError);
  const auto path = (std::filesystem::temp_directory_path() / "gpushare-test-profile.json").string();
  {
    auto mine = document("a30");
    mine["name"] = "mine";
    std::ofstream(path) << mine;
  }
  CHECK(load_profile(path).name == "mine");
  std::remove(path.c_str());
}

TEST_CASE("a profile without MIG is legal") {
  auto plain = document("a100");
  plain.erase("mig");
  const auto profile = parse_profile(plain.dump());
  CHECK(profile.memory_slots == 0);
  CHECK(profile.mig.empty());
}

TEST_CASE("a malformed profile is refused with the place and what is legal") {
  CHECK_THROWS_AS((void)parse_profile("{", "p.json"), ProfileError);
  CHECK_THROWS_AS((void)parse_profile("[]", "p.json"), ProfileError);
  CHECK(mentions(refusal_without("", "sms"), {"p.json", "sms"}));
  CHECK(mentions(refusal_without("/sms", "source"), {"p.json#/sms", "source"}));
  CHECK(mentions(refusal("/sms/grade", "guess"), {"p.json#/sms/grade", "vendor", "assumed"}));
  CHECK(mentions(refusal("/sms/source", ""), {"p.json#/sms/source", "not empty"}));
  CHECK(mentions(refusal("/sms/value", -1), {"p.json#/sms/value", "-1"}));
  CHECK(mentions(refusal("/sms/value", 107.5), {"p.json#/sms/value", "107.5"}));
  CHECK(mentions(refusal("/clock_hz/value", "1410 MHz"), {"p.json#/clock_hz/value", "1410 MHz"}));
  CHECK(mentions(refusal("/l2_bytez", 1), {"unknown key", "l2_bytez", "l2_bytes"}));
  CHECK(mentions(refusal("/sms/unit", "1"), {"p.json#/sms", "unknown key", "unit"}));
  CHECK(mentions(refusal("/flop_per_s", json::object()), {"p.json#/flop_per_s", "at least one precision"}));
  CHECK(mentions(refusal("/flop_per_s/fp61", 1), {"unknown key", "fp61", "fp6"}));
  CHECK(mentions(refusal("/mig/profiles/value/0/spare", 1), {"p.json#/mig/profiles/value/0", "spare"}));
  CHECK(mentions(refusal("/mig/profiles/columns/colour", {{"source", "s"}, {"grade", "vendor"}}),
                 {"p.json#/mig/profiles/columns/colour", "no column \"colour\" of figures"}));
}

TEST_CASE("a curve must ascend to the whole") {
  const char* curve = "/bandwidth_by_sm_share/value";
  CHECK(mentions(refusal(curve, {{0.5, 0.6}, {0.4, 0.7}, {1, 1}}), {"value/1", "the curve must ascend"}));
  CHECK(mentions(refusal(curve, {{0.5, 0.6}, {0.7, 0.5}, {1, 1}}), {"value/1", "the curve must ascend"}));
  CHECK(mentions(refusal(curve, {{0.5, 0.6}, {0.9, 0.9}}), {"must end in [1, 1]; it ends in [0.9, 0.9]"}));
  CHECK(mentions(refusal(curve, json::array()), {"must end in [1, 1]"}));
  CHECK(mentions(refusal(curve, {{0.5}, {1, 1}}), {"value/0", "found 1 values"}));
  CHECK(mentions(refusal(curve, {{0.5, 1.2}, {1, 1}}), {"value/0/1", "1.2"}));
}

TEST_CASE("an instance table that contradicts itself or the card is refused") {
  const std::string at = "/mig/profiles/value/";
  const auto refused = [&at](const char* key, const json& value) {
    return refusal((at + key).c_str(), value);
  };
  CHECK(mentions(refused("2/starts", {0, 6}),
                 {"#/mig/profiles/value/2/starts", "4 memory slices from slot 6"}));
  CHECK(mentions(refused("2/starts", {4, 0}), {"starts must ascend: 0 follows 4"}));
  CHECK(mentions(refused("2/starts", json::array()), {"at least one start"}));
  CHECK(mentions(refused("2/max_count", 3), {"value/2/max_count", "at most 2"}));
  CHECK(mentions(refused("2/sms", 99), {"value/2/sms", "at most 98"}));
  CHECK(mentions(refused("2/memory_bytes", 90e9), {"value/2/memory_bytes", "the memory of the GPU"}));
  CHECK(mentions(refused("2/name", "4g.40gb"), {"must begin with \"3g.\""}));
  CHECK(mentions(refused("2/name", "3g.40gb+me"), {"value/2/media_extension"}));
  CHECK(mentions(refused("2/id", 5), {"5 is already the id of 4g.40gb"}));
  CHECK(mentions(refused("6/name", "1g.20gb"), {"\"1g.20gb\" is already row 4"}));
  CHECK(mentions(refused("2/bandwidth_fraction", 1.5), {"value/2/bandwidth_fraction", "1.5"}));
  CHECK(mentions(refusal("/mig/sms/value", 109), {"#/mig/sms/value", "at most 108"}));
  CHECK(mentions(refusal("/mig/memory_slots/value", 7), {"leave the lattice of 7 slots"}));
  CHECK(mentions(refusal("/power/idle_w/value", 500), {"#/power/idle_w/value", "the power limit"}));
}

TEST_CASE("precisions have the names that profiles use") {
  CHECK(to_string(Precision::fp64) == "fp64");
  CHECK(to_string(Precision::tf32) == "tf32");
  CHECK(to_string(Precision::int4) == "int4");
}

}  // namespace test_profile
