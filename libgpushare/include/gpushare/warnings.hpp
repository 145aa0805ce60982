#pragma once

#include <string>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/summary.hpp"

/// What is legal and still likely to mislead: odd input before a run, and what its figures hide after it.
namespace gpushare {

struct Warning {
  std::string where;  ///< JSON pointer of the document, a file and the pointer in it, or a name of the result
  std::string text;   ///< what was found, in its unit, and what would be right

  friend bool operator==(const Warning&, const Warning&) = default;
};
/// "/services/llm/engine/request_overhead_s: 15 seconds is implausible: ..."
[[nodiscard]] std::string to_string(const Warning& warning);

/// Of what the scenario says, in the order of its document; then of the files that it names, its placement and objectives.
[[nodiscard]] std::vector<Warning> warnings_of(const Scenario& scenario);

/// What its figures hang on and it does not say: defaults of engines, precisions and the GPU, or of a preset; and the constants
/// of time-slicing and MPS that the profile carries over from another card, where a partition is shared so.
[[nodiscard]] std::vector<Warning> assumptions_of(const Scenario& scenario);
/// Whether any of them is such a constant: predictions then may be further off than where it was measured.
[[nodiscard]] bool carries_over(const Scenario& scenario);
/// Of what the figures of a run hide: traffic that its servers cannot keep up with, a window too short for its requests.
[[nodiscard]] std::vector<Warning> warnings_of(const Scenario& scenario, const Summary& summary);

}  // namespace gpushare
