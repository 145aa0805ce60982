#include "gpushare/mig.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/profile.hpp"
#include "layout_texts.hpp"

namespace test_mig {

using namespace gpushare;
using test::parsed;
using test::refusal;

namespace {

/// "3g@0 3g@4": without the memory part of the names, as NVIDIA's tables and hand-written lists have it.
std::string generic(const GpuProfile& profile, const Layout& layout) {
  std::ostringstream text;
  for (const auto& instance : layout.instances) {
    const auto& name = profile.mig[static_cast<std::size_t>(instance.profile)].name;
    text << (text.tellp() > 0 ? " " : "") << name.substr(0, name.find('.')) << '@' << instance.start;
  }
  return text.str();
}

std::size_t multisets(const std::vector<Layout>& layouts) {
  std::set<std::multiset<int>> seen;
  for (const auto& layout : layouts) {
    std::multiset<int> profiles;
    for (const auto& instance : layout.instances) profiles.insert(instance.profile);
    seen.insert(profiles);
  }
  return seen.size();
}

using Placements = std::set<std::pair<int, int>>;  // (start, profile)

std::set<Placements> as_sets(const std::vector<Layout>& layouts) {
  std::set<Placements> sets;
  for (const auto& layout : layouts) {
    Placements placements;
    for (const auto& instance : layout.instances) placements.insert({instance.start, instance.profile});
    sets.insert(placements);
  }
  return sets;
}

/// The same enumeration from the rules alone: every subset of the placements, kept when no two overlap.
struct BruteForce {
  std::vector<std::pair<int, int>> all;
  std::vector<std::uint32_t> clashes;  // bit j of clashes[i]: i and j may not stand together
  std::set<Placements> states, maximal;

  BruteForce(const GpuProfile& profile, LayoutOptions options) {
    for (std::size_t p = 0; p < profile.mig.size(); ++p) {
      const auto& mig = profile.mig[p];
      if (mig.media_extension || (mig.double_memory && !options.double_memory)) continue;
      for (const int start : mig.starts) all.emplace_back(start, static_cast<int>(p));
    }
    clashes.assign(all.size(), 0);
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t j = 0; j < all.size(); ++j) {
        if (i != j && clash(profile, options, all[i], all[j])) clashes[i] |= 1U << j;
      }
    }
    for (std::uint32_t subset = 0; subset < (1U << all.size()); ++subset) visit(subset);
  }

  static bool clash(const GpuProfile& profile, LayoutOptions options, std::pair<int, int> a,
                    std::pair<int, int> b) {
    const auto& first = profile.mig[static_cast<std::size_t>(a.second)];
    const auto& second = profile.mig[static_cast<std::size_t>(b.second)];
    const bool overlap = a.first < b.first + second.memory_slices && b.first < a.first + first.memory_slices;
    const bool four_and_three = first.compute_slices * second.compute_slices == 12;
    return overlap || (options.before_r510 && four_and_three);
  }

  void visit(std::uint32_t subset) {
    bool is_maximal = true;
    Placements placements;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool chosen = (subset >> i & 1U) != 0;
      const bool hindered = (clashes[i] & subset) != 0;
      if (chosen && hindered) return;
      if (!chosen && !hindered) is_maximal = false;
      if (chosen) placements.insert(all[i]);
    }
    states.insert(placements);
    if (is_maximal) maximal.insert(placements);
  }
};

const std::vector<std::string> kCards{"a100", "a100-40gb", "a30", "h100", "h200"};

}  // namespace

