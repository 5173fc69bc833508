// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/remote.h"

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "common/tree.h"
#include "daemon/durable/place.h"
#include "daemon/durable/rclone.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

constexpr const char* k_ours = "gpujob.json"; ///< on the remote: it is there, and it is ours
constexpr std::string_view k_our_words = "{\"v\":1}\n";
constexpr const char* k_prefix = "rclone:";
constexpr std::size_t k_max_record = 256U << 20U;
constexpr std::size_t k_hash_length = 64;

Error remote_error(const std::string& name, const Error& why) {
  return Error{Errc::io,
               fmt::format("durable directory: rclone:{}: {}: see that it answers (rclone "
                           "lsd {}), or give another --durable",
                           name, why.text, name)};
}

/// One path a line, in a file beside the spool: an argument has no room for a million.
Result<std::string> write_list(const std::string& spool, const RemoteFiles& files) {
  std::string text;
  for (const auto& file : files) {
    if (file.find('\n') != std::string::npos) {
      return Error{Errc::io,
                   fmt::format("checkpoint: {}: a name with a line break cannot be stored "
                               "by rclone: rename it",
                               printable(file))};
    }
    text += file + "\n";
  }
  auto path = fmt::format("{}.list-{}", spool, ::getpid());
  if (auto done = atomic_publish(path, text); !done) {
    return done.error();
  }
  return path;
}

/// rclone with the list of files as its last words.
Result<std::string> run_on(const std::string& spool, const RemoteFiles& files,
                           std::vector<std::string> arguments) {
  const auto list = write_list(spool, files);
  if (!list) {
    return list.error();
  }
  arguments.insert(arguments.end(), {"--files-from-raw", *list});
  auto done = run_rclone(arguments);
  ::unlink(list->c_str());
  return done;
}

/// jobs/JOB/attempts/A-S/checkpoints/N/data/...
bool is_data(std::string_view path) {
  const auto parts = split(path, '/');
  return parts.size() > 7 && parts[0] == "jobs" && parts[2] == "attempts" &&
         parts[4] == name::k_checkpoints && parts[6] == name::k_data;
}

/// Data of checkpoints that count, below the spool.
std::set<std::string> counted_data(const std::string& spool) {
  std::set<std::string> out;
  const auto jobs = names_in(spool + "/jobs");
  for (const auto& job : jobs ? *jobs : std::vector<std::string>{}) {
    const auto attempts = names_in(spool + "/jobs/" + job + "/attempts");
    for (const auto& attempt : attempts ? *attempts : std::vector<std::string>{}) {
      const auto dir = "jobs/" + job + "/attempts/" + attempt + "/" + name::k_checkpoints;
      const auto seqs = names_in(spool + "/" + dir);
      for (const auto& seq : seqs ? *seqs : std::vector<std::string>{}) {
        const auto at = dir + "/" + seq + "/";
        const auto m = read_manifest(spool + "/" + at + name::k_manifest);
        for (const auto& file : m ? m->files : std::vector<ManifestFile>{}) {
          out.insert(file.at.empty() ? at + name::k_data + "/" + file.path
                                     : "jobs/" + job + "/" + file.at);
        }
      }
    }
  }
  return out;
}

/// Records in the spool that `session` does not write alone, below it.
RemoteFiles records_in(const std::string& spool, const std::string& session) {
  RemoteFiles out;
  const auto take = [&](const std::string& dir) {
    const auto names = names_in(spool + "/" + dir);
    for (const auto& name : names ? *names : std::vector<std::string>{}) {
      if (name.ends_with(".json")) {
        out.push_back(dir + "/" + name);
      }
    }
  };
  const auto below = [&](const std::string& dir) {
    const auto names = names_in(spool + "/" + dir);
    return names ? *names : std::vector<std::string>{};
  };
  take("said");
  for (const auto& who : below("ledger")) {
    if (who != session) {
      take("ledger/" + who);
    }
  }
  for (const auto& job : below("jobs")) {
    for (const auto& attempt : below("jobs/" + job + "/attempts")) {
      const auto dir = "jobs/" + job + "/attempts/" + attempt;
      if (attempt.ends_with("-" + session)) {
        continue;
      }
      take(dir);
      for (const auto& seq : below(dir + "/" + name::k_checkpoints)) {
        if (parse_seq(seq)) {
          take(dir + "/" + name::k_checkpoints + "/" + seq);
        }
      }
    }
  }
  return out;
}

/// What is written once and lies here whole.
bool is_here_for_good(const std::string& spool, const std::string& path, std::uint64_t size) {
  const auto last = base_name(path);
  if (last != name::k_manifest && last != name::k_spec) {
    return false;
  }
  const auto text = read_file(spool + "/" + path, k_max_record);
  return text && text->size() == size && json::parse(*text, "record");
}

} // namespace

