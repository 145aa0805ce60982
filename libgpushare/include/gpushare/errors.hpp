#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace gpushare {

/// Base of every error this library throws. The message says where, what was found and what is legal.
class Error : public std::runtime_error {
 public:
  /// `where` is a JSON pointer, `file:line`, or empty; the message reads "where: what".
  Error(std::string where, const std::string& what)
      : std::runtime_error(where.empty() ? what : where + ": " + what), where_(std::move(where)) {}
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  std::string where_;
};

/// A GPU profile that is missing, malformed or asks for the impossible.
class ProfileError : public Error {
  using Error::Error;
};
/// A MIG layout that no such GPU can be cut into.
class LayoutError : public Error {
  using Error::Error;
};
/// A model file that is missing, malformed or lacks what is asked of it.
class ModelError : public Error {
  using Error::Error;
};
/// A scenario document that is missing, malformed or contradicts itself.
class ScenarioError : public Error {
  using Error::Error;
};
/// Processes that do not fit the memory of their partition.
class MemoryError : public Error {
  using Error::Error;
};
/// A request trace that is missing, malformed, empty or unsorted.
class TraceError : public Error {
  using Error::Error;
};
/// Measurements that are missing, malformed or too few to fit what is asked of them.
class CalibrationError : public Error {
  using Error::Error;
};
/// A figure that no run has, a name that several have, or a bound that says nothing of a figure.
class FigureError : public Error {
  using Error::Error;
};
/// A run that was interrupted, or broke one of its own invariants.
class SimulationError : public Error {
  using Error::Error;
};

}  // namespace gpushare
