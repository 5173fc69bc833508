// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/helper_runner.h"

#include "common/duration.h"
#include "common/file.h"
#include "daemon/process/launcher.h"
#include "daemon/process/pid_watch.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace gpujob::process {

namespace {

constexpr int k_heavy_at_once = 2;
/// One that is not dead this long after SIGKILL hangs in the kernel.
constexpr auto k_time_to_die = std::chrono::seconds{5};
constexpr std::size_t k_max_reply = 64U << 20U;

Result<Fd> make_memfd(std::string_view bytes) {
  Fd fd{::memfd_create("gpujob-helper", MFD_CLOEXEC)};
  if (!fd) {
    return io_error("memfd_create", "helper", errno);
  }
  GPUJOB_TRY(write_all(fd.get(), bytes));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

Error still_hangs(const std::string& of_what) {
  return {Errc::io,
          fmt::format("helper: an earlier one still hangs in {}: see that it is there and answers",
                      of_what)};
}

} // namespace

struct HelperRunner::Running {
  Request request;
  Fd reply;
  pid_t pid = 0; ///< ours, and its group's, until the watch has reaped it
  std::unique_ptr<PidWatch> watch;
  boost::asio::steady_timer deadline; // steady: a suspended machine's helper has not run either

  Running(boost::asio::io_context& io, Request r) : request(std::move(r)), deadline(io) {}
};

struct HelperRunner::Killed {
  std::string key;
  std::unique_ptr<PidWatch> watch;
  boost::asio::steady_timer patience;
  bool hangs = false;
};

HelperRunner::HelperRunner(boost::asio::io_context& io, std::string exe,
                           std::vector<std::string> arguments, std::string of_what)
    : m_io(io), m_exe(std::move(exe)), m_arguments(std::move(arguments)),
      m_of_what(std::move(of_what)) {}

HelperRunner::~HelperRunner() = default;

void HelperRunner::run(std::string key, Load load, std::string request, Duration deadline,
                       Done done) {
  for (const auto& [number, killed] : m_killed) {
    if (killed->key == key && killed->hangs) {
      boost::asio::post(m_io, [done = std::move(done), this] { done(still_hangs(m_of_what)); });
      return;
    }
  }
  m_waiting.push_back({std::move(key), load, std::move(request), deadline, std::move(done)});
  start_next();
}

bool HelperRunner::may_start(const Request& request) const {
  int heavy = 0;
  for (const auto& [number, running] : m_running) {
    heavy += running->request.load == Load::heavy ? 1 : 0;
    if (running->request.key == request.key) {
      return false;
    }
  }
  const auto dying = [&](const auto& item) { return item.second->key == request.key; };
  return std::none_of(m_killed.begin(), m_killed.end(), dying) &&
         (request.load == Load::light || heavy < k_heavy_at_once);
}

void HelperRunner::start_next() {
  for (auto it = m_waiting.begin(); it != m_waiting.end();) {
    if (!may_start(*it)) {
      ++it;
      continue;
    }
    auto request = std::move(*it);
    auto done = request.done;
    m_waiting.erase(it);
    if (auto started = start(std::move(request)); !started) {
      // Not from within run(): the caller may be in the middle of something.
      boost::asio::post(m_io, [done, error = started.error()] { done(error); });
    }
    it = m_waiting.begin();
  }
}

Result<void> HelperRunner::start(Request request) {
  auto in = make_memfd(request.text);
  auto out = make_memfd({});
  if (!in || !out) {
    return in ? out.error() : in.error();
  }
  auto started = process::start({m_exe, m_arguments, in->get(), out->get(), STDERR_FILENO});
  if (!started) {
    return started.error();
  }
  const auto number = m_next++;
  auto running = std::make_unique<Running>(m_io, std::move(request));
  running->reply = std::move(*out);
  running->pid = started->pid;
  running->watch = std::make_unique<PidWatch>(m_io, std::move(started->pidfd),
                                              [this, number] { finish(number, false); });
  running->deadline.expires_after(running->request.deadline);
  running->deadline.async_wait([this, number](const boost::system::error_code& error) {
    if (!error) {
      finish(number, true);
    }
  });
  m_running.emplace(number, std::move(running));
  return {};
}

void HelperRunner::finish(std::uint64_t number, bool timed_out) {
  const auto it = m_running.find(number);
  if (it == m_running.end()) {
    m_killed.erase(number);
    start_next();
    return;
  }
  auto running = std::move(it->second);
  m_running.erase(it);
  const auto done = std::move(running->request.done);
  if (timed_out) {
    const auto deadline = format_duration(running->request.deadline);
    kill(number, std::move(running));
    done(Error{Errc::io,
               fmt::format("helper: no answer within {}: does {} hang?", deadline, m_of_what)});
  } else {
    auto text = read_fd(running->reply.get(), k_max_reply);
    if (text && text->empty()) {
      done(Error{Errc::io, "helper: ended without an answer: see the daemon's log"});
    } else {
      done(std::move(text));
    }
  }
  start_next();
}

void HelperRunner::kill(std::uint64_t number, std::unique_ptr<Running> running) {
  // Programs that it started may have started others. The watch has not called back yet, so the
  // helper is not reaped, and nobody else's group has its number.
  ::kill(-running->pid, SIGKILL);
  running->watch->send_signal(SIGKILL);
  auto killed =
      std::make_unique<Killed>(Killed{std::move(running->request.key), std::move(running->watch),
                                      boost::asio::steady_timer(m_io, k_time_to_die)});
  killed->patience.async_wait([this, number](const boost::system::error_code& error) {
    if (!error) {
      bar(number);
    }
  });
  m_killed.emplace(number, std::move(killed));
}

void HelperRunner::bar(std::uint64_t number) {
  const auto it = m_killed.find(number);
  if (it == m_killed.end()) {
    return;
  }
  it->second->hangs = true;
  std::deque<Request> waiting;
  std::swap(waiting, m_waiting);
  for (auto& request : waiting) {
    if (request.key == it->second->key) {
      boost::asio::post(m_io,
                        [done = std::move(request.done), this] { done(still_hangs(m_of_what)); });
    } else {
      m_waiting.push_back(std::move(request));
    }
  }
}

} // namespace gpujob::process
