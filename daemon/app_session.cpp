// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/duration.h"
#include "common/file.h"
#include "common/id.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "daemon/app.h"
#include "daemon/platform/memory.h"
#include "daemon/platform/saying.h"
#include "daemon/platform/user_profiles.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

/// What is heard of the session from outside, and what the core and the user hear of it.
namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// An end that is seen to move by less is the same.
constexpr Duration k_same = 1s;
constexpr Duration k_renewal = 60s;
/// Renewals between two looks at disks: a tree of many files on a network takes its time.
constexpr int k_disks_every = 15;
/// Memory fills within seconds; a look costs three small files.
constexpr Duration k_memory_every = 2s;
/// A save takes about so long, and an OOM kill waits for nobody.
constexpr Duration k_memory_lead = 60s;

bool moved(const std::optional<BootTime>& from, const std::optional<BootTime>& to) {
  return from.has_value() != to.has_value() || (from && std::chrono::abs(*from - *to) >= k_same);
}

} // namespace

void App::on_activity(const Result<platform::Activity>& activity) {
  m_outlook.take_activity(activity, m_watch_plan.every, read_clocks());
  renew_outlook();
}

void App::on_notice(Outlook::NoticeFrom from, const std::optional<platform::EndNotice>& notice) {
  const auto before = m_outlook.notices();
  m_outlook.take_notice(from, notice, read_clocks());
  const auto now = m_outlook.notices();
  if (now == before) {
    return;
  }
  // Before anything follows from it: a daemon that comes after this one must know of it.
  const auto path = m_places.state.notices();
  const auto text = gpujob::json::dump({{"session", m_outlook.settings().id}, {"notices", now}});
  if (const auto kept = atomic_replace(path, text); !kept) {
    log_line(kept.error().text);
  }
  renew_outlook();
}

void App::on_time_left(const Result<std::optional<Duration>>& left) {
  const auto& profile = m_outlook.profile();
  if (!left || !*left) {
    log_line(left ? profile.end_program + ": this session has no end yet" : left.error().text);
    return;
  }
  auto settings = m_outlook.settings();
  if (!platform::take_told_end(settings, profile, read_clocks().boot + **left,
                               profile.end_program)) {
    return;
  }
  if (const auto kept = follow(std::move(settings), profile); !kept) {
    log_line(kept.error().text);
  }
  renew_outlook();
}

void App::renew_later() {
  m_renewal.expires_after(k_renewal);
  m_renewal.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      look_at_load();
      renew_outlook();
      flush_at_end(read_clocks());
      if (++m_renewals % k_disks_every == 0) {
        look_at_disks();
      }
      renew_later();
    }
  });
}

void App::look_at_load() {
  m_load.look(platform::read_cpu_time(), read_clocks().boot);
  m_outlook.take_load(m_load.busy());
}

void App::look_at_memory() {
  const auto seen = platform::read_memory();
  m_outlook.take_memory(seen);
  const bool limited = seen && seen->limit_bytes;
  if (limited) {
    m_memory.look(seen->used_bytes, *seen->limit_bytes, read_clocks().boot);
  }
  if (limited && m_memory.comes_near(k_memory_lead)) {
    const auto left = m_memory.until_full();
    post(policy::SaveWished{
        fmt::format("memory fills up: {} of {} used{}: asked to save now",
                    format_bytes(static_cast<unsigned long long>(seen->used_bytes)),
                    format_bytes(static_cast<unsigned long long>(*seen->limit_bytes)),
                    left ? fmt::format(", full in {}", format_duration(*left)) : "")});
  }
  m_memory_timer.expires_after(limited ? k_memory_every : k_renewal);
  m_memory_timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      look_at_memory();
    }
  });
}

