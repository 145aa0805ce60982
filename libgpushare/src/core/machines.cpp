#include "core/machines.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/text.hpp"

namespace gpushare::machines {
namespace {

struct Named {
  std::string_view pattern;  ///< lower case; * stands for any letters
  std::string_view card;
};

// Machine types of Amazon EC2, Google Compute Engine and Azure. Looked up in their documents: G5, A4X, A4, A3 Ultra, ND A100 v4,
// ND H100 v5, ND GB200 v6; the others are assumed. Those with a part of a card are left out.
constexpr auto kMachines = std::to_array<Named>({
    {"p3.*", "v100-16gb"},
    {"p3dn.*", "v100"},
    {"p4d.*", "a100-40gb"},
    {"p4de.*", "a100"},
    {"p5.*", "h100"},
    {"p5e.*", "h200"},
    {"p5en.*", "h200"},
    {"p6-b200.*", "b200"},
    {"p6-b300.*", "b300"},
    {"p6e-gb200.*", "gb200"},
    {"g4dn.*", "t4"},
    {"g5.*", "a10g"},
    {"g6.*", "l4"},
    {"gr6.*", "l4"},
    {"g6e.*", "l40s"},
    {"a2-highgpu-*", "a100-40gb"},
    {"a2-megagpu-*", "a100-40gb"},
    {"a2-ultragpu-*", "a100"},
    {"a3-highgpu-*", "h100"},
    {"a3-megagpu-*", "h100"},
    {"a3-edgegpu-*", "h100"},
    {"a3-ultragpu-*", "h200"},
    {"a4-highgpu-*", "b200"},
    {"a4x-highgpu-*", "gb200"},
    {"g2-standard-*", "l4"},
    {"standard_nd96asr*_v4", "a100-40gb"},
    {"standard_nd96amsr*_v4", "a100"},
    {"standard_nc*ads_a100_v4", "a100-pcie"},
    {"standard_nd96isr_h100_v5", "h100"},
    {"standard_nc*ads_h100_v5", "h100-nvl"},
    {"standard_nc*adis_h100_v5", "h100-nvl"},
    {"standard_nd96isr_h200_v5", "h200"},
    {"standard_nc*as_t4_v3", "t4"},
    {"standard_nc*s_v3", "v100-pcie"},
    {"standard_nd40rs_v2", "v100"},
    {"standard_nv36ad*s_a10_v5", "a10"},
    {"standard_nv72ad*s_a10_v5", "a10"},
    {"standard_nd128isr_ndr_gb200_v6", "gb200"},
    {"standard_nd128isr_gb300_v6", "gb300"},
    // NVIDIA's own; the DGX A100 came with cards of 40 and of 80 GB.
    {"*dgx-spark", "gb10"},
    {"*dgx-h100", "h100"},
    {"*hgx-h100", "h100"},
    {"*dgx-h200", "h200"},
    {"*hgx-h200", "h200"},
    {"*dgx-b200", "b200"},
    {"*hgx-b200", "b200"},
    {"*dgx-b300", "b300"},
    {"*hgx-b300", "b300"},
    {"*dgx-gb200", "gb200"},
    {"*dgx-gb300", "gb300"},
});

constexpr auto kLabels = std::to_array<Named>({
    {"nvidia-tesla-a100", "a100-40gb"},  // the one of 80 GB is nvidia-a100-80gb
    {"nvidia-tesla-v100", "v100-16gb"},
    {"nvidia-h100-mega-80gb", "h100"},
});

bool fits(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  return name.size() >= before.size() + after.size() && name.starts_with(before) && name.ends_with(after);
}

template <std::size_t N>
std::string_view card_in(const std::array<Named, N>& known, std::string_view name) {
  constexpr std::size_t kLongest = 64;
  if (name.size() > kLongest) return {};
  std::string lower = text::lower_case(name);
  std::replace(lower.begin(), lower.end(), ' ', '-');
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Named& one) { return fits(lower, one.pattern); });
  return found == known.end() ? std::string_view{} : found->card;
}

}  // namespace

std::string_view card_of(std::string_view machine) { return card_in(kMachines, machine); }

std::string_view card_labelled(std::string_view accelerator) { return card_in(kLabels, accelerator); }

}  // namespace gpushare::machines
