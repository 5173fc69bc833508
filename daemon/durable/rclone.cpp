// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/rclone.h"

#include "common/fd.h"
#include "common/file.h"
#include "common/text.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

constexpr std::size_t k_max_output = 256U << 20U;
constexpr std::size_t k_most_words = 300;

/// rclone's exit codes (its documentation, "Exit Code").
constexpr int k_no_directory = 3, k_no_file = 4;

/// A remote that does not answer is said to be away, and asked again later by whoever asks us.
const std::vector<std::string> k_always{
    "--ask-password=false",  "--log-level=ERROR", "--stats=0",      "--retries=2",
    "--low-level-retries=4", "--contimeout=15s",  "--timeout=2m0s", "--transfers=4"};

Result<Fd> memory_file(std::string_view bytes) {
  Fd fd{::memfd_create("gpujob-rclone", MFD_CLOEXEC)};
  if (!fd) {
    return io_error("memfd_create", "rclone", errno);
  }
  GPUJOB_TRY(write_all(fd.get(), bytes));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* argv, const int (&fds)[3], pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(127); // it died before that was set
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(fds[i], i) < 0) {
      ::_exit(127);
    }
  }
  ::execv(argv[0], argv);
  ::_exit(127);
}

Result<int> run(std::vector<std::string> command, const int (&fds)[3]) {
  std::vector<char*> argv;
  for (auto& word : command) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const auto parent = ::getpid();
  const auto pid = ::fork();
  if (pid == 0) {
    become(argv.data(), fds, parent);
  }
  if (pid < 0) {
    return io_error("fork", command.front(), errno);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return io_error("waitpid", command.front(), errno);
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// "2026/11/21 21:00:00 ERROR : text" is "text".
std::string_view without_date(std::string_view line) {
  const auto mark = line.find(" : ");
  return line.size() > 20 && line[4] == '/' && mark != std::string_view::npos
             ? line.substr(mark + 3)
             : line;
}

} // namespace

std::string last_words(std::string_view stderr_text) {
  std::string last;
  for (const auto& line : split(stderr_text, '\n')) {
    if (!trim(line).empty()) {
      last = std::string(without_date(trim(line)));
    }
  }
  // A signed address is a key: everything behind its question mark, and a name with a password.
  for (auto at = last.find('?'); at != std::string::npos; at = last.find('?', at + 1)) {
    const auto end = last.find_first_of(" \"'", at);
    last.erase(at + 1, end == std::string::npos ? end : end - at - 1);
  }
  if (const auto scheme = last.find("://"); scheme != std::string::npos) {
    const auto end = last.find_first_of("/ \"'", scheme + 3);
    const auto user = last.substr(0, end).rfind('@');
    if (user != std::string::npos && user > scheme) {
      last.erase(scheme + 3, user - scheme - 2);
    }
  }
  return printable(last.substr(0, k_most_words));
}

Result<std::string> find_rclone() {
  const char* named = std::getenv("GPUJOB_RCLONE");
  if (named != nullptr && *named != '\0') {
    return ::access(named, X_OK) == 0
               ? Result<std::string>(named)
               : Error{Errc::io,
                       fmt::format("rclone: {} ($GPUJOB_RCLONE): {}: name the program, or "
                                   "unset it",
                                   printable(named), std::strerror(errno))};
  }
  const char* path = std::getenv("PATH");
  for (const auto& dir : split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    const auto candidate = dir + "/rclone";
    if (!dir.empty() && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return Error{Errc::io, "rclone: not found on PATH: apt-get install rclone, or put the program of "
                         "rclone.org/downloads there, or name it with GPUJOB_RCLONE; then gpujob "
                         "daemon stop, and start it again"};
}

Result<std::string> run_rclone(const std::vector<std::string>& arguments, std::string_view input) {
  const auto program = find_rclone();
  if (!program) {
    return program.error();
  }
  auto in = memory_file(input), out = memory_file({}), err = memory_file({});
  for (const auto* file : {&in, &out, &err}) {
    if (!*file) {
      return file->error();
    }
  }
  std::vector<std::string> command{*program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), k_always.begin(), k_always.end());
  const auto code = run(std::move(command), {in->get(), out->get(), err->get()});
  if (!code) {
    return code.error();
  }
  if (*code == 0) {
    return read_fd(out->get(), k_max_output);
  }
  const auto text = read_fd(err->get(), k_max_output);
  const auto words = last_words(text ? *text : std::string());
  return Error{*code == k_no_directory || *code == k_no_file ? Errc::not_found : Errc::io,
               fmt::format("rclone {}: {}", arguments.front(),
                           words.empty() ? fmt::format("ended with {}", *code) : words)};
}

} // namespace gpujob::durable