/// By a helper: a path of the platform's may be a mount that hangs.
void App::look_at_disks() {
  std::vector<std::string> paths;
  const auto& settings = m_outlook.settings();
  for (const auto& rule : m_outlook.profile().limits) {
    const auto* cap = std::get_if<platform::DiskCap>(&rule.what);
    if (cap != nullptr && rule.applies(settings.variant, settings.plan) &&
        std::ranges::find(paths, cap->path) == paths.end()) {
      paths.push_back(cap->path);
    }
  }
  if (paths.empty() || std::exchange(m_disks_asked, true)) {
    return;
  }
  m_helpers.run("disks", process::Load::light, durable_requests::disk(paths), 60s,
                [this](const Result<std::string>& reply) {
                  m_disks_asked = false;
                  if (auto disks = durable_requests::read_disk(reply)) {
                    m_outlook.take_disks(std::move(*disks));
                  }
                });
}

Result<void> App::give_notice(std::optional<Duration> in, const std::string& text) {
  const auto grace = in.value_or(m_outlook.profile().notice.grace);
  if (!in && grace <= Duration::zero()) {
    return Error{Errc::usage, "notice: how soon is not known here: gpujob notice --in 30s"};
  }
  on_notice(Outlook::NoticeFrom::told, platform::EndNotice{read_clocks().wall + grace, text, true});
  return {};
}

void App::cancel_notice() {
  on_notice(Outlook::NoticeFrom::told, std::nullopt);
}

void App::renew_outlook() {
  const auto now = read_clocks();
  const auto& session = m_world.session;
  if (auto end = m_outlook.end(now);
      moved(session.ends_at, end.ends_at) || moved(session.plan_end, end.plan_end)) {
    log_line(!end.why.empty() ? end.why
             : end.ends_at    ? "the session's own limit ends it"
                              : "the session's end is not known");
    post(std::move(end));
  }
  if (const auto idle = m_outlook.idle_end(now); moved(session.idle_end, idle)) {
    post(policy::IdleExpected{idle, m_outlook.active_at().value_or(BootTime{})});
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
    done(m_places.state.said_dir() + " (goes with this VM: there is no durable directory)");
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

void App::wait_for_signal() {
  m_signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) {
      on_signal(signal);
    }
  });
}

/// Where the platform sends TERM to everybody before it ends a session, it is the notice, once;
/// everywhere else, and the second time, it stops the daemon.
void App::on_signal(int signal) {
  const auto& notice = m_outlook.profile().notice;
  if (signal == SIGTERM && notice.kind == "signal" && notice.to == "everybody" &&
      notice.grace > Duration::zero() && !m_terminated) {
    m_terminated = true;
    (void)give_notice(std::nullopt, "TERM: the platform ends this session");
    wait_for_signal();
    return;
  }
  if (m_stopping) {
    shut_down();
    return;
  }
  wait_for_signal();
  log_line(fmt::format("signal {}: stopping; running jobs go on", signal));
  if (auto stopped = stop_daemon(); !stopped) {
    log_line(stopped.error().text);
    shut_down(); // without the marker a shim may start the next one: so be it
  }
}

Result<void> App::follow(platform::SessionSettings settings, platform::Profile profile) {
  const auto text = gpujob::json::dump(platform::to_json(settings));
  GPUJOB_TRY(m_store->save_session({settings.id, text}));
  GPUJOB_TRY(atomic_replace(m_places.state.session(), text));
  m_outlook.follow(std::move(settings), std::move(profile));
  return {};
}

/// Into the user's profile, and at once into this session; what a person said of this session in
/// particular stays.
Result<void> App::set_limits(const std::map<std::string, std::string>& values) {
  if (m_user_profiles.empty()) {
    return Error{Errc::refused, "limits set: HOME is not set: there is no place for it"};
  }
  auto updated = platform::set_user_values(m_user_profiles, m_outlook.profile(), values);
  if (!updated) {
    return updated.error();
  }
  auto settings = m_outlook.settings();
  platform::follow_profile(settings, *updated, read_clocks());
  GPUJOB_TRY(follow(std::move(settings), std::move(*updated)));
  m_watch_plan.every = platform::activity_interval(
      m_outlook.profile(), m_outlook.settings().variant, m_outlook.settings().plan);
  m_watch.start(m_watch_plan);
  renew_outlook();
  return {};
}

} // namespace gpujob