// NVIDIA's MIG User Guide and the kernel driver's span function give the placements; the counts follow by
// exact enumeration. 18 of the 19 existed before driver R510, which first allowed 4g beside 3g.
TEST_CASE("the 19 maximal layouts of an A100 are these, the largest instances first") {
  const auto a100 = load_profile("a100");
  const std::vector<std::string> expected{
      "7g@0",
      "4g@0 3g@4",
      "4g@0 2g@4 1g@6",
      "4g@0 1g@4 1g@5 1g@6",
      "3g@0 3g@4",
      "3g@0 2g@4 1g@6",
      "3g@0 1g@4 1g@5 1g@6",
      "2g@0 2g@2 3g@4",
      "2g@0 2g@2 2g@4 1g@6",
      "2g@0 2g@2 1g@4 1g@5 1g@6",
      "2g@0 1g@2 1g@3 3g@4",
      "2g@0 1g@2 1g@3 2g@4 1g@6",
      "2g@0 1g@2 1g@3 1g@4 1g@5 1g@6",
      "1g@0 1g@1 2g@2 3g@4",
      "1g@0 1g@1 2g@2 2g@4 1g@6",
      "1g@0 1g@1 2g@2 1g@4 1g@5 1g@6",
      "1g@0 1g@1 1g@2 1g@3 3g@4",
      "1g@0 1g@1 1g@2 1g@3 2g@4 1g@6",
      "1g@0 1g@1 1g@2 1g@3 1g@4 1g@5 1g@6",
  };
  std::vector<std::string> found;
  for (const auto& layout : maximal_layouts(a100)) found.push_back(generic(a100, layout));
  CHECK(found == expected);
}

TEST_CASE("the cards with eight memory slots have the published numbers of layouts") {
  for (const auto* card : {"a100", "a100-40gb", "h100", "h200"}) {
    CAPTURE(card);
    const auto profile = load_profile(card);
    const LayoutOptions old{.double_memory = false, .before_r510 = true};
    const LayoutOptions doubles{.double_memory = true, .before_r510 = false};
    CHECK(maximal_layouts(profile).size() == 19);
    CHECK(maximal_layouts(profile, old).size() == 18);
    CHECK(maximal_multisets(profile).size() == 14);
    CHECK(maximal_multisets(profile, old).size() == 13);
    CHECK(all_states(profile).size() == 298);
    CHECK(multisets(all_states(profile)) == 38);
    CHECK(maximal_layouts(profile, doubles).size() == 78);
    CHECK(maximal_multisets(profile, doubles).size() == 38);
    CHECK(all_states(profile, doubles).size() == 723);
    CHECK(multisets(all_states(profile, doubles)) == 78);
  }
}

TEST_CASE("a profile's own limit of instances bounds the layouts, and what it leaves free counts as full") {
  auto one_half = load_profile("a100");
  std::erase_if(one_half.mig, [](const MigProfile& mig) { return mig.compute_slices != 3; });
  REQUIRE(one_half.mig.size() == 1);
  CHECK(all_states(one_half).size() == 4);  // none, 3g@0, 3g@4, both
  CHECK(maximal_layouts(one_half).size() == 1);
  one_half.mig.front().max_count = 1;
  CHECK(all_states(one_half).size() == 3);
  CHECK(maximal_layouts(one_half).size() == 2);
}

TEST_CASE("an A30 has 5 maximal layouts of 4 kinds") {
  const auto a30 = load_profile("a30");
  CHECK(maximal_layouts(a30).size() == 5);
  CHECK(maximal_multisets(a30).size() == 4);
}

TEST_CASE("the 14 kinds of maximal layout have these names") {
  const auto a100 = load_profile("a100");
  std::vector<std::string> found;
  for (const auto& layout : maximal_multisets(a100)) found.push_back(short_name(a100, layout));
  CHECK(found == std::vector<std::string>{"7g.80gb", "4g.40gb+3g.40gb", "4g.40gb+2g.20gb+1g.10gb",
                                          "4g.40gb+3x1g.10gb", "3g.40gb+3g.40gb", "3g.40gb+2g.20gb+1g.10gb",
                                          "3g.40gb+3x1g.10gb", "3g.40gb+2g.20gb+2g.20gb", "3x2g.20gb+1g.10gb",
                                          "2g.20gb+2g.20gb+3x1g.10gb", "3g.40gb+2g.20gb+1g.10gb+1g.10gb",
                                          "2g.20gb+5x1g.10gb", "3g.40gb+4x1g.10gb", "7x1g.10gb"});
}

