// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/json.h"
#include "common/tree.h"
#include "daemon/durable/place.h"
#include "daemon/durable/rclone.h"
#include "daemon/durable/remote.h"
#include "daemon/durable/remote_call.h"
#include "daemon/durable/spool.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

/// What the remote has, brought into the spool.
namespace gpujob::durable {

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

} // namespace gpujob::durable
