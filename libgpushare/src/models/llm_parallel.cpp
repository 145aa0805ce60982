#include <algorithm>
#include <cmath>

#include "gpushare/model.hpp"

// What tensor parallelism and mixtures of experts leave a GPU to do.

namespace gpushare {
namespace {

constexpr double kActivationBytes =
    2;  // of a number that an all-reduce sums: fp16 or bf16, whatever the weights are

// Of the bytes that norms, rotary embedding and activation move, what every rank moves whole: two norms with their
// residuals, 8 numbers of each of the hidden width, beside 2.5 of the rotary embedding and 3 of each of the inner width
// (3.5 times the hidden one), which are split. Counted for the layers of Llama 3.
constexpr double kWholeElementwise = 8 / 21.0;

OperatorGroup split(OperatorGroup group, double share) {
  group.flop *= share;
  group.bytes *= share;
  return group;
}

}  // namespace

double TensorParallel::all_reduce_s(double bytes) const {
  if (ranks <= 1) return 0;
  const double in_parts = latency_s + 2.0 * (ranks - 1) / ranks * bytes / bandwidth_bytes_per_s;
  if (one_shot_latency_s <= 0) return in_parts;
  return std::min(in_parts, one_shot_latency_s + (ranks - 1) * bytes / bandwidth_bytes_per_s);
}

double LlmModel::experts_called(double tokens) const {
  if (experts == 0) return 1;
  return 1 - std::pow(1 - static_cast<double>(experts_per_token) / experts, tokens);
}

Demand LlmModel::share_of_rank(const Demand& whole, double tokens, const TensorParallel& parallel) const {
  if (parallel.ranks <= 1 || whole.group_count == 0) return whole;
  const double share = 1.0 / parallel.ranks;
  Demand rank = whole;  // products, norms and the like, attention: as iteration() adds them
  rank.groups[0] = split(whole.groups[0], share);
  rank.groups[1] = split(whole.groups[1], kWholeElementwise + (1 - kWholeElementwise) * share);
  rank.groups[2] = split(whole.groups[2], share);
  const double sums = 2.0 * layers;  // after the attention and after the inner products of each layer
  rank.collective_s = sums * parallel.all_reduce_s(tokens * hidden * kActivationBytes);
  rank.fixed_gpu_s += rank.collective_s;
  rank.collectives = sums;
  rank.kernels += sums;
  return rank;
}

}  // namespace gpushare
