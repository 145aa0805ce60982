#include "gpushare/objectives.hpp"

namespace gpushare {

std::string_view to_string(IsolationLevel level) {
  return level == IsolationLevel::process ? "process" : "hardware";
}

std::string_view to_string(Tolerance tolerance) {
  switch (tolerance) {
    case Tolerance::nothing:
      break;
    case Tolerance::instance:
      return "instance";
    case Tolerance::gpu:
      return "gpu";
  }
  return "";
}

}  // namespace gpushare
