#pragma once

/// Everything a planner needs: read a scenario, simulate it, read its figures, and fit its parameters to measured runs.
#include "gpushare/arrivals.hpp"
#include "gpushare/calibration.hpp"
#include "gpushare/calls.hpp"
#include "gpushare/demand.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/model.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/random.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/sharing.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/time.hpp"
#include "gpushare/trace.hpp"
