// SPDX-License-Identifier: Apache-2.0
#include "common/crash_point.h"
#include "common/log.h"
#include "daemon/app.h"
#include "daemon/durable/manifest.h"

#include <fmt/format.h>

/// What an action does outside. Outcomes come back as events.
namespace gpujob {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_small_deadline = 60s;

/// A helper that hung over the copy had verified the checkpoint before: its manifest says so.
void salvage(policy::Secured& s, const std::string& manifest) {
  const auto m = s.answered ? Result<durable::Manifest>(Error{}) : durable::read_manifest(manifest);
  if (m) {
    s.answered = true;
    s.verified = true;
    s.bytes = static_cast<std::int64_t>(m->bytes());
    s.manifest = manifest;
    s.durable_error = std::move(s.why);
  }
}

} // namespace

void App::perform(const policy::Action& action, Now now) {
  std::visit([&](const auto& a) { perform_one(a, now); }, action);
}

void App::perform_one(const policy::Prepare& a, Now) {
  const auto& job = m_world.jobs.at(a.id);
  m_helpers.run("job " + a.id, process::Load::heavy,
                durable_requests::resume(m_durable, m_places.state, job),
                durable_requests::copy_deadline(job), [this, id = a.id](Result<std::string> reply) {
                  if (const auto it = m_world.jobs.find(id); it != m_world.jobs.end()) {
                    post(durable_requests::read_resume(it->second, reply));
                  }
                });
}

void App::perform_one(const policy::Launch& a, Now now) {
  const auto& job = m_world.jobs.at(a.id);
  const auto line = m_command_lines.find(a.id);
  if (line == m_command_lines.end()) {
    post(policy::LaunchFailed{a.id, a.attempt, "environment lost: run the same line again"});
    return;
  }
  crash_point("before_launch");
  const auto& plan_end = m_world.session.plan_end;
  m_attempts.launch(job, a.plan, line->second.get(),
                    plan_end ? std::optional(now.wall_at(*plan_end)) : std::nullopt);
  crash_point("after_launch");
}

void App::perform_one(const policy::SendPlan& a, Now) {
  m_attempts.send_plan(a.id, a.plan);
}

void App::perform_one(const policy::SendRequest& a, Now) {
  m_attempts.send_request(a.id, a.number);
}

void App::perform_one(const policy::Secure& a, Now now) {
  const auto& job = m_world.jobs.at(a.id);
  const auto manifest = durable_requests::manifest_path(m_places.state, job, a.seq);
  m_helpers.run("job " + a.id, process::Load::heavy,
                durable_requests::secure(m_durable, m_places.state, job, a.seq, now.wall),
                durable_requests::copy_deadline(job),
                [this, a, manifest](Result<std::string> reply) {
                  crash_point("after_secure");
                  auto secured = durable_requests::read_secure(a.id, a.seq, manifest, reply);
                  salvage(secured, manifest);
                  post(std::move(secured));
                });
}

void App::perform_one(const policy::WriteRecord& a, Now now) {
  const auto& job = m_world.jobs.at(a.id);
  const auto request = a.end ? durable_requests::end(m_durable, job, now.wall)
                             : durable_requests::begin(m_durable, job, now.wall);
  m_helpers.run("job " + a.id, process::Load::light, request, k_small_deadline,
                [this, a](Result<std::string> reply) {
                  const auto done = durable_requests::read_done(reply);
                  if (!done) {
                    log_line(fmt::format("job={} durable record: {}", a.id, done.error().text));
                  }
                  post(policy::RecordWritten{a.id, a.end, done.has_value()});
                });
}

durable_requests::Beat App::make_beat(std::int64_t seq, Now now) const {
  durable_requests::Beat beat;
  const auto& ends = m_world.session.ends_at;
  beat.seq = seq;
  beat.at = now.wall;
  beat.ends_at = ends ? std::optional(now.wall_at(*ends)) : std::nullopt;
  beat.interval = m_world.session.heartbeat_interval;
  for (const auto& id : m_world.active) {
    if (m_world.jobs.at(id).ended_state() == nullptr) {
      beat.jobs.push_back(id);
    }
  }
  beat.platform = m_outlook.settings().platform;
  beat.resource = m_outlook.resource();
  beat.machine = m_outlook.vm_id();
  beat.began = now.wall_at(m_outlook.settings().start.boot);
  return beat;
}

void App::perform_one(const policy::Heartbeat& a, Now now) {
  const auto request = durable_requests::heartbeat(m_durable, make_beat(a.seq, now));
  m_helpers.run("ledger", process::Load::light, request, k_small_deadline,
                [this](const Result<std::string>& reply) {
                  if (const auto done = durable_requests::read_done(reply); !done) {
                    log_line("heartbeat: " + done.error().text);
                  }
                  post(policy::HeartbeatWritten{});
                });
}

void App::flush_at_end(Now now) {
  if (!m_flusher.ready() || m_helpers.pending() > 0 || m_stopping) {
    return;
  }
  auto cached = policy::to_flush(m_world, now);
  if (cached.empty()) {
    return;
  }
  log_line(fmt::format("flush: {} checkpoints are in a cache only: emptying it", cached.size()));
  m_flusher.run(m_world.session.ends_at,
                [this, cached = std::move(cached)](const Result<void>& done) {
                  if (done) {
                    post(policy::Flushed{cached});
                    return;
                  }
                  const auto text = "flush: " + done.error().text +
                                    ": what is cached may not be through: see the daemon's log";
                  log_line(text);
                  m_warner.warn(text);
                  m_chronicle.add({read_clocks().wall, policy::Happened::warning, {}, {}, 0, text});
                });
}

void App::close_and_shut_down() {
  if (std::exchange(m_stopping, true)) {
    return;
  }
  auto beat = make_beat(m_world.heartbeat_seq + 1, read_clocks());
  if (m_durable.dir.empty() || !beat.jobs.empty()) {
    shut_down();
    return;
  }
  beat.closed = true;
  // It waits for nothing that hangs, and nobody waits long for it: the client gives us 10 s.
  constexpr Duration k_patience = 3s;
  m_renewal.expires_after(k_patience + 1s);
  m_renewal.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      shut_down();
    }
  });
  m_helpers.run("close", process::Load::light, durable_requests::heartbeat(m_durable, beat),
                k_patience, [this](const Result<std::string>&) { shut_down(); });
}

} // namespace gpujob
