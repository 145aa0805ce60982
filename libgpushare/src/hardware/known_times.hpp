#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpushare/demand.hpp"

namespace gpushare {

/// Times of a process's steps that come again, by their form: a table of fixed size, in which one form takes the place of
/// another. What is found is what was computed.
class KnownTimes {
 public:
  /// Of a form (not 0) on these resources, by `compute` where it is not known.
  template <class Compute>
  [[nodiscard]] const StepTime& of(std::uint64_t form, const Resources& resources, const Compute& compute) {
    if (entries_.empty() || !(resources == resources_)) [[unlikely]] {
      entries_.assign(std::size_t{1} << kBits, {});
      resources_ = resources;
    }
    Entry& entry = entries_[static_cast<std::size_t>(form * kSpread >> (64 - kBits))];
    if (entry.form != form) entry = {form, compute()};
    return entry.time;
  }

 private:
  static constexpr unsigned kBits = 9;
  static constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15ull;  // Fibonacci hashing
  struct Entry {
    std::uint64_t form = 0;
    StepTime time;
  };
  std::vector<Entry> entries_;  // empty before the first one
  Resources resources_;
};

}  // namespace gpushare
