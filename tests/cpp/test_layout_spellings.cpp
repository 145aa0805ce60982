#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "layout_texts.hpp"

namespace test_layout_spellings {

using namespace gpushare;
using test::parsed;
using test::refusal;

namespace {

// A layout in the spellings of NVIDIA's tools, with starts: tuples of ids, device names, resource names.
std::vector<std::string> spellings(const GpuProfile& profile, const Layout& layout) {
  std::string ids, devices, resources, upper;
  for (const auto& instance : layout.instances) {
    const auto& mig = profile.mig[static_cast<std::size_t>(instance.profile)];
    const auto start = std::to_string(instance.start);
    auto resource = mig.name;
    std::replace(resource.begin(), resource.end(), '+', '.');
    ids += (ids.empty() ? "" : ",") + std::to_string(mig.id) + ":" + start;
    devices += (devices.empty() ? "MIG " : "+MIG ") + mig.name + "@" + start;
    resources += (resources.empty() ? "" : ", ") + ("nvidia.com/mig-" + resource) + "@" + start;
  }
  upper = devices;
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return {ids, devices, resources, upper};
}

}  // namespace

TEST_CASE("every layout of every card is read in the spellings of NVIDIA's tools") {
  for (const auto& card : profile_names()) {
    const auto profile = load_profile(card);
    if (profile.mig.empty()) continue;
    for (const auto& layout : maximal_layouts(profile, {.double_memory = true})) {
      const auto expected = format_layout(profile, layout);
      for (const auto& text : spellings(profile, layout)) {
        // A start that could be a count is asked about, and only then.
        const bool ids = text.find(':') != text.npos;
        const auto refused = ids ? refusal(profile, text) : "no error";
        CAPTURE(card);
        CAPTURE(text);
        if (refused == "no error") {
          CHECK(parsed(profile, text) == expected);
        } else {
          CHECK(refused.find("write ") != refused.npos);
        }
      }
    }
  }
}

TEST_CASE("counts may stand after a name, and a number after a colon means the one thing that it can mean") {
  const auto a100 = load_profile("a100");
  const auto seven = parsed(a100, "7x1g.10gb");
  for (const auto* text : {"7X1g.10gb", "7*1g.10gb", "7 * 1g.10gb", "1g.10gb*7", "1g.10gb x7", "1g.10gb X 7",
                           "1g.10gb:7", "all-1g.10gb", "ALL-1G.10GB", "19:7", "7x MIG 1g.10gb", "7x19"}) {
    CAPTURE(text);
    CHECK(parsed(a100, text) == seven);
  }
  CHECK(parsed(a100, "9:4") == "3g.40gb@4");
  CHECK(parsed(a100, "3g.40gb:0") == "3g.40gb@0");
  CHECK(refusal(a100, "1g.10gb:4") ==
        "1g.10gb:4: write 1g.10gb@4 for the instance that starts at memory slot 4, or 4x1g.10gb for 4 of "
        "them");
  CHECK(refusal(a100, "2x1g.10gb*2") == "2x1g.10gb*2: expected one count, found two");
  CHECK(refusal(a100, "2x1g.10gb:2") == "2x1g.10gb:2: expected one number beside the name, found two");
  CHECK(refusal(a100, "1g.10gb*0") == "1g.10gb*0: expected a count of at least 1, found 0");
  CHECK(refusal(a100, "1g.10gb:9") == "1g.10gb:9: 9 instances of 1g.10gb wanted, at most 7 fit on one GPU");
}

TEST_CASE("mig-parted's names for all of a card are read") {
  const auto a100 = load_profile("a100");
  CHECK(parsed(a100, "all-balanced") == parsed(a100, "2x1g.10gb+2g.20gb+3g.40gb"));
  CHECK(parsed(load_profile("a30"), "all-balanced") == parsed(load_profile("a30"), "2x1g.6gb+2g.12gb"));
  CHECK(parsed(a100, "all-disabled") == "whole");
  CHECK(parsed(a100, "all-1g.10gb.me") == "1g.10gb+me@0");
  CHECK(parsed(a100, "all-3g.40gb") == "3g.40gb@0+3g.40gb@4");
  CHECK(refusal(a100, "all-enabled") ==
        "all-enabled: MIG without instances runs nothing; say which instances, or \"whole\" for MIG off");
  CHECK(refusal(a100, "all-1g.5gb").find("its instance of 1g is 1g.10gb") != std::string::npos);
  for (const char* word : {"balanced", "Balanced", "all-balance", "balance"})
    CHECK(refusal(a100, word).find("did you mean \"all-balanced\"?") != std::string::npos);
  CHECK(refusal(a100, "disabled").find("did you mean \"all-disabled\"?") != std::string::npos);
  for (const char* word : {"half", "mixed", "single"})
    CHECK(refusal(a100, word).find("layouts are written 3g.40gb+3g.40gb") != std::string::npos);
}

TEST_CASE("compute instances that are written alone share instances of their kind while they fit") {
  const auto a100 = load_profile("a100");
  CHECK(parsed(a100, "1c.3g.40gb") == "3g.40gb@0(1c)");
  CHECK(parsed(a100, "MIG 1c.3g.40gb+MIG 2c.3g.40gb") == "3g.40gb@0(1c,2c)");
  CHECK(parsed(a100, "6x1c.3g.40gb") == "3g.40gb@0(1c,1c,1c)+3g.40gb@4(1c,1c,1c)");
  CHECK(parsed(a100, "2x2c.3g.40gb") == "3g.40gb@0(2c)+3g.40gb@4(2c)");
  CHECK(parsed(a100, "1c.3g.40gb@4+1c.3g.40gb@0") == "3g.40gb@0(1c)+3g.40gb@4(1c)");
  CHECK(refusal(a100, "7x1c.3g.40gb") ==
        "7x1c.3g.40gb: 7 instances of 3g.40gb wanted, at most 6 fit on one GPU");
  CHECK(refusal(a100, "4c.3g.40gb") ==
        "4c.3g.40gb: a compute instance of 4 slices is not in 3g.40gb, which has 3");
  CHECK(refusal(a100, "1c.3g.40gb(1c)") ==
        "1c.3g.40gb(1c): write 3g.40gb(1c,...) for more than one compute instance");
}

TEST_CASE("an instance of another card's memory is told what this card's is called") {
  CHECK(refusal(load_profile("a100"), "7x1g.5gb") ==
        "7x1g.5gb: NVIDIA A100-SXM4-80GB has no instance profile \"1g.5gb\"; its instance of 1g is 1g.10gb; "
        "it has 7g.80gb, 4g.40gb, 3g.40gb, 2g.20gb, 1g.20gb, 1g.10gb+me, 1g.10gb");
  CHECK(refusal(load_profile("a100"), "11").find("has no instance profile of id 11; it has 7g.80gb") !=
        std::string::npos);
}

}  // namespace test_layout_spellings
