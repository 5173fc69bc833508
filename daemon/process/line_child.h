// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

namespace gpujob::process {

class PidWatch;

/// A program that stays and answers each line on its stdin with a line on its stdout. It is started
/// by the first question, and again by the next one after it has ended. What does not answer in
/// time is killed; one that even SIGKILL does not end (it hangs in the kernel) bars the next: what
/// is asked fails at once, so that no more of them pile up. Owned by the loop, destroyed after it
/// has stopped running.
class LineChild {
public:
  /// The answer without its newline, or an error (not started, ended, deadline passed).
  using Done = std::function<void(Result<std::string>)>;

  /// `of_what` hangs when the program does: for people.
  LineChild(boost::asio::io_context& io, std::string exe, std::string of_what);
  ~LineChild();
  LineChild(const LineChild&) = delete;
  LineChild& operator=(const LineChild&) = delete;

  /// One question at a time. Calls back later, never from here.
  void ask(const std::string& line, Duration deadline, Done done);
  /// Ends the program; an open question is not answered any more.
  void close();
  [[nodiscard]] bool running() const { return m_child != nullptr; }

private:
  struct Child;

  Result<void> start();
  void read();
  void on_readable();
  void fail(const Error& error);
  void on_ended();

  boost::asio::io_context& m_io;
  std::string m_exe;
  std::string m_of_what;
  std::shared_ptr<Child> m_child;    ///< its handlers know by this whether it is still the one
  std::unique_ptr<PidWatch> m_dying; ///< killed, and not reaped yet
};

} // namespace gpujob::process
