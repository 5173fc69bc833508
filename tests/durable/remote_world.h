// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/rclone.h"
#include "tests/durable/world.h"
#include "tests/support/skip.h"

#include <csignal>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::test {

/// An environment variable, while the object lives.
class Variable {
public:
  Variable(const char* name, const std::string& value) : m_name(name) {
    if (const char* before = std::getenv(name)) {
      m_before = before;
    }
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (m_before) {
      ::setenv(m_name, m_before->c_str(), 1);
    } else {
      ::unsetenv(m_name);
    }
  }

private:
  const char* m_name;
  std::optional<std::string> m_before;
};

/// A program of its own, killed and reaped with the object.
class Child {
public:
  explicit Child(std::vector<std::string> argv) : m_pid(::fork()) {
    if (m_pid == 0) {
      std::vector<char*> words;
      for (auto& word : argv) {
        words.push_back(word.data());
      }
      words.push_back(nullptr);
      ::execvp(words[0], words.data());
      ::_exit(127);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return m_pid; }

private:
  pid_t m_pid;
};

/// A remote "r:gpujob" in a directory, and the VMs that use it one after the other.
class RemoteWorld {
public:
  RemoteWorld() : m_config("RCLONE_CONFIG", m_world / "rclone.conf"), m_named("GPUJOB_RCLONE", "") {
    std::filesystem::create_directories(there() + "/..");
    configure("[r]\ntype = alias\nremote = " + (m_world / "remote") + "\n");
  }

  void configure(const std::string& text) const { put(m_world / "rclone.conf", text); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return m_world / name; }
  /// What the remote holds, as its owner sees it.
  [[nodiscard]] std::string there() const { return m_world / "remote/gpujob"; }
  [[nodiscard]] std::string spool() const { return m_world / ("spool" + std::to_string(m_vm)); }
  [[nodiscard]] std::string ckpt() const { return m_world.ckpt(); }
  [[nodiscard]] std::string session() const { return "s" + std::to_string(m_vm); }
  static std::string checkpoint(int seq, int vm) {
    const auto n = std::to_string(vm);
    return "/jobs/job1/attempts/" + n + "-s" + n + "/checkpoints/" + std::to_string(seq);
  }

  /// The VM is gone; the next one begins.
  void next_vm() {
    ++m_vm;
    std::filesystem::remove_all(ckpt());
    std::filesystem::create_directories(ckpt());
  }

  [[nodiscard]] Json on_remote(Json request) const {
    request["dir"] = spool();
    request["remote"] = "r:gpujob";
    return request;
  }
  [[nodiscard]] Json open() const { return World::ask(on_remote({{"op", "open"}})); }
  [[nodiscard]] Json begin_request() const {
    return on_remote(m_world.begin_request(m_vm, session()));
  }
  void begin() const { (void)World::ask_well(begin_request()); }
  [[nodiscard]] Json scan() const {
    return World::ask(on_remote({{"op", "scan"}, {"dirs", {spool()}}, {"session", session()}}));
  }
  [[nodiscard]] Json request(const std::string& name, int seq) const {
    return on_remote(m_world.secure_request(ckpt() + "/" + name, seq, m_vm, session()));
  }
  [[nodiscard]] Json save(const std::string& name, int seq, const std::string& bytes) const {
    put(ckpt() + "/" + name, bytes);
    return World::ask_well(request(name.substr(0, name.find('/')), seq));
  }
  [[nodiscard]] Json resume(const std::string& stored) const {
    return World::ask_well(on_remote(
        {{"op", "resume"},
         {"ckpt_dir", ckpt()},
         {"candidates", {{{"path", nullptr}, {"manifest", nullptr}, {"durable_path", stored}}}}}));
  }

  /// From here on rclone is this shell script; $RCLONE is the real one.
  [[nodiscard]] std::string script(const std::string& text) const {
    const auto path = m_world / "rclone.sh";
    put(path, "#!/bin/sh\nRCLONE=" + *durable::find_rclone() + "\n" + text + "\n");
    ::chmod(path.c_str(), 0700);
    return path;
  }

private:
  World m_world;
  Variable m_config, m_named;
  int m_vm = 1;
};

inline bool has_rclone() {
  if (durable::find_rclone()) {
    return true;
  }
  skip("rclone is not there: apt-get install rclone");
  return false;
}

} // namespace gpujob::test
