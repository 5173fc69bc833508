// SPDX-License-Identifier: Apache-2.0
#include "client/top/log_lines.h"

#include "common/fd.h"
#include "common/text.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::client::top {

namespace {

/// As much as is read each time it has grown; enough to scroll back in.
constexpr off_t k_tail = 256 * 1024;

/// How long the escape sequence is that the text begins with.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2 || text[1] != '[') {
    return std::min<std::size_t>(text.size(), 2);
  }
  // Parameters, then one letter.
  const auto end =
      std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= '@' && c <= '~'; });
  return static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1);
}

} // namespace

std::string log_text(std::string_view line) {
  while (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (const auto last = line.rfind('\r'); last != std::string_view::npos) {
    line.remove_prefix(last + 1);
  }
  std::string out;
  while (!line.empty()) {
    if (line.front() == '\033') {
      line.remove_prefix(escape_length(line));
      continue;
    }
    if (line.front() == '\t') {
      out.append(8 - out.size() % 8, ' ');
    } else {
      out += line.front();
    }
    line.remove_prefix(1);
  }
  return out;
}

std::vector<std::string> last_lines(std::string_view bytes, bool cut_off) {
  // The oldest part may have been punched out (--log-max) and reads as zeros.
  const auto zeros = std::min(bytes.find_first_not_of('\0'), bytes.size());
  cut_off = cut_off || zeros > 0;
  bytes.remove_prefix(zeros);
  if (cut_off) {
    const auto newline = bytes.find('\n');
    bytes.remove_prefix(newline == std::string_view::npos ? 0 : newline + 1);
  }
  if (bytes.ends_with('\n')) {
    bytes.remove_suffix(1);
  }
  return split(bytes, '\n');
}

void read_tail(Log& log) {
  struct stat st {};
  const Fd file{log.path.empty()
                    ? -1
                    : ::open(log.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!file || ::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
    log.lines.clear();
    log.whole = true;
    log.size = -1;
    return;
  }
  const auto changed = st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
  if (st.st_size == log.size && changed == log.changed_ns) {
    return;
  }
  log.size = st.st_size;
  log.changed_ns = changed;
  const auto from = std::max<off_t>(st.st_size - k_tail, 0);
  std::string bytes(static_cast<std::size_t>(st.st_size - from), '\0');
  const auto n = ::pread(file.get(), bytes.data(), bytes.size(), from);
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  log.lines = last_lines(bytes, from > 0);
  log.whole = from == 0;
}

} // namespace gpujob::client::top