TEST_CASE("enumeration agrees with trying every subset of the placements") {
  for (const auto& card : kCards) {
    const auto profile = load_profile(card);
    for (const bool doubles : {false, true}) {
      for (const bool old : {false, true}) {
        CAPTURE(card);
        CAPTURE(doubles);
        CAPTURE(old);
        const LayoutOptions options{.double_memory = doubles, .before_r510 = old};
        const BruteForce expected(profile, options);
        const auto states = all_states(profile, options);
        const auto maximal = maximal_layouts(profile, options);
        CHECK(states.size() == expected.states.size());
        CHECK(as_sets(states) == expected.states);
        CHECK(maximal.size() == expected.maximal.size());
        CHECK(as_sets(maximal) == expected.maximal);
      }
    }
  }
}

TEST_CASE("every state is printed, read back, and found again from its short name") {
  for (const auto& card : kCards) {
    const auto profile = load_profile(card);
    for (const auto& state : all_states(profile, {.double_memory = true})) {
      const auto text = format_layout(profile, state);
      CAPTURE(card);
      CAPTURE(text);
      CHECK(parse_layout(profile, text) == state);
      const auto again = parse_layout(profile, short_name(profile, state));
      CHECK(short_name(profile, again) == short_name(profile, state));
      CHECK_NOTHROW(check_layout(profile, again));
    }
  }
}

TEST_CASE("starts that are left out are found, also beside starts that are given") {
  const auto a100 = load_profile("a100");
  CHECK(parsed(a100, "whole") == "whole");
  CHECK(parsed(a100, "3g.40gb+3g.40gb") == "3g.40gb@0+3g.40gb@4");
  CHECK(parsed(a100, " 3g.40gb @ 4 + 3g.40gb ") == "3g.40gb@0+3g.40gb@4");
  CHECK(parsed(a100, "1g.10gb+2g.20gb+4g.40gb") == "4g.40gb@0+2g.20gb@4+1g.10gb@6");
  // The driver refuses 1g, 1g, 2g, 3g in this order and takes another (MIG User Guide); here any order does.
  // Eight slots wanted and slot 7 starts nothing small: 3g may not stay at its first choice, 0.
  CHECK(parsed(a100, "1g.10gb+1g.10gb+2g.20gb+3g.40gb") == "2g.20gb@0+1g.10gb@2+1g.10gb@3+3g.40gb@4");
  CHECK(parsed(a100, "3g.40gb+2g.20gb@4") == "3g.40gb@0+2g.20gb@4");
  CHECK(parsed(a100, "7x1g.10gb") == parsed(a100, "7 x 1g"));
  CHECK(parsed(a100, "1g.20gb+3x1g.20gb") == "1g.20gb@0+1g.20gb@2+1g.20gb@4+1g.20gb@6");
}

TEST_CASE("short names mean the plain profile of that many slices on any card") {
  CHECK(parsed(load_profile("a100"), "3g+3g") == "3g.40gb@0+3g.40gb@4");
  CHECK(parsed(load_profile("h200"), "4g + 2g + 1g+me") == "4g.71gb@0+2g.35gb@4+1g.18gb+me@6");
  CHECK(parsed(load_profile("a30"), "2g+2g+me") == "2g.12gb@0+2g.12gb+me@2");
}

