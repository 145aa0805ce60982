#pragma once

#include <vector>

#include "gpushare/warnings.hpp"

namespace gpushare::scenario {

/// Of what services do that their documents do not show: weights in a format that the GPU cannot multiply in, contexts that
/// its cache does not hold once, requests that no context holds, and sizes that nothing on a request's way takes.
[[nodiscard]] std::vector<Warning> service_warnings(const Scenario& scenario);

}  // namespace gpushare::scenario
