// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/file.h"
#include "common/id.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/app.h"
#include "daemon/platform/choice.h"
#include "daemon/platform/saying.h"
#include "daemon/process/launcher.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

/// What is heard of the session from outside, and what the core and the user hear of it.
namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// An end that is seen to move by less is the same.
constexpr Duration k_same = 1s;

bool moved(const std::optional<BootTime>& from, const std::optional<BootTime>& to) {
  return from.has_value() != to.has_value() || (from && std::chrono::abs(*from - *to) >= k_same);
}

} // namespace

void App::on_activity(const Result<platform::Activity>& activity) {
  m_outlook.take_activity(activity, m_watch_every, read_clocks());
  renew_outlook();
}

void App::on_notice(const platform::EndNotice& notice) {
  m_outlook.take_notice(notice, read_clocks());
  renew_outlook();
}

void App::renew_outlook() {
  const auto now = read_clocks();
  const auto& session = m_world.session;
  if (auto end = m_outlook.end(now);
      moved(session.ends_at, end.ends_at) || moved(session.plan_end, end.plan_end)) {
    log_line(end.why.empty() ? "the session's own limit ends it" : end.why);
    post(std::move(end));
  }
  if (const auto idle = m_outlook.idle_end(now); moved(session.idle_end, idle)) {
    post(policy::IdleExpected{idle});
  }
}

void App::say(const nlohmann::json& entries, const std::string& by,
              std::function<void(Result<std::string>)> done) {
  const auto& settings = m_outlook.settings();
  const platform::Listener listener{&m_outlook.profile(), settings.variant, settings.plan};
  std::vector<platform::Said> said;
  for (const auto& entry : entries) {
    if (platform::is_passed_over(entry, listener)) {
      continue;
    }
    auto read = platform::read_saying(entry, listener, random_id(), by, read_clocks());
    if (!read) {
      done(read.error());
      return;
    }
    said.push_back(std::move(*read));
  }
  if (said.empty()) {
    done(Error{Errc::usage,
               fmt::format("quota: {} has nothing of which this speaks", listener.profile->id)});
    return;
  }
  const auto take = [this, said] {
    m_outlook.take_said(said);
    renew_outlook();
  };
  if (m_durable.dir.empty()) {
    if (auto kept = keep_here(said); !kept) {
      done(kept.error());
      return;
    }
    take();
    done(m_places.state.said_dir());
    return;
  }
  m_helpers.run("ledger", process::Load::light, durable_requests::say(m_durable, said), 60s,
                [take, done, dir = m_durable.dir](const Result<std::string>& reply) {
                  const auto kept = durable_requests::read_done(reply);
                  if (kept) {
                    take();
                  }
                  done(kept ? Result<std::string>(dir + "/said") : kept.error());
                });
}

Result<void> App::keep_here(const std::vector<platform::Said>& said) const {
  const auto dir = m_places.state.said_dir();
  GPUJOB_TRY(prepare_private_dir(dir, "said"));
  for (const auto& s : said) {
    GPUJOB_TRY(atomic_replace(dir + "/" + s.id + ".json",
                              gpujob::json::dump(platform::to_json(s)) + "\n"));
  }
  return {};
}

/// The user's command gets each warning once, however many jobs hear of it.
void App::warn(const std::vector<policy::Announcement>& announcements) {
  const auto& settings = m_outlook.settings().settings;
  const auto command = settings.find(platform::key::k_on_warning.name);
  if (command == settings.end() || !command->second.value) {
    return;
  }
  std::set<std::string> told;
  for (const auto& a : announcements) {
    if (!a.warning || !told.insert(a.text).second) {
      continue;
    }
    constexpr const char* k_script = "GPUJOB_WARNING=$2 exec /bin/sh -c \"$1\"";
    auto started = process::start(
        {"/bin/sh", {"-c", k_script, "sh", *command->second.value, a.text}, -1, -1, -1});
    if (!started) {
      log_line("on-warning: " + started.error().text);
      continue;
    }
    const auto number = ++m_warnings;
    m_warners.emplace(
        number, std::make_unique<process::PidWatch>(m_io, std::move(started->pidfd),
                                                    [this, number] { m_warners.erase(number); }));
  }
}

void App::wait_for_signal() {
  m_signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) {
      on_signal(signal);
    }
  });
}

/// Where the platform sends TERM before it ends a session, TERM is its notice, once; everywhere
/// else, and the second time, it stops the daemon.
void App::on_signal(int signal) {
  const auto& notice = m_outlook.profile().notice;
  if (signal == SIGTERM && notice.kind == "signal" && notice.grace > Duration::zero() &&
      !m_terminated) {
    m_terminated = true;
    const auto now = read_clocks();
    on_notice({now.wall + notice.grace, "TERM: the platform ends this session"});
    wait_for_signal();
    return;
  }
  log_line(fmt::format("signal {}: stopping; running jobs go on", signal));
  if (auto stopped = stop_daemon(); !stopped) {
    log_line(stopped.error().text);
    shut_down(); // without the marker a shim may start the next one: so be it
  }
}

} // namespace gpujob
