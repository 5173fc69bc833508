// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/route.h"

#include "common/signals.h"
#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

constexpr std::size_t k_last = 65536;

} // namespace

Result<void> Route::start(const Program& program, int output, BootTime deadline) {
  m_said.reset();
  if (output < 0) {
    // Not a pipe: nobody reads until it has ended.
    m_said = Fd{::memfd_create("route", MFD_CLOEXEC)};
    output = m_said.get();
  }
  auto child = spawn(program, output);
  if (!child) {
    return child.error();
  }
  m_child = std::move(*child);
  m_program = program.argv.front();
  m_deadline = deadline;
  return {};
}

std::string Route::said() const {
  if (!m_said) {
    return {};
  }
  const auto size = ::lseek(m_said.get(), 0, SEEK_END);
  std::string text(k_last, '\0');
  const auto from = std::max<off_t>(0, size - static_cast<off_t>(k_last));
  const ssize_t n = ::pread(m_said.get(), text.data(), text.size(), from);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  const auto end = text.find_last_not_of('\n');
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::string Route::last_line() const {
  const auto text = said();
  return text.substr(text.find_last_of('\n') + 1);
}

Route::End Route::ended(const siginfo_t& how) {
  End end;
  const auto error = exec_error(m_child, m_program, "/");
  end.text = error ? *error : last_line();
  end.saved = !error && how.si_code == CLD_EXITED && how.si_status == 0;
  if (end.text.empty()) {
    end.text = how.si_code == CLD_EXITED ? fmt::format("exit {}", how.si_status)
                                         : fmt::format("ended by {}", signal_name(how.si_status));
  }
  m_child = Child{};
  return end;
}

std::string Route::kill() {
  // Not reaped yet, so its pid, and the group of that number, are nobody else's.
  ::kill(-m_child.pid, SIGKILL);
  ::kill(m_child.pid, SIGKILL);
  return last_line();
}

} // namespace gpujob::shim
