#pragma once

#include <string>

namespace gpushare {

/// One sourced figure of a data file, kept for `profile show`.
struct ProvenanceEntry {
  std::string pointer;  ///< JSON pointer in the file
  std::string value;    ///< as written
  std::string source;
  std::string grade;  ///< vendor, measured, derived or assumed
};

}  // namespace gpushare
