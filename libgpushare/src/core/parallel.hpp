#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace gpushare {

/// Calls `work(i, stop)` for every i below `count` on so many threads, this one among them; 0: as many as there are cores.
///
/// Once one has thrown, `stop` is true and no more are begun; the first error is thrown again when all have ended.
template <class Work>
void in_parallel(std::size_t count, unsigned threads, const Work& work) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr error;
  const auto share = [&] {
    for (std::size_t i = next++; i < count && !stop; i = next++) {
      try {
        work(i, stop);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (!error) error = std::current_exception();
        stop = true;
      }
    }
  };
  std::vector<std::jthread> pool;
  for (std::size_t t = 1; t < std::min<std::size_t>(threads, count); ++t) pool.emplace_back(share);
  share();
  pool.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace gpushare
