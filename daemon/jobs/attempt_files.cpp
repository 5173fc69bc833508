// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/attempt_files.h"

#include "common/file.h"
#include "common/launch.h"
#include "common/log.h"
#include "common/text.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace gpujob::jobs {

namespace {

constexpr std::size_t k_max_record = 1U << 20U;
constexpr std::size_t k_max_journal = 256U << 20U;

} // namespace

bool shim_alive(const std::string& attempt_dir) {
  const auto fd = open_file(attempt_dir + "/" + attempt_file::k_lock, O_RDWR);
  if (!fd) {
    return fd.error().code != Errc::not_found;
  }
  // Shared, so that two lookers never take each other for the shim.
  return ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0;
}

bool left_behind(const std::string& attempt_dir, const char* file) {
  return ::access((attempt_dir + "/" + file).c_str(), F_OK) == 0 || errno != ENOENT;
}

std::optional<StartRecord> read_start(const std::string& attempt_dir) {
  const auto text = read_file(attempt_dir + "/" + attempt_file::k_start, k_max_record);
  if (!text) {
    return std::nullopt;
  }
  auto record = decode_start_record(*text);
  return record ? std::optional(*record) : std::nullopt;
}

Result<std::optional<ExitRecord>> read_exit_record(const std::string& attempt_dir) {
  const auto text = read_file(attempt_dir + "/" + attempt_file::k_exit, k_max_record);
  if (!text && text.error().code == Errc::io) {
    return text.error();
  }
  const auto record = text ? decode_exit_record(*text) : Result<ExitRecord>(text.error());
  if (!record) {
    if (record.error().code != Errc::not_found) {
      log_line(fmt::format("{}: {}", attempt_dir, record.error().text));
    }
    return std::optional<ExitRecord>{};
  }
  return std::optional(*record);
}

Result<std::vector<journal::Record>> read_journal(const std::string& attempt_dir,
                                                  std::int64_t after_seq) {
  std::vector<journal::Record> out;
  const auto text = read_file(attempt_dir + "/" + attempt_file::k_journal, k_max_journal);
  if (!text && text.error().code == Errc::io) {
    return text.error();
  }
  if (!text) {
    return out;
  }
  const auto whole = std::string_view(*text).substr(0, text->find_last_of('\n') + 1);
  for (const auto& line : split(whole, '\n')) {
    auto record = journal::decode(line);
    if (!record) {
      log_line(fmt::format("{}: {}: line left out", attempt_dir, record.error().text));
    } else if (record->seq > after_seq) {
      out.push_back(std::move(*record));
    }
  }
  return out;
}

} // namespace gpujob::jobs
