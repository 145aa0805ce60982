#include "gpushare/objectives.hpp"

namespace gpushare {

std::string_view to_string(IsolationLevel level) {
  return level == IsolationLevel::process ? "process" : "hardware";
}

double allowed_failures(const Objectives& objectives) {
  for (const FigureBound& bound : objectives.figures)
    if (bound.name == "success_rate" && !bound.at_most) return 1 - bound.value;
  return 0;
}

std::string_view to_string(Tolerance tolerance) {
  switch (tolerance) {
    case Tolerance::nothing:
      break;
    case Tolerance::instance:
      return "instance";
    case Tolerance::gpu:
      return "gpu";
    case Tolerance::node:
      return "node";
  }
  return "";
}

}  // namespace gpushare
