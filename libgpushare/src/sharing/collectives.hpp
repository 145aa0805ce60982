#pragma once

#include <span>

#include "sharing/contention.hpp"

/// The law of contention where steps hold all-reduces with other GPUs (tensor parallelism). An all-reduce keeps few SMs
/// and next to no bandwidth busy: others go ahead as if its process were not there. On two H200s a prompt of 4,096
/// tokens is at it for a seventh of its time, in which a decode beside it does half of its work. Without caps it waits
/// for its turn as the step's other kernels do; with caps its process has SMs of its own.
namespace gpushare {

/// As set_contended_rates, on the average over which steps are in an all-reduce, each independently of the others.
void set_rates_beside_collectives(std::span<ActiveWork> running, const Contention& partition);

}  // namespace gpushare
