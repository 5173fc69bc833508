// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/remote.h"

#include "common/file.h"
#include "common/text.h"
#include "daemon/durable/rclone.h"
#include "daemon/durable/remote_call.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::durable {

namespace {

constexpr std::string_view k_our_words = "{\"v\":1}\n";
constexpr const char* k_prefix = "rclone:";
constexpr std::size_t k_hash_length = 64;

} // namespace

std::string Remote::shown(const std::string& path) const {
  return path.starts_with(m_spool + "/") ? k_prefix + m_name + path.substr(m_spool.size()) : path;
}

std::string Remote::in_spool(const std::string& shown) const {
  const auto prefix = k_prefix + m_name + "/";
  return shown.starts_with(prefix) ? m_spool + "/" + shown.substr(prefix.size()) : shown;
}

std::string Remote::there(const std::string& path) const {
  return m_name + path.substr(std::min(path.size(), m_spool.size()));
}

Result<void> Remote::open() const {
  GPUJOB_TRY(make_directories(m_spool));
  const auto ours = m_name + "/" + k_ours;
  auto words = run_rclone({"cat", ours});
  if (!words || *words != k_our_words) {
    if (!words && words.error().code != Errc::not_found) {
      return remote_error(m_name, words.error());
    }
    if (auto put = run_rclone({"rcat", ours}, k_our_words); !put) {
      return remote_error(m_name, put.error());
    }
    words = run_rclone({"cat", ours});
  }
  if (!words || *words != k_our_words) {
    return remote_error(m_name, words ? Error{Errc::io, "what was written does not read back"}
                                      : words.error());
  }
  return {};
}

Result<void> Remote::check() const {
  const auto words = run_rclone({"cat", m_name + "/" + k_ours});
  if (!words || *words != k_our_words) {
    return remote_error(m_name, words ? Error{Errc::io, fmt::format("{} is not ours", k_ours)}
                                      : words.error());
  }
  return {};
}

Result<void> Remote::push_record(const std::string& path) const {
  const auto bytes = read_file(path, k_max_record);
  return bytes ? push_record(path, *bytes) : Result<void>(bytes.error());
}

Result<void> Remote::push_record(const std::string& path, const std::string& bytes) const {
  if (const auto put = run_rclone({"rcat", there(path)}, bytes); !put) {
    return remote_error(m_name, put.error());
  }
  const auto back = run_rclone({"cat", there(path)});
  if (!back || *back != bytes) {
    return remote_error(m_name,
                        back ? Error{Errc::io, there(path) + " does not read back"} : back.error());
  }
  return {};
}

Result<std::string> Remote::read_record(const std::string& path) const {
  auto text = run_rclone({"cat", there(path)});
  if (text && !text->empty()) {
    return text;
  }
  // Where there are no directories, nothing is the answer to what is not there.
  return text || text.error().code == Errc::not_found
             ? Error{Errc::not_found, there(path) + " is not there"}
             : remote_error(m_name, text.error());
}

Result<void> Remote::push_directory(const std::string& path) const {
  const auto done = run_rclone({"sync", path, there(path), "--ignore-times"});
  return done ? Result<void>{} : remote_error(m_name, done.error());
}

Result<void> Remote::upload(const std::string& from, const RemoteFiles& files,
                            const std::string& to, const BytesSent& sent) const {
  const auto done =
      run_on(m_spool, files, {"copy", from, there(to), "--ignore-times", "--copy-links"}, sent);
  return done ? Result<void>{} : remote_error(m_name, done.error());
}

Result<void> Remote::download(const std::string& from, const RemoteFiles& files,
                              const std::string& to) const {
  const auto done = run_on(m_spool, files, {"copy", there(from), to, "--ignore-times"});
  return done ? Result<void>{} : remote_error(m_name, done.error());
}

Result<std::map<std::string, std::string>> Remote::hashes(const std::string& dir,
                                                          const RemoteFiles& files) const {
  const auto done = run_on(m_spool, files, {"hashsum", "sha256", "--download", there(dir)});
  std::map<std::string, std::string> out;
  if (!done) {
    return done.error().code == Errc::not_found ? Result<std::map<std::string, std::string>>(out)
                                                : remote_error(m_name, done.error());
  }
  for (const auto& line : split(*done, '\n')) {
    const auto gap = line.find("  ");
    if (gap == k_hash_length) {
      out[line.substr(gap + 2)] = line.substr(0, gap);
    } else if (!line.empty()) {
      return remote_error(m_name, Error{Errc::io, "hashsum: " + printable(line)});
    }
  }
  return out;
}

Result<void> Remote::remove(const std::string& dir, const RemoteFiles& files) const {
  if (files.empty()) {
    return {};
  }
  const auto done = run_on(m_spool, files, {"delete", there(dir)});
  return done || done.error().code == Errc::not_found ? Result<void>{}
                                                      : remote_error(m_name, done.error());
}

Result<void> Remote::purge(const std::string& path) const {
  if (!path.starts_with(m_spool + "/jobs/")) {
    return Error{Errc::refused, "remote: " + path + " is no directory of a job"};
  }
  const auto done = run_rclone({"purge", there(path)});
  return done || done.error().code == Errc::not_found ? Result<void>{}
                                                      : remote_error(m_name, done.error());
}

} // namespace gpujob::durable
