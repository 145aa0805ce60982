#include "models/process.hpp"

#include <algorithm>

namespace gpushare {

MemoryNeed whole_process(double weights, double total) {
  MemoryNeed need;
  need.weights = std::min(weights, total);
  need.activations = total - need.weights;
  need.total = total;
  return need;
}

MemoryNeed with_context(double weights, double bytes, const Process& process) {
  if (process.memory_bytes > 0) return whole_process(weights, process.memory_bytes);
  MemoryNeed need = whole_process(weights, bytes);
  need.context = process.gpu.context_bytes;
  need.total += need.context;
  return need;
}

}  // namespace gpushare
