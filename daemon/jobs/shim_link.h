// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/frame.h"
#include "common/journal.h"
#include "common/plan.h"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

namespace gpujob::jobs {

/// The daemon's end of the link to one shim. Connects, says hello, hands up every record, and
/// reconnects while it is wanted: the shim outlives what happens to the connection.
class ShimLink {
public:
  struct Handlers {
    std::function<void(journal::Record)> on_record;
    std::function<void(Fd)> on_command_line; ///< the sealed command line, on each hello
    /// The newest seq handed up so far; asked at each connect.
    std::function<std::int64_t()> last_seq;
    std::function<void()> on_connected;
  };

  ShimLink(boost::asio::io_context& io, std::string socket_path, Handlers handlers);
  ~ShimLink();
  ShimLink(const ShimLink&) = delete;
  ShimLink& operator=(const ShimLink&) = delete;

  /// Delivered now, or (the newest plan, every request) after the next connect.
  void send_plan(const Plan& plan);
  void send_request(std::int64_t number);

private:
  struct State;
  std::shared_ptr<State> m_state;
};

} // namespace gpujob::jobs
