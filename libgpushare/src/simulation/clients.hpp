#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gpushare/workload.hpp"
#include "results/request.hpp"
#include "simulation/events.hpp"

namespace gpushare {

/// Who sends requests, where they give up on an attempt or ask again: a timer for each request of theirs that is not
/// over.
class Clients {
 public:
  Clients(Kernel& kernel, const Workload& workload) : kernel_(kernel), workload_(workload) {}

  /// An attempt of the request in this slot has been sent: its timeout begins.
  void sent(Time now, std::uint32_t slot, Request& request);
  /// An attempt has ended: true when the request is sent again, after the backoff; false when it is over.
  [[nodiscard]] bool tries_again(Time now, const Request& ended);
  /// When the timer rings: the request to be sent again now; nullopt when the client gives up on the attempt in hand.
  [[nodiscard]] std::optional<Request> take_again(std::uint32_t client);
  [[nodiscard]] std::uint32_t slot_of(std::uint32_t client) const { return waits_[client].slot; }

 private:
  struct Wait {
    Kernel::Slot timer = 0;
    std::uint32_t slot = 0;        // of the attempt in hand
    std::optional<Request> again;  // what is sent after the backoff
  };
  [[nodiscard]] const std::optional<Client>& client_of(const Request& request) const {
    return workload_.traffic[static_cast<std::size_t>(request.traffic)].client;
  }
  [[nodiscard]] std::uint32_t take();

  Kernel& kernel_;
  const Workload& workload_;
  std::vector<Wait> waits_;
  std::vector<std::uint32_t> free_;
};

}  // namespace gpushare
