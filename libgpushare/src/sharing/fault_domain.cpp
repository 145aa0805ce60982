#include "gpushare/faults.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::allocation:
      return "allocation";
    case FaultKind::context:
      return "context";
    case FaultKind::device:
      return "device";
  }
  return "";
}

bool shares_fault_domain(FaultKind kind, SharingMode mode) {
  return kind == FaultKind::device || (kind == FaultKind::context && traits_of(mode).one_context);
}

}  // namespace gpushare
