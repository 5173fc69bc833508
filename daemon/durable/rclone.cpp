// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/rclone.h"

#include "common/fd.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

/// Reads what is new in a log that is being written, line by line.
class LogReader {
public:
  LogReader(int fd, const BytesSent& sent) : m_fd(fd), m_sent(sent) {}

  void read_on() {
    char buffer[16 * 1024];
    for (;;) {
      const auto n = ::pread(m_fd, buffer, sizeof buffer, m_offset);
      if (n <= 0) {
        return;
      }
      m_offset += n;
      m_line.append(buffer, static_cast<std::size_t>(n));
      for (auto end = m_line.find('\n'); end != std::string::npos; end = m_line.find('\n')) {
        if (const auto bytes = bytes_told(std::string_view(m_line).substr(0, end))) {
          m_sent(*bytes);
        }
        m_line.erase(0, end + 1);
      }
    }
  }

private:
  int m_fd;
  const BytesSent& m_sent;
  off_t m_offset = 0;
  std::string m_line; ///< the part of it that is there
};

/// Until the child has ended; what it logs meanwhile is passed on.
void follow(pid_t pid, int log, const BytesSent& sent) {
  // Where the kernel has no such descriptor the end is seen half a second late.
  constexpr int k_look_every_ms = 500;
  const Fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  LogReader reader(log, sent);
  pollfd end{pidfd.get(), POLLIN, 0};
  siginfo_t info{};
  do {
    (void)::poll(&end, pidfd ? 1 : 0, k_look_every_ms);
    reader.read_on();
    info.si_pid = 0;
  } while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0);
}

Result<int> run(std::vector<std::string> command, const int (&fds)[3], const BytesSent& sent) {
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
  if (sent) {
    follow(pid, fds[2], sent);
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

/// What a line of its log says to people; empty: nothing. Of the one in JSON only the message.
std::string words_of(std::string_view line) {
  if (line.starts_with('{')) {
    if (const auto j = json::parse(line, "rclone's log"); j && j->is_object()) {
      json::Reader r(*j, "rclone's log");
      return j->contains("stats") ? std::string() : r.text_or("msg", "");
    }
  }
  return std::string(without_date(line));
}

} // namespace

std::string last_words(std::string_view stderr_text) {
  std::string last;
  for (const auto& line : split(stderr_text, '\n')) {
    if (auto words = words_of(trim(line)); !words.empty()) {
      last = std::move(words);
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

std::optional<std::uint64_t> bytes_told(std::string_view line) {
  if (!line.starts_with('{')) {
    return std::nullopt;
  }
  const auto j = json::parse(line, "rclone's log");
  const auto stats = j ? j->find("stats") : json::Json::const_iterator{};
  if (!j || !j->is_object() || stats == j->end() || !stats->is_object()) {
    return std::nullopt;
  }
  const auto bytes = stats->find("bytes");
  return bytes != stats->end() && bytes->is_number_unsigned()
             ? std::optional(bytes->get<std::uint64_t>())
             : std::nullopt;
}

Result<std::string> run_rclone(const std::vector<std::string>& arguments, std::string_view input,
                               const BytesSent& sent) {
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
  if (sent) {
    command.insert(command.end(), {"--use-json-log", "--stats=2s", "--stats-log-level=ERROR"});
  }
  const auto code = run(std::move(command), {in->get(), out->get(), err->get()}, sent);
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
