// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "daemon/jobs/checkpoint_watch.h"
#include "daemon/jobs/job_environment.h"
#include "daemon/jobs/socket_sweep.h"
#include "daemon/policy/event.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gpujob::jobs {

/// Every attempt that runs: its shim, the link to it, the watch over its checkpoints. Turns what
/// happens there into events. Owned by the loop.
class Attempts {
public:
  using Post = std::function<void(policy::Event)>;
  /// The command line a shim handed back, for the environment store.
  using KeepCommandLine = std::function<void(const policy::JobId&, Fd)>;

  Attempts(boost::asio::io_context& io, Places places, Post post, KeepCommandLine keep);
  ~Attempts();
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  /// Starts a shim for the job's current attempt; the intent is already committed. `command_line`
  /// is a sealed memfd and stays the caller's. A failure comes back as LaunchFailed.
  void launch(const policy::Job& job, const Plan& plan, int command_line,
              std::optional<WallTime> deadline);

  /// Finds out what became of an attempt that another daemon began. `same_vm`: it was under this
  /// boot of this machine.
  void adopt(const policy::Job& job, bool same_vm);

  /// After every adopt(): removes the sockets of attempts that are not followed.
  void sweep_sockets();

  void send_plan(const policy::JobId& id, const Plan& plan);
  void send_request(const policy::JobId& id, std::int64_t number);

  [[nodiscard]] const Places& places() const { return m_places; }

private:
  struct Tracked;

  Result<void> start_shim(const policy::Job& job, const Plan& plan, int command_line,
                          std::optional<WallTime> deadline);
  Tracked& track(const policy::Job& job);
  void watch_shim(Tracked& t, Fd pidfd);
  void connect(Tracked& t);
  void on_record(Tracked& t, journal::Record record);
  void on_gone(const policy::JobId& id);
  bool read_later(Tracked& t, const Error& why);
  void look_for_checkpoints();
  void look_at_output();
  void arm_look();

  // attempts_adopt.cpp
  void find_shim(const policy::JobId& id);

  boost::asio::io_context& m_io;
  Places m_places;
  Post m_post;
  KeepCommandLine m_keep;
  std::map<policy::JobId, std::unique_ptr<Tracked>> m_tracked;
  boost::asio::steady_timer m_look; // I/O cadence, not a deadline: steady is right
  unsigned m_looks = 0;
  SocketSweep m_sockets;
};

} // namespace gpujob::jobs
