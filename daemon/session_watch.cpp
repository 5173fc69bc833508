// SPDX-License-Identifier: Apache-2.0
#include "daemon/session_watch.h"

#include "common/clock.h"
#include "common/log.h"

namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// gpujob-http gives each server 2 s a question; more than this and it hangs itself.
constexpr Duration k_activity_deadline = 40s;
constexpr Duration k_notice_deadline = 8s;
/// EC2's user guide asks for a look every 5 s.
constexpr Duration k_notice_every = 5s;
/// Where nobody answers, nobody needs to be asked that often.
constexpr Duration k_notice_seldom = 60s;
constexpr int k_silent_enough = 3;
/// The scheduler of a cluster serves everybody: its limit of a job is changed seldom.
constexpr Duration k_left_every = 15min;
constexpr Duration k_left_deadline = 30s;

} // namespace

SessionWatch::SessionWatch(boost::asio::io_context& io, std::string exe, OnActivity on_activity,
                           OnNotice on_notice, OnLeft on_left)
    : m_on_activity(std::move(on_activity)), m_on_notice(std::move(on_notice)),
      m_on_left(std::move(on_left)), m_io(io), m_http(io, std::move(exe), {}, "the server"),
      m_activity_timer(io), m_notice_timer(io), m_left_timer(io) {}

void SessionWatch::start(Plan plan) {
  m_plan = std::move(plan);
  ++m_turn;
  m_activity_timer.cancel();
  m_notice_timer.cancel();
  if (m_plan.every > Duration::zero() && !m_plan.activity.empty()) {
    look();
  }
  if (m_plan.notices) {
    ask();
  }
  if (m_plan.end && !m_scheduler) {
    m_scheduler = std::make_unique<process::HelperRunner>(m_io, m_plan.end->exe,
                                                          m_plan.end->arguments, "the scheduler");
    ask_left();
  }
}

void SessionWatch::again(boost::asio::steady_timer& timer, Duration after,
                         void (SessionWatch::*then)()) {
  timer.expires_after(after);
  timer.async_wait([this, then](const boost::system::error_code& error) {
    if (!error) {
      (this->*then)();
    }
  });
}

void SessionWatch::look() {
  m_http.run("activity", process::Load::light, platform::activity_request(m_plan.activity),
             k_activity_deadline, [this, turn = m_turn](const Result<std::string>& reply) {
               if (turn != m_turn) {
                 return;
               }
               m_on_activity(platform::read_activity(reply));
               again(m_activity_timer, m_plan.every, &SessionWatch::look);
             });
}

void SessionWatch::ask() {
  m_http.run("notice", process::Load::light, platform::notice_request(*m_plan.notices),
             k_notice_deadline, [this, turn = m_turn](const Result<std::string>& reply) {
               if (turn == m_turn) {
                 heard(reply);
               }
             });
}

void SessionWatch::heard(const Result<std::string>& reply) {
  const auto found = platform::read_notice(*m_plan.notices, reply, read_clocks().wall);
  if (found) {
    m_on_notice(*found);
  }
  m_answered = m_answered || found.has_value();
  m_silent = found ? 0 : m_silent + 1;
  if (m_silent == k_silent_enough) {
    log_line(m_answered ? found.error().text
                        : found.error().text + ": asked once a minute from now on");
  }
  // One that has answered once has a hiccup: its notice may be half a minute long.
  const bool seldom = !m_answered && m_silent >= k_silent_enough;
  again(m_notice_timer, seldom ? k_notice_seldom : k_notice_every, &SessionWatch::ask);
}

void SessionWatch::ask_left() {
  m_scheduler->run("left", process::Load::light, "", k_left_deadline,
                   [this](const Result<std::string>& answer) {
                     m_on_left(answer ? platform::read_time_left(*answer) : answer.error());
                     again(m_left_timer, k_left_every, &SessionWatch::ask_left);
                   });
}

} // namespace gpujob