TEST_CASE("compute instances are read, printed, and own SMs but share everything else of their instance") {
  const auto a100 = load_profile("a100");
  const auto layout = parse_layout(a100, "3g.40gb@4 (1c, 2c) + 3g.40gb@0");
  CHECK(format_layout(a100, layout) == "3g.40gb@0+3g.40gb@4(1c,2c)");
  CHECK(parse_layout(a100, format_layout(a100, layout)) == layout);
  CHECK(short_name(a100, layout) == "3g.40gb+3g.40gb(1c,2c)");
  const auto parts = partitions(a100, layout);
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].name == "3g.40gb@0");
  CHECK(parts[1].name == "3g.40gb@4/1c.0");
  CHECK(parts[2].name == "3g.40gb@4/2c.1");
  CHECK(parts[0].memory_domain == 0);
  CHECK(parts[1].memory_domain == 1);
  CHECK(parts[2].memory_domain == 1);
  CHECK(parts[1].sms == 14);
  CHECK(parts[2].sms == 28);
  CHECK(parts[1].memory_bytes == parts[0].memory_bytes);
  // No part of the bandwidth is theirs alone: where all draw what they can, it divides as the SMs do.
  CHECK(parts[1].bandwidth_bytes_per_s == doctest::Approx(parts[0].bandwidth_bytes_per_s / 3));
  CHECK(parts[2].bandwidth_bytes_per_s == doctest::Approx(parts[0].bandwidth_bytes_per_s * 2 / 3));
}

TEST_CASE("compute instances come in the listed sizes") {
  // nvidia-smi's listing: 4g as 4 x 1c, 2 x 2c or 1 x 4c; 7g as 7 x 1c, 3 x 2c, 2 x 3c, 1 x 4c or 1 x 7c.
  const auto a100 = load_profile("a100");
  for (const auto* legal : {"4g(1c,1c,1c,1c)", "4g(2c,2c)", "4g(4c)", "7g(2c,2c,2c)", "7g(3c,3c)",
                            "7g(4c,3c)", "7g(7c)", "3g(3c)", "3g(1c)", "2g(1c,1c)"}) {
    CHECK(refusal(a100, legal) == "no error");
  }
  CHECK(refusal(a100, "4g@0(3c)") ==
        "4g.40gb@0(3c): a compute instance of 4g.40gb may have 1, 2 or 4 compute slices, found 3");
  CHECK(refusal(a100, "7g@0(5c)") ==
        "7g.80gb@0(5c): a compute instance of 7g.80gb may have 1, 2, 3, 4 or 7 compute slices, found 5");
  CHECK(refusal(a100, "3g.40gb@0(2c,2c)") == "3g.40gb@0(2c,2c): 4 compute slices wanted, 3 exist");
  CHECK(refusal(a100, "3g.40gb(1,2)") ==
        "3g.40gb(1,2): compute instances are written at the end, in brackets, as in 3g.40gb@0(1c,2c)");
}

TEST_CASE(
    "compute instances on Hopper get 16 SMs a slice, and all SMs only when they take the whole instance") {
  const auto h100 = load_profile("h100");
  const auto parts = partitions(h100, parse_layout(h100, "3g@0(1c,2c)+3g@4(3c)"));
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].sms == 16);
  CHECK(parts[1].sms == 32);
  CHECK(parts[2].sms == 60);
}

TEST_CASE("an impossible layout is refused with the reason") {
  const auto a100 = load_profile("a100");
  CHECK(refusal(a100, "3g.40gb@2") == "3g.40gb@2: 3g.40gb may start at 0 or 4");
  CHECK(refusal(a100, "4g.40gb@4") == "4g.40gb@4: 4g.40gb may start at 0");
  CHECK(refusal(a100, "2g.20gb@6") == "2g.20gb@6: 2g.20gb may start at 0, 2 or 4");
  CHECK(refusal(a100, "4g.40gb@0+3g.40gb@0") == "4g.40gb@0 and 3g.40gb@0 both need memory slots 0-3");
  CHECK(refusal(a100, "3g.40gb@4+1g.10gb@6") == "3g.40gb@4 and 1g.10gb@6 both need memory slot 6");
  CHECK(refusal(a100, "3g.40gb+3g.40gb+1g.10gb") ==
        "no placement for 3g.40gb+3g.40gb+1g.10gb: 9 memory slots wanted, 8 exist");
  CHECK(refusal(a100, "4g.40gb+2g.20gb+1g.10gb+1g.10gb") ==
        "no placement for 4g.40gb+2g.20gb+1g.10gb+1g.10gb: no starts keep the instances apart (4g.40gb "
        "starts at 0; "
        "2g.20gb starts at 0, 2 or 4; 1g.10gb starts at 0, 1, 2, 3, 4, 5 or 6)");
  CHECK(refusal(a100, "3g.40gb+1g.10gb@0+1g.10gb@4") ==
        "no placement for 3g.40gb+1g.10gb@0+1g.10gb@4: no starts keep the instances apart (3g.40gb starts at "
        "0 or 4; "
        "1g.10gb starts at 0, 1, 2, 3, 4, 5 or 6)");
  CHECK(refusal(a100, "4g.40gb+4g.40gb") ==
        "4g.40gb+4g.40gb: 2 instances of 4g.40gb wanted, at most 1 fit on one GPU");
  CHECK(refusal(a100, "999999999x1g.10gb") ==
        "999999999x1g.10gb: 999999999 instances of 1g.10gb wanted, at most 7 fit on one GPU");
  CHECK(refusal(a100, "1g.10gb+me+1g.10gb+me") ==
        "1g.10gb+me+1g.10gb+me: 1g.10gb+me and 1g.10gb+me: one GPU has one media extension");
}