Result<void> make_hollow(const std::string& path, std::uint64_t size) {
  GPUJOB_TRY(make_directories(parent_path(path)));
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!fd) {
    return fd.error();
  }
  return ::ftruncate(fd->get(), static_cast<off_t>(size)) == 0 ? Result<void>{}
                                                               : io_error("truncate", path, errno);
}

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

Result<void> Remote::pull(const std::string& session) const {
  GPUJOB_TRY(make_directories(m_spool));
  GPUJOB_TRY(pull_records(session));
  return pull_sizes();
}

Result<void> Remote::pull_records(const std::string& session) const {
  const auto before = records_in(m_spool, session);
  // In this order: rclone takes the first that fits.
  const auto listed =
      list({"--filter", "- /ledger/" + session + "/**", "--filter",
            "- /jobs/*/attempts/*-" + session + "/**", "--filter", fmt::format("+ /{}", k_ours),
            "--filter", "+ /ledger/*/*.json", "--filter", "+ /said/*.json", "--filter",
            "+ /jobs/*/attempts/*/*.json", "--filter", "+ /jobs/*/attempts/*/checkpoints/*/*.json",
            "--filter", "- *"});
  if (!listed) {
    return listed.error();
  }
  // One that is away must not look like one that is empty.
  if (!listed->contains(k_ours)) {
    return remote_error(m_name, Error{Errc::io, fmt::format("{} is not there", k_ours)});
  }
  RemoteFiles wanted;
  for (const auto& [path, size] : *listed) {
    if (!is_here_for_good(m_spool, path, size)) {
      wanted.push_back(path);
    }
  }
  GPUJOB_TRY(bring(wanted));
  for (const auto& path : before) {
    if (!listed->contains(path)) {
      const auto here = m_spool + "/" + path;
      // Without its manifest it is no checkpoint, and its hollow files say nothing.
      GPUJOB_TRY(remove_tree(base_name(path) == name::k_manifest ? parent_path(here) : here));
    }
  }
  return {};
}

/// Into a directory beside the spool, from which each is renamed: what is in the spool is whole,
/// also where this is killed.
Result<void> Remote::bring(const RemoteFiles& records) const {
  const auto staging = m_spool + ".pulled";
  const auto turn = lock_file_waiting(m_spool + ".pull.lock");
  if (!turn) {
    return turn.error();
  }
  GPUJOB_TRY(remove_tree(staging));
  GPUJOB_TRY(make_directories(staging));
  // Its times and hashes are no proof that a record is the same, and a record is small.
  const auto done =
      run_on(m_spool, records, {"copy", m_name, staging, "--ignore-times", "--checkers=16"});
  if (!done) {
    return remote_error(m_name, done.error());
  }
  for (const auto& path : records) {
    const auto from = staging + "/" + path, to = m_spool + "/" + path;
    struct stat st {};
    if (::lstat(from.c_str(), &st) != 0) {
      continue; // it went since it was listed: the next look says so
    }
    GPUJOB_TRY(make_directories(parent_path(to)));
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return io_error("rename", to, errno);
    }
  }
  return remove_tree(staging);
}

Result<std::map<std::string, std::uint64_t>>
Remote::list(const std::vector<std::string>& filters) const {
  std::vector<std::string> arguments{"lsjson",       m_name,         "-R",
                                     "--files-only", "--no-modtime", "--no-mimetype"};
  arguments.insert(arguments.end(), filters.begin(), filters.end());
  const auto listed = run_rclone(arguments);
  if (!listed) {
    return remote_error(m_name, listed.error());
  }
  const auto j = json::parse(*listed, "rclone lsjson");
  if (!j || !j->is_array()) {
    return remote_error(m_name, Error{Errc::bad_data, "its list cannot be read"});
  }
  std::map<std::string, std::uint64_t> out;
  for (const auto& item : *j) {
    json::Reader r(item, "rclone lsjson");
    const auto path = r.bytes("Path");
    const auto size = r.integer("Size");
    if (r.ok() && size >= 0 && ("/" + path + "/").find("/../") == path.npos &&
        path.find('\n') == path.npos) {
      out[path] = static_cast<std::uint64_t>(size);
    }
  }
  return out;
}

Result<void> Remote::pull_sizes() const {
  // Before the listing: what is made meanwhile is not in it, and is there.
  const auto before = counted_data(m_spool);
  const auto there =
      list({"--filter", "+ /jobs/*/attempts/*/checkpoints/*/data/**", "--filter", "- *"});
  if (!there) {
    return there.error();
  }
  for (const auto& [path, size] : *there) {
    if (is_data(path)) {
      GPUJOB_TRY(make_hollow(m_spool + "/" + path, size));
    }
  }
  for (const auto& path : before) {
    if (!there->contains(path)) {
      ::unlink((m_spool + "/" + path).c_str());
    }
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
                            const std::string& to) const {
  const auto done =
      run_on(m_spool, files, {"copy", from, there(to), "--ignore-times", "--copy-links"});
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
