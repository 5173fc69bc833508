// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"
#include "common/time.h"

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gpujob::process {

class PidWatch;

/// What a request costs: heavy ones read or write whole checkpoints.
enum class Load : std::uint8_t { light, heavy };

/// Runs helper programs (`gpujobd --helper`, gpujob-http): one request in, one reply out, each with
/// a deadline after which it is killed. Requests with the same key run one after the other, heavy
/// ones of two keys at a time. So a hung mount holds up what needs it and nothing else: a light
/// request never waits for a heavy one of another key. A helper that even SIGKILL does not end (it
/// hangs in the kernel) bars its key: what is asked of it fails at once, so that no more of them
/// pile up.
class HelperRunner {
public:
  /// The reply's text, or an error (not started, ended without a reply, deadline passed).
  using Done = std::function<void(Result<std::string>)>;

  /// `of_what` hangs when a helper does: for people.
  HelperRunner(boost::asio::io_context& io, std::string exe,
               std::vector<std::string> arguments = {}, std::string of_what = "the storage");
  ~HelperRunner();
  HelperRunner(const HelperRunner&) = delete;
  HelperRunner& operator=(const HelperRunner&) = delete;

  /// `deadline` counts from the start of the program, not from here.
  void run(std::string key, Load load, std::string request, Duration deadline, Done done);
  /// Requests not yet answered.
  [[nodiscard]] std::size_t pending() const { return m_waiting.size() + m_running.size(); }

private:
  struct Request {
    std::string key;
    Load load = Load::light;
    std::string text;
    Duration deadline{};
    Done done;
  };
  struct Running;
  struct Killed;

  void start_next();
  bool may_start(const Request& request) const;
  Result<void> start(Request request);
  void finish(std::uint64_t number, bool timed_out);
  void kill(std::uint64_t number, std::unique_ptr<Running> running);
  void bar(std::uint64_t number);

  boost::asio::io_context& m_io;
  std::string m_exe;
  std::vector<std::string> m_arguments;
  std::string m_of_what;
  std::deque<Request> m_waiting;
  std::map<std::uint64_t, std::unique_ptr<Running>> m_running;
  std::map<std::uint64_t, std::unique_ptr<Killed>> m_killed; ///< past their deadline, to be reaped
  std::uint64_t m_next = 1;
};

} // namespace gpujob::process