TEST_CASE("a layout text that cannot be read is refused with what is legal") {
  const auto a100 = load_profile("a100");
  const std::string profiles = "it has 7g.80gb, 4g.40gb, 3g.40gb, 2g.20gb, 1g.20gb, 1g.10gb+me, 1g.10gb";
  CHECK(refusal(a100, "") == "the layout is empty; write \"whole\" or instances such as 3g.40gb@0+3g.40gb@4");
  CHECK(
      refusal(a100, "3g.48gb") ==
      "3g.48gb: NVIDIA A100-SXM4-80GB has no instance profile \"3g.48gb\"; its instance of 3g is 3g.40gb; " +
          profiles);
  CHECK(refusal(a100, "banana").find(profiles) != std::string::npos);
  CHECK(refusal(a100, "5g").find(profiles) != std::string::npos);
  CHECK(refusal(a100, "3g.40gb@x") == "3g.40gb@x: expected a memory slot after @, found \"x\"");
  CHECK(refusal(a100, "3g.40gb@-1") == "3g.40gb@-1: expected a memory slot after @, found \"-1\"");
  CHECK(refusal(a100, "3g.40gb@99999999999") ==
        "3g.40gb@99999999999: expected a memory slot after @, found \"99999999999\"");
  CHECK(refusal(a100, "3g.40gb++3g.40gb") ==
        "expected an instance such as 3g.40gb@0 on both sides of every + and comma");
  CHECK(refusal(a100, "2x3g.40gb@0") ==
        "2x3g.40gb@0: 2 instances cannot all start at 0; leave the start out");
  CHECK(refusal(a100, "0x3g.40gb") == "0x3g.40gb: expected a count of at least 1, found 0");
}

TEST_CASE("a layout built by hand is checked like a text") {
  const auto a100 = load_profile("a100");
  CHECK_THROWS_AS(check_layout(a100, Layout{{{99, 0, {}}}}), LayoutError);
  CHECK_THROWS_AS(check_layout(a100, Layout{{{-1, 0, {}}}}), LayoutError);
  CHECK_THROWS_AS((void)partitions(a100, Layout{{{0, 1, {}}}}), LayoutError);
  CHECK_THROWS_AS((void)format_layout(a100, Layout{{{0, 0, {0}}}}), LayoutError);
  const auto both = parse_layout(a100, "4g+3g");
  CHECK_NOTHROW(check_layout(a100, both));
  CHECK_THROWS_WITH_AS(check_layout(a100, both, {.before_r510 = true}),
                       "4g.40gb and 3g.40gb: drivers before R510 refuse them side by side", LayoutError);
}

