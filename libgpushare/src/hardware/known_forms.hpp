#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gpushare {

/// What is known of a process's steps that come again, by their form: a table in which one form takes the place of another,
/// and which grows, up to a limit, where that happens often. What is found is what was computed, where the process
/// stands as it does now.
template <class Known, class Where>
class KnownForms {
 public:
  /// Of a form (not 0) there, by `compute` where it is not known; valid until the next call.
  template <class Compute>
  [[nodiscard]] const Known& of(std::uint64_t form, const Where& where, const Compute& compute) {
    if (entries_.empty() || !(where == where_)) [[unlikely]] {
      entries_.assign(std::size_t{1} << bits_, {});
      where_ = where;
    }
    if (Entry& entry = entry_of(form); entry.form == form) [[likely]]
      return entry.known;
    return learn(form, compute());
  }

 private:
  static constexpr unsigned kLeastBits = 5, kMostBits = 10;
  static constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15ull;  // Fibonacci hashing
  struct Entry {
    std::uint64_t form = 0;
    Known known;
  };

  [[nodiscard]] Entry& entry_of(std::uint64_t form) {
    return entries_[static_cast<std::size_t>(form * kSpread >> (64 - bits_))];
  }
  const Known& learn(std::uint64_t form, const Known& known) {
    if (entry_of(form).form != 0 && ++pushed_out_ > entries_.size() && bits_ < kMostBits) grow();
    Entry& entry = entry_of(form);
    entry = {form, known};
    return entry.known;
  }
  void grow() {
    ++bits_;
    pushed_out_ = 0;
    std::vector<Entry> before(std::size_t{1} << bits_);
    before.swap(entries_);
    for (const Entry& entry : before)
      if (entry.form != 0) entry_of(entry.form) = entry;
  }

  unsigned bits_ = kLeastBits;
  std::vector<Entry> entries_;  // empty before the first one
  std::size_t pushed_out_ = 0;  // forms, since it has grown
  Where where_;
};

}  // namespace gpushare
