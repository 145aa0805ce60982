#pragma once

#include <string_view>

/// Machines and accelerators as clouds call them.
namespace gpushare::machines {

/// The cards of a cloud's machine, by their profile where there is one: "a100-40gb" of "p4d.24xlarge". Empty for names that
/// are not known, and for machines with parts of a card.
[[nodiscard]] std::string_view card_of(std::string_view machine);

/// The profile of a card by the label that Google's Kubernetes gives it, where that is not what NVIDIA calls it.
[[nodiscard]] std::string_view card_labelled(std::string_view accelerator);

}  // namespace gpushare::machines
