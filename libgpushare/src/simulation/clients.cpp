#include "simulation/clients.hpp"

#include <cmath>
#include <utility>

namespace gpushare {
namespace {

// As it was sent first, but that its stages count from when they were first asked.
Request sent_anew(const Request& ended) {
  Request again = ended;
  again.status = RequestStatus::completed;
  again.timed_out = again.abandoned = again.by_fault = false;
  again.playout = {};
  again.playout.heard_s = ended.playout.heard_s;
  for (std::size_t s = 0; s < kMaxStages; ++s) {
    again.stages[s] = {};
    again.stages[s].queued = ended.stages[s].queued;
  }
  return again;
}

}  // namespace

std::uint32_t Clients::take() {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(waits_.size()));
    const Kernel::Slot timer = add_slot(kernel_, kTrafficEvent, Part::client, waits_.size());
    waits_.emplace_back().timer = timer;
  }
  const std::uint32_t client = free_.back();
  free_.pop_back();
  return client;
}

void Clients::sent(Time now, std::uint32_t slot, Request& request) {
  const auto& client = client_of(request);
  if (!client) return;
  if (request.client < 0) request.client = static_cast<std::int32_t>(take());
  Wait& wait = waits_[static_cast<std::size_t>(request.client)];
  wait.slot = slot;
  if (client->timeout_s) kernel_.set(wait.timer, now + duration_from_seconds(*client->timeout_s));
}

bool Clients::tries_again(Time now, const Request& ended) {
  if (ended.client < 0) return false;
  const Client& client = *client_of(ended);
  Wait& wait = waits_[static_cast<std::size_t>(ended.client)];
  const bool vain = ended.status == RequestStatus::completed || ended.too_long;
  if (vain || ended.attempts > static_cast<std::uint32_t>(client.retries)) {
    kernel_.cancel(wait.timer);
    free_.push_back(static_cast<std::uint32_t>(ended.client));
    return false;
  }
  wait.again = sent_anew(ended);
  const double backoff_s = std::ldexp(client.backoff_s, static_cast<int>(ended.attempts) - 1);
  kernel_.set(wait.timer, now + duration_from_seconds(backoff_s));
  return true;
}

std::optional<Request> Clients::take_again(std::uint32_t client) {
  return std::exchange(waits_[client].again, std::nullopt);
}

}  // namespace gpushare
