#include "serving/chunk_line.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gpushare {

void ChunkLine::insert(const Place& place) {
  // Chunks come in the order of their streams' last ones, mostly: the end is where to look first.
  if (unused_.empty()) {
    places_.insert(places_.end(), place);
  } else {
    unused_.back().value() = place;
    places_.insert(places_.end(), std::move(unused_.back()));
    unused_.pop_back();
  }
  if (places_.size() == batch_) {
    filler_ = std::prev(places_.end());
  } else if (places_.size() > batch_ && place < *filler_) {
    --filler_;
  }
}

void ChunkLine::erase(const Place& place) { remove(places_.find(place)); }

void ChunkLine::remove(Places::iterator at) {
  if (places_.size() > batch_ && !(*filler_ < *at)) ++filler_;
  unused_.push_back(places_.extract(at));
}

void ChunkLine::clear() {
  places_.clear();
  unused_.clear();
}

void ChunkLine::take(Time now, std::vector<std::uint32_t>& slots) {
  taken_.clear();
  while (taken_.size() < batch_ && first() <= now) {
    taken_.push_back(*places_.begin());
    remove(places_.begin());
  }
  if (taken_.size() > 1 && first() > now)
    std::sort(taken_.begin(), taken_.end(),
              [](const Place& a, const Place& b) { return a.admission < b.admission; });
  for (const Place& place : taken_) slots.push_back(place.slot);
}

}  // namespace gpushare
