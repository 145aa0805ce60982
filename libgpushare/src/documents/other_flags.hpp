#pragma once

#include "documents/scenario_parts.hpp"

namespace gpushare::scenario {

/// Refuses keys of a service's engine that stand in the service in a document, and flags of servers that nothing here
/// follows, with what to write instead.
void refuse_flags_in_engine(const Reader& engine);

/// Refuses keys of a service that stand in its engine.
void refuse_flags_in_service(const Reader& service);

}  // namespace gpushare::scenario
