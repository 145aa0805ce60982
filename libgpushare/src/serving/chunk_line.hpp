#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "gpushare/time.hpp"

namespace gpushare {

/// Streams by when their next chunk comes, those at one time in order of admission; and when the chunk comes that fills a
/// batch. Whatever the number of streams, one comes or goes in O(log n), and both times are known at once.
class ChunkLine {
 public:
  struct Place {
    Time arrival{};
    std::uint64_t admission = 0;  ///< of the stream, unlike any other's
    std::uint32_t slot = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
  };

  /// Of `batch` >= 1 chunks.
  explicit ChunkLine(std::size_t batch) : batch_(batch) {}
  // It points into itself: moving keeps what it points to, copying does not.
  ChunkLine(const ChunkLine&) = delete;
  ChunkLine& operator=(const ChunkLine&) = delete;
  ChunkLine(ChunkLine&&) = default;
  ChunkLine& operator=(ChunkLine&&) = default;
  ~ChunkLine() = default;

  void insert(const Place& place);
  /// It must be here.
  void erase(const Place& place);
  void clear();
  /// kNever when nobody is here.
  [[nodiscard]] Time first() const { return places_.empty() ? kNever : places_.begin()->arrival; }
  /// kNever when there are fewer than a batch.
  [[nodiscard]] Time fills() const { return places_.size() < batch_ ? kNever : filler_->arrival; }
  /// Takes out those whose chunks have come, no more than a batch, and appends their slots: by admission where that is
  /// all of them, otherwise those that wait longest.
  void take(Time now, std::vector<std::uint32_t>& slots);

 private:
  using Places = std::set<Place>;
  void remove(Places::iterator at);

  std::size_t batch_;
  Places places_;
  Places::iterator filler_{};              // of the chunk that fills a batch; meaningless where there is none
  std::vector<Places::node_type> unused_;  // so that nothing is allocated chunk by chunk
  std::vector<Place> taken_;               // scratch of take
};

}  // namespace gpushare
