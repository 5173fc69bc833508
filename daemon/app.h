// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/clock.h"
#include "daemon/durable_requests.h"
#include "daemon/flusher.h"
#include "daemon/gpu_watch.h"
#include "daemon/ipc/backend.h"
#include "daemon/ipc/server.h"
#include "daemon/jobs/attempts.h"
#include "daemon/outlook.h"
#include "daemon/platform/load.h"
#include "daemon/policy/chronicle.h"
#include "daemon/policy/core.h"
#include "daemon/policy/limits/memory.h"
#include "daemon/process/boot_timer.h"
#include "daemon/process/helper_runner.h"
#include "daemon/session_watch.h"
#include "daemon/store/store.h"
#include "daemon/warner.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gpujob {

/// What startup has found and opened, handed to the loop.
struct AppParts {
  jobs::Places places;
  std::string daemon_exe;
  Outlook::Parts session;
  SessionWatch::Plan watch;
  nlohmann::json notices;    ///< of an earlier daemon on this machine: Outlook::notices
  std::string user_profiles; ///< platform::user_profile_dir
  std::map<std::string, std::string> broken_profiles; ///< by platform: what is wrong
  durable_requests::Place durable;
  std::string durable_state; ///< for people: "stored", or why there is none
  std::unique_ptr<store::Store> store;
  policy::World world;
  Fd lock; ///< daemon.lock, held for life
  Fd listener;
};

/// THE loop: events, now, apply, decide, commit, perform. One thread; destroyed after run().
class App final : public ipc::Backend {
public:
  App(boost::asio::io_context& io, AppParts parts);
  ~App() override;

  /// Takes up what an earlier daemon left: `jobs` are the rows as they were stored.
  void adopt(const std::vector<store::StoredJob>& jobs);
  void post(policy::Event event);
  /// What other sessions say of themselves.
  void take_others(durable_requests::Scanned& scanned);

  /// What a user should hear of the session's end when a daemon starts; empty: nothing.
  [[nodiscard]] std::string start_note() const { return m_outlook.start_note(read_clocks()); }

  // ipc::Backend
  [[nodiscard]] const policy::World& world() const override { return m_world; }
  [[nodiscard]] Now now() const override { return read_clocks(); }
  [[nodiscard]] const StatePaths& state_paths() const override { return m_places.state; }
  void submit(std::vector<policy::Event> events, std::function<void()> committed) override;
  bool hold_command_line(const policy::JobId& id, Fd command_line) override;
  [[nodiscard]] std::size_t command_lines() const override { return m_command_lines.size(); }
  void refresh_from_durable(std::function<void(Result<void>)> done) override;
  [[nodiscard]] std::optional<std::string> lease_holder(const policy::JobId& id) const override;
  [[nodiscard]] nlohmann::json session_view() const override;
  [[nodiscard]] nlohmann::json status_view() const override;
  [[nodiscard]] Result<nlohmann::json> gpu_view(const ipc::GpuQuery& query) const override {
    return m_gpus.view(query, read_clocks());
  }
  [[nodiscard]] Result<nlohmann::json>
  gpu_snapshots(const ipc::GpuSnapshotsQuery& query) const override {
    return m_gpus.snapshots(query);
  }
  Result<std::vector<policy::StoredOccurrence>> events(std::optional<WallTime> since,
                                                       std::int64_t after, int most) override;
  Result<std::vector<policy::StoredAttempt>> attempts(std::optional<WallTime> since,
                                                      std::int64_t after, int most) override;
  [[nodiscard]] std::vector<SessionUse> uses(std::optional<WallTime> since) const override;
  Result<void> give_notice(std::optional<Duration> in, const std::string& text) override;
  void cancel_notice() override;
  Result<void> set_limits(const std::map<std::string, std::string>& values) override;
  void say(const nlohmann::json& entries, const std::string& by,
           std::function<void(Result<std::string>)> done) override;
  Result<void> stop_daemon() override;
  void remove_files(const policy::JobId& id) override;

private:
  void schedule();
  void wake();
  bool commit(Now now);
  void after_commit(Now now);
  void forget_command_lines(const std::set<policy::JobId>& changed);
  void arm(const policy::Decision& d);
  void shut_down();
  [[nodiscard]] durable_requests::Beat make_beat(std::int64_t seq, Now now) const;
  /// Runs --flush when nothing else is left to be done in this session.
  void flush_at_end(Now now);
  /// Says in the ledger that this session holds nothing any more, then shuts down.
  void close_and_shut_down();
  void wait_for_signal();
  void on_signal(int signal);

