// SPDX-License-Identifier: Apache-2.0
#include "daemon/app.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "common/log.h"
#include "daemon/platform/choice.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace gpujob {

using namespace std::chrono_literals;

namespace {
/// A disk that refused a commit is asked again this much later.
constexpr auto k_commit_retry = 1s;

std::string command_of(const platform::SessionSettings& s, const platform::SettingKey& key) {
  const auto it = s.settings.find(key.name);
  return it == s.settings.end() ? "" : it->second.value.value_or("");
}

/// One of ours: it lies beside us.
std::string program(const std::string& daemon_exe, const char* name) {
  return daemon_exe.substr(0, daemon_exe.rfind('/') + 1) + name;
}
} // namespace

App::App(boost::asio::io_context& io, AppParts parts)
    : m_io(io), m_started(read_clocks()), m_places(std::move(parts.places)),
      m_outlook(std::move(parts.session)), m_durable(std::move(parts.durable)),
      m_durable_state(std::move(parts.durable_state)), m_store(std::move(parts.store)),
      m_world(std::move(parts.world)), m_chronicle(m_world), m_lock(std::move(parts.lock)),
      m_helpers(io, parts.daemon_exe, {"--helper"}),
      m_watch(
          io, program(parts.daemon_exe, "gpujob-http"),
          [this](const Result<platform::Activity>& a) { on_activity(a); },
          [this](const std::optional<platform::EndNotice>& n) {
            on_notice(Outlook::NoticeFrom::asked, n);
          },
          [this](const Result<std::optional<Duration>>& left) { on_time_left(left); }),
      m_renewal(io), m_memory_timer(io),
      m_warner(io, command_of(m_outlook.settings(), platform::key::k_on_warning)),
      m_flusher(io, command_of(m_outlook.settings(), platform::key::k_flush)),
      m_gpus(io, {program(parts.daemon_exe, "gpujob-gpuprobe"), &m_store->gpu(), &m_world,
                  [this](policy::Event e) { post(std::move(e)); }}),
      m_user_profiles(std::move(parts.user_profiles)), m_watch_plan(std::move(parts.watch)),
      m_attempts(
          io, m_places, [this](policy::Event e) { post(std::move(e)); },
          [this](const policy::JobId& id, Fd fd) {
            (void)hold_command_line(id, std::move(fd));
            post(policy::EnvironmentHeld{id});
          }),
      m_timer(io, [this] { post(policy::Tick{}); }), m_commit_retry(io),
      m_signals(io, SIGTERM, SIGINT), m_server(io, std::move(parts.listener), *this) {
  wait_for_signal();
  const auto& settings = m_outlook.settings();
  m_chronicle.add({m_started.wall_at(settings.start.boot),
                   policy::Happened::session_started,
                   {},
                   {},
                   0,
                   fmt::format("{} ({})", settings.platform, m_outlook.resource())});
  post(policy::Tick{});
  m_outlook.restore_notices(parts.notices);
  m_watch.start(m_watch_plan);
  renew_later();
  look_at_load();
  look_at_memory();
  look_at_disks();
}

App::~App() = default;

void App::adopt(const std::vector<store::StoredJob>& stored) {
  policy::adopt(m_world);
  for (const auto& [before, vm_id] : stored) {
    const auto it = m_world.jobs.find(before.id);
    if (it == m_world.jobs.end()) {
      continue;
    }
    const auto& state = it->second.state;
    if (std::holds_alternative<policy::Starting>(state) ||
        std::holds_alternative<policy::Running>(state)) {
      log_line(fmt::format("job={} attempt={} adopting", before.id, before.attempt));
      m_attempts.adopt(it->second, vm_id == m_outlook.vm_id());
    }
    m_world.dirty.insert(before.id);
  }
  m_attempts.sweep_sockets();
}

void App::post(policy::Event event) {
  if (m_commit_failed) { // events wait, for as long as the disk is full
    policy::wait_in_line(m_events, std::move(event));
  } else {
    m_events.push_back(std::move(event));
  }
  schedule();
}

void App::submit(std::vector<policy::Event> events, std::function<void()> committed) {
  for (auto& event : events) {
    m_events.push_back(std::move(event));
  }
  m_callbacks.push_back(std::move(committed));
  schedule();
}

void App::schedule() {
  if (!m_scheduled) {
    m_scheduled = true;
    boost::asio::post(m_io, [this] { wake(); });
  }
}

