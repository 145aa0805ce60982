#pragma once

#include <memory>
#include <vector>

#include "simulation/held_streams.hpp"
#include "simulation/sources/context.hpp"

namespace gpushare {

/// Users who wait for their answer, think, and ask again.
class Users {
 public:
  Users(const SourceContext& context, HeldStreams& streams) : context_(context), streams_(streams) {}

  /// The users of a traffic.
  void add(int traffic);
  /// Event: the user is ready for the next turn; or the stream they waited for is open or refused.
  void on_ready(Time now, std::uint32_t user);
  /// Their request has ended.
  void after(Time now, const Request& request);

 private:
  struct User {
    int traffic = 0;
    int number = 0;
    int turn = 0;
    double history_tokens = 0;
    Time leave{};
    EventQueue::Slot slot = 0;
    std::shared_ptr<PromptPrefix> said{};  ///< what the session's next prompt will begin with
  };
  void remember(User& user, Request& request);

  const SourceContext& context_;
  HeldStreams& streams_;
  std::vector<User> users_;            // of all traffics
  std::vector<Stream> sizes_, think_;  // by traffic
};

}  // namespace gpushare
