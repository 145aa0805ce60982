#pragma once

#include "core/json_reader.hpp"
#include "gpushare/calls.hpp"

namespace gpushare::calls {

/// A recipe as a scenario document has it. Fails at the reader.
[[nodiscard]] CallRecipe read_recipe(const json::Reader& reader);

}  // namespace gpushare::calls