void App::wake() {
  m_scheduled = false;
  if (m_commit_failed) {
    return; // the retry will wake us; nothing may be decided on top of what is not stored
  }
  const auto now = read_clocks();
  m_due_callbacks = std::exchange(m_callbacks, {});
  for (const auto events = std::exchange(m_events, {}); const auto& event : events) {
    policy::apply(m_world, event, now);
  }
  m_awaited_lines.clear();
  m_decision = policy::decide(m_world, now);
  policy::intend(m_world, m_decision, now);
  m_chronicle.look(m_world, now);
  if (commit(now)) {
    after_commit(now);
  }
}

bool App::commit(Now) {
  crash_point("before_commit");
  // What somebody is told, or what is done, must outlive a power cut. An end that only its watchers
  // hear of is in the shim's record, which is synced and read again.
  const auto& said = m_world.announcements;
  const bool told =
      std::any_of(said.begin(), said.end(), [](const auto& a) { return !a.log_only; });
  const bool binding = told || !m_decision.actions.empty() || !m_due_callbacks.empty();
  auto stored = m_store->commit(m_world, m_world.dirty,
                                binding ? store::Outlives::power_cut : store::Outlives::daemon,
                                m_chronicle.news());
  if (stored) {
    if (std::exchange(m_commit_failed, false)) {
      m_trouble.clear();
      log_line("the database takes commits again");
    }
    m_chronicle.stored();
    crash_point("after_commit");
    return true;
  }
  // It goes to the client that asks, too: a disk that is full takes no log line either.
  m_trouble = fmt::format(
      "cannot store: {}: free some space; tried again every second, running jobs keep their plan",
      stored.error().text);
  if (!std::exchange(m_commit_failed, true)) {
    log_line(m_trouble);
  }
  m_commit_retry.expires_after(k_commit_retry);
  m_commit_retry.async_wait([this](const boost::system::error_code& error) {
    const auto now = read_clocks();
    if (!error && commit(now)) {
      after_commit(now);
    }
  });
  return false;
}

void App::after_commit(Now now) {
  const auto changed = std::exchange(m_world.dirty, {});
  const auto announcements = std::exchange(m_world.announcements, {});
  for (const auto& a : announcements) {
    log_line(fmt::format("job={} {}", a.job, a.text));
  }
  for (const auto& a : announcements) {
    if (a.warning) {
      m_warner.warn(a.text);
    }
  }
  // Before the callbacks: they may bring new command lines for jobs that had ended.
  forget_command_lines(changed);
  for (const auto& callback : std::exchange(m_due_callbacks, {})) {
    callback();
  }
  const auto decision = std::exchange(m_decision, {});
  for (const auto& action : decision.actions) {
    perform(action, now);
  }
  crash_point("after_perform");
  m_gpus.observe(announcements, changed);
  m_server.publish(announcements, changed);
  arm(decision);
  flush_at_end(now);
  if (!m_events.empty() || !m_callbacks.empty()) {
    schedule();
  }
}

void App::arm(const policy::Decision& d) {
  if (d.next_wakeup) {
    m_timer.arm(*d.next_wakeup);
  } else {
    m_timer.disarm();
  }
}

/// Values of an environment may be secrets: they are kept no longer than a job can need them.
void App::forget_command_lines(const std::set<policy::JobId>& changed) {
  for (const auto& id : changed) {
    const auto it = m_world.jobs.find(id);
    const bool over = it == m_world.jobs.end() || it->second.ended_state() != nullptr;
    if (over && !m_awaited_lines.contains(id)) {
      m_command_lines.erase(id);
    }
  }
}

bool App::hold_command_line(const policy::JobId& id, Fd command_line) {
  // Until the event that needs it has been applied. Of two clients the first one's word counts.
  if (!m_awaited_lines.insert(id).second) {
    return false;
  }
  m_command_lines[id] = std::move(command_line);
  return true;
}

Result<void> App::stop_daemon() {
  // Remembered first: otherwise a shim would bring us back.
  GPUJOB_TRY(atomic_replace(m_places.runtime.stop_marker(), "gpujob daemon stop\n"));
  // The answer to whoever asked goes out before the loop ends.
  boost::asio::post(m_io, [this] { close_and_shut_down(); });
  return {};
}

void App::shut_down() {
  log_line("stopped");
  ::unlink(m_places.runtime.socket().c_str());
  m_server.stop();
  m_io.stop();
}

void App::remove_files(const policy::JobId& id) {
  if (auto removed = remove_tree(m_places.state.job_dir(id)); !removed) {
    log_line(removed.error().text);
  }
}

} // namespace gpujob
