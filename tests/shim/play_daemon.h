// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/cmdline.h"
#include "common/exit_record.h"
#include "common/fd.h"
#include "common/frame.h"
#include "common/journal.h"
#include "common/launch.h"
#include "tests/support/temp_dir.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::test {

/// Plays the daemon to one real shim: makes the attempt's directory, holds the lock, hands over the
/// command line, starts the program. Whatever is left at the end of the case is killed.
class PlayDaemon {
public:
  PlayDaemon();
  PlayDaemon(const PlayDaemon&) = delete;
  PlayDaemon& operator=(const PlayDaemon&) = delete;
  ~PlayDaemon();

  Launch launch;   ///< change before start()
  Cmdline cmdline; ///< likewise

  /// A job of /bin/sh, or of Python.
  void shell(const std::string& script) { cmdline.argv = {"/bin/sh", "-c", script}; }
  void python(const std::string& script) { cmdline.argv = {"/usr/bin/python3", "-c", script}; }

  /// Starts it; with `deaf` the shim is born with INT and QUIT ignored, as below nohup or a shell's
  /// &.
  void start(bool deaf = false);
  void start_with(const std::string& sealed_bytes, bool deaf = false);

  /// Waits for exit.json and for the shim's own end; the record.
  ExitRecord finish();

  [[nodiscard]] int shim_pid() const { return m_pid; }
  [[nodiscard]] int job_pid() const;
  [[nodiscard]] std::string dir() const { return m_temp / "attempt"; }
  [[nodiscard]] std::string in(const std::string& name) const { return m_temp / name; }
  [[nodiscard]] std::string attempt(const std::string& name) const { return dir() + "/" + name; }
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool lock_is_free() const;

  [[nodiscard]] std::vector<journal::Record> journal() const;
  /// The first record of this kind in the journal.
  template <typename Body>
  [[nodiscard]] std::optional<Body> first() const {
    for (const auto& record : journal()) {
      if (const auto* body = std::get_if<Body>(&record.body)) {
        return *body;
      }
    }
    return std::nullopt;
  }
  template <typename Body>
  [[nodiscard]] std::optional<BootTime> when() const {
    for (const auto& record : journal()) {
      if (std::holds_alternative<Body>(record.body)) {
        return record.boot;
      }
    }
    return std::nullopt;
  }
  /// Waits for it; a failed assertion shows the journal when it never comes.
  template <typename Body>
  Body await() const {
    std::optional<Body> found;
    wait_for([&] { return (found = first<Body>()).has_value(); });
    return found.value_or(Body{});
  }
  /// Waits until the job has made a file (how a test knows that its handlers are in place).
  void await_file(const std::string& name) const;

private:
  void wait_for(const std::function<bool()>& condition) const;

  TempDir m_temp;
  Fd m_lock;
  int m_pid = -1;
};

/// The daemon's end of the link.
class PlayLink {
public:
  /// Connects and says hello; `from` as in the protocol.
  PlayLink(const PlayDaemon& daemon, std::int64_t from);

  void send(const nlohmann::json& line);
  void send_raw(const std::string& bytes);
  /// The next line; nullopt at the end of the stream.
  std::optional<nlohmann::json> next();
  /// The next line's sequence number and kind, "3 ready".
  std::string next_kind();

  nlohmann::json hello;
  Fd memfd;

private:
  Fd m_fd;
  FrameReader m_frames;
};

/// A shell word list for tests: the path quoted.
std::string quoted(const std::string& path);

BootTime boot_now();

} // namespace gpujob::test