  // app_others.cpp: what other sessions say.
  void on_scanned(const Result<std::string>& reply);

  // app_session.cpp: what is heard of the session.
  void on_activity(const Result<platform::Activity>& activity);
  void on_notice(Outlook::NoticeFrom from, const std::optional<platform::EndNotice>& notice);
  void on_time_left(const Result<std::optional<Duration>>& left);
  void renew_later();
  void look_at_load();
  void look_at_memory();
  void look_at_disks();
  /// Tells the core where the session's end and its idle end lie now, if that is news.
  void renew_outlook();
  /// Stores what is known of this session now, and goes by it.
  Result<void> follow(platform::SessionSettings settings, platform::Profile profile);
  Result<void> keep_here(const std::vector<platform::Said>& said) const;

  // app_perform.cpp: one per action.
  void perform(const policy::Action& action, Now now);
  void perform_one(const policy::Prepare& a, Now now);
  void perform_one(const policy::Launch& a, Now now);
  void perform_one(const policy::SendPlan& a, Now now);
  void perform_one(const policy::SendRequest& a, Now now);
  void perform_one(const policy::Secure& a, Now now);
  void perform_one(const policy::WriteRecord& a, Now now);
  void perform_one(const policy::Heartbeat& a, Now now);

  boost::asio::io_context& m_io;
  Now m_started;
  jobs::Places m_places;
  Outlook m_outlook;
  durable_requests::Place m_durable;
  std::string m_durable_state;
  std::unique_ptr<store::Store> m_store;
  policy::World m_world;
  policy::Chronicle m_chronicle; ///< what is to be kept of what happens
  Fd m_lock;

  std::map<policy::JobId, Fd> m_command_lines;
  std::map<policy::JobId, durable_requests::Lease> m_leases;

  std::vector<policy::Event> m_events;
  std::vector<std::function<void()>> m_callbacks;     ///< owed once m_events are committed
  std::vector<std::function<void()>> m_due_callbacks; ///< their events wait for this commit
  std::set<policy::JobId> m_awaited_lines; ///< command lines whose events wait in m_events
  policy::Decision m_decision;             ///< decided, and waiting for its commit
  bool m_scheduled = false;
  bool m_commit_failed = false;
  std::string m_trouble; ///< why nothing can be stored, for people; empty: all is well
  std::vector<std::function<void(Result<void>)>> m_scanned; ///< who waits for the scan under way

  process::HelperRunner m_helpers;
  SessionWatch m_watch;
  boost::asio::steady_timer m_renewal; ///< of the outlook: time alone changes it, too
  boost::asio::steady_timer m_memory_timer;
  limits::MemoryWatch m_memory;
  platform::CpuLoad m_load;
  Warner m_warner;
  Flusher m_flusher;
  GpuWatch m_gpus;
  std::string m_user_profiles;
  SessionWatch::Plan m_watch_plan;
  int m_renewals = 0;
  bool m_stopping = false;
  bool m_disks_asked = false;
  bool m_terminated = false; ///< TERM came once, and was the platform's notice
  jobs::Attempts m_attempts;
  process::BootTimer m_timer;
  boost::asio::steady_timer m_commit_retry;
  boost::asio::signal_set m_signals;
  ipc::Server m_server;
};

} // namespace gpujob
