// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/child.h"

#include "common/signals.h"
#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

enum class Stage : int { setup, cwd, exec };

struct Failure {
  Stage stage = Stage::setup;
  int error = 0;
};

/// Everything the child needs, laid out before the fork: after it only async-signal-safe calls.
struct Prepared {
  std::vector<char*> argv;
  std::vector<char*> shell_argv; ///< "/bin/sh", the script, its arguments: for a script without #!
  std::vector<char*> env;
  const Program* program = nullptr;
  int output = -1;
  int null = -1;
  int result = -1;
};

char* raw(const std::string& s) {
  return const_cast<char*>(s.c_str());
}

Prepared prepare(const Program& program) {
  static const std::string shell = "/bin/sh";
  Prepared p;
  p.program = &program;
  p.shell_argv = {raw(shell), nullptr};
  for (const auto& word : program.argv) {
    p.argv.push_back(raw(word));
    if (p.argv.size() > 1) {
      p.shell_argv.push_back(raw(word));
    }
  }
  for (const auto& entry : program.env) {
    p.env.push_back(raw(entry));
  }
  p.argv.push_back(nullptr);
  p.shell_argv.push_back(nullptr);
  p.env.push_back(nullptr);
  return p;
}

[[noreturn]] void fail(const Prepared& p, Stage stage, int error) {
  const Failure failure{stage, error};
  (void)!::write(p.result, &failure, sizeof failure);
  ::_exit(stage == Stage::exec && error == ENOENT ? 127 : 126);
}

/// execvpe's rules with the job's own PATH: the C library would take ours.
[[noreturn]] void exec_first(Prepared& p) {
  int error = ENOENT;
  for (const auto& path : p.program->candidates) {
    ::execve(path.c_str(), p.argv.data(), p.env.data());
    if (errno == ENOEXEC) {
      p.shell_argv[1] = raw(path);
      ::execve(p.shell_argv[0], p.shell_argv.data(), p.env.data());
    }
    if (errno != ENOENT && errno != ENOTDIR) {
      error = errno;
      if (error != EACCES) {
        break;
      }
    }
  }
  fail(p, Stage::exec, error);
}

[[noreturn]] void become(Prepared& p) {
  ::setsid();
  reset_signals();
  if (::chdir(p.program->cwd.c_str()) != 0) {
    fail(p, Stage::cwd, errno);
  }
  if (::dup2(p.null, 0) < 0 || ::dup2(p.output, 1) < 0 || ::dup2(p.output, 2) < 0) {
    fail(p, Stage::setup, errno);
  }
  // All of ours are close-on-exec already; a kernel without close_range (before 5.11) loses
  // nothing.
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  exec_first(p);
}

std::string name_of(std::string_view entry) {
  return std::string(entry.substr(0, entry.find('=')));
}

bool has_name(const std::vector<std::pair<std::string, std::string>>& pairs,
              std::string_view name) {
  return std::any_of(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == name; });
}

std::vector<std::string> make_env(std::vector<std::string> env, const Launch& launch) {
  std::erase_if(env, [&](const auto& entry) { return has_name(launch.env_set, name_of(entry)); });
  for (const auto& [name, value] : launch.env_set) {
    env.push_back(name + "=" + value);
  }
  // An inherited one would be another job's, or a system manager's.
  if (!has_name(launch.env_set, "NOTIFY_SOCKET")) {
    std::erase_if(env, [](const auto& entry) { return name_of(entry) == "NOTIFY_SOCKET"; });
    env.push_back("NOTIFY_SOCKET=" + launch.notify_socket);
  }
  for (const auto& [name, value] : launch.env_default) {
    if (!env_value(env, name)) {
      env.push_back(name + "=" + value);
    }
  }
  return env;
}

std::vector<std::string> search(const std::string& program, const std::vector<std::string>& env) {
  if (program.empty() || program.find('/') != std::string::npos) {
    return {program};
  }
  std::vector<std::string> out;
  std::string path = env_value(env, "PATH").value_or("/bin:/usr/bin"); // confstr(_CS_PATH)
  for (const auto& dir : split(path + ":", ':')) {
    out.push_back(dir.empty() ? program
                              : dir + "/" + program); // an empty part is the directory itself
  }
  return out;
}

} // namespace

std::optional<std::string> env_value(const std::vector<std::string>& env, std::string_view name) {
  for (const auto& entry : env) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

Program make_program(Cmdline cmdline, const Launch& launch) {
  Program p;
  p.argv = std::move(cmdline.argv);
  p.argv.insert(p.argv.end(), launch.argv_append.begin(), launch.argv_append.end());
  p.cwd = std::move(cmdline.cwd);
  p.env = make_env(std::move(cmdline.env), launch);
  p.candidates = search(p.argv.front(), p.env);
  return p;
}

Result<Child> spawn(const Program& program, int output) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return io_error("pipe", "exec result", errno);
  }
  Fd read_end{ends[0]};
  const Fd write_end{ends[1]};
  const Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  auto prepared = prepare(program);
  prepared.output = output >= 0 ? output : null.get(); // no log is no reason not to run
  prepared.null = null.get();
  prepared.result = write_end.get();
  // The shim ignores TERM, and so does its child until it has set the defaults. Blocked, a TERM
  // that comes this early waits; ignored, it would be lost.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const int pid = ::fork();
  if (pid == 0) {
    become(prepared);
  }
  const int fork_error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    return io_error("fork", program.argv.front(), fork_error);
  }
  return Child{pid, std::move(read_end)};
}

std::optional<std::string> exec_error(const Child& child, std::string_view program,
                                      std::string_view cwd) {
  Failure failure;
  if (::read(child.exec_result.get(), &failure, sizeof failure) != sizeof failure) {
    return std::nullopt;
  }
  const char* why = std::strerror(failure.error);
  switch (failure.stage) {
  case Stage::setup:
    return fmt::format("exec: {}: {}: while its output was set up", program, why);
  case Stage::cwd:
    return fmt::format("exec: {}: working directory {}: {}", program, cwd, why);
  case Stage::exec:
    break;
  }
  const bool searched = program.find('/') == std::string_view::npos;
  const char* hint = failure.error != ENOENT ? "is it a program, and executable?"
                     : searched              ? "is it on PATH?"
                                             : "is it there, and the interpreter it names?";
  return fmt::format("exec: {}: {}: {}", program, why, hint);
}

} // namespace gpujob::shim