TEST_CASE("a GPU whose MIG is not described has one layout, the whole, and is not said to have none") {
  auto plain = load_profile("a100");
  plain.mig.clear();
  plain.memory_slots = 0;
  CHECK(all_states(plain) == std::vector<Layout>{Layout{}});
  CHECK(maximal_layouts(plain) == std::vector<Layout>{Layout{}});
  CHECK(parse_layout(plain, "whole").whole());
  CHECK(refusal(plain, "3g.40gb") ==
        "3g.40gb: MIG is not described in the profile of NVIDIA A100-SXM4-80GB; its only layout here is "
        "\"whole\"");
}

TEST_CASE("a GPU that has no MIG is said to have none, with the source") {
  const auto t4 = load_profile("t4");
  CHECK(t4.without_mig);
  CHECK(all_states(t4) == std::vector<Layout>{Layout{}});
  CHECK(
      refusal(t4, "1g.5gb") ==
      "1g.5gb: Tesla T4 has no MIG (NVIDIA MIG User Guide, supported GPUs: this card is not among them); its "
      "only layout here is \"whole\"");
  CHECK(!load_profile("h100-nvl").without_mig);
}

TEST_CASE("every layout of every card prints as it is read, with starts and without") {
  for (const std::string& name : profile_names()) {
    const auto card = load_profile(name);
    for (const Layout& layout : maximal_layouts(card)) {
      CAPTURE(name);
      CAPTURE(format_layout(card, layout));
      CHECK(parse_layout(card, format_layout(card, layout)) == layout);
    }
  }
}

TEST_CASE("the whole GPU is one partition with everything") {
  const auto a100 = load_profile("a100");
  const auto parts = partitions(a100, {});
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].name == "whole");
  CHECK(parts[0].sms == 108);
  CHECK(parts[0].bandwidth_bytes_per_s == 2039e9);
  CHECK(parts[0].memory_bytes == a100.memory_bytes);
  CHECK(parts[0].copy_engines == 7);
}

TEST_CASE("3g.40gb has 3/7 of the SMs and 4/8 of memory, bandwidth and L2") {
  const auto a100 = load_profile("a100");
  const auto parts = partitions(a100, parse_layout(a100, "3g.40gb@4"));
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].sms == a100.mig_sms * 3 / 7);
  CHECK(parts[0].bandwidth_bytes_per_s == a100.bandwidth_bytes_per_s / 2);
  CHECK(parts[0].l2_bytes == a100.l2_bytes / 2);
  CHECK(parts[0].memory_bytes == 39.25 * 1073741824.0);  // nvidia-smi on an A100-SXM4-80GB
  CHECK(parts[0].nominal_memory_bytes == 40e9);
}

TEST_CASE("the partitions of no layout have more than the card") {
  for (const auto& card : kCards) {
    const auto profile = load_profile(card);
    for (const auto& state : all_states(profile, {.double_memory = true})) {
      Partition sum;
      int slices = 0;
      if (!state.whole()) {
        for (const auto& part : partitions(profile, state)) {
          sum.sms += part.sms;
          sum.bandwidth_bytes_per_s += part.bandwidth_bytes_per_s;
          sum.l2_bytes += part.l2_bytes;
          sum.memory_bytes += part.memory_bytes;
          sum.copy_engines += part.copy_engines;
          sum.decoders += part.decoders;
        }
      }
      for (const auto& instance : state.instances) {
        slices += profile.mig[static_cast<std::size_t>(instance.profile)].compute_slices;
      }
      const auto text = format_layout(profile, state);
      CAPTURE(card);
      CAPTURE(text);
      CHECK(sum.sms <= profile.mig_sms);
      CHECK(sum.bandwidth_bytes_per_s <= profile.bandwidth_bytes_per_s);
      CHECK(sum.l2_bytes <= profile.l2_bytes);
      CHECK(sum.memory_bytes <= profile.memory_bytes);
      CHECK(sum.copy_engines <= profile.copy_engines);
      CHECK(sum.decoders <= profile.decoders);
      CHECK(slices <= 7);  // follows from the placements; no rule of its own
    }
  }
}

}  // namespace test_mig
