// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/manifest.h"
#include "daemon/durable/rclone.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// A durable directory that is an rclone remote. On this VM stands its spool, a directory of the
/// same layout: its records (JSON) are what they are on the remote, its data files are hollow
/// (right size, no blocks), so that everything that goes by names and sizes works on it as on any
/// durable directory. Bytes go between the remote and the VM's own checkpoint directory only.
namespace gpujob::durable {

/// Paths below the remote, or below the directory named with them.
using RemoteFiles = std::vector<std::string>;

class Remote {
public:
  /// `name` is rclone's "NAME:PATH".
  Remote(std::string spool, std::string name)
      : m_spool(std::move(spool)), m_name(std::move(name)) {}

  [[nodiscard]] const std::string& spool() const { return m_spool; }
  [[nodiscard]] const std::string& name() const { return m_name; }
  /// "rclone:NAME:PATH/jobs/..." for a path in the spool, as people and the daemon know it.
  [[nodiscard]] std::string shown(const std::string& path) const;
  /// The way back; another path stays what it is.
  [[nodiscard]] std::string in_spool(const std::string& shown) const;

  /// Makes the spool and, on the remote, the file that says that it is ours; reads it back.
  [[nodiscard]] Result<void> open() const;
  /// Whether it answers and is ours: one that is away must not look like one that is empty.
  [[nodiscard]] Result<void> check() const;
  /// Brings the records of other sessions here, and hollow files of what all have stored. Those of
  /// `session` are ours alone: what is here is the newer.
  [[nodiscard]] Result<void> pull(const std::string& session) const;

  /// One record (a path in the spool), read back there.
  [[nodiscard]] Result<void> push_record(const std::string& path) const;
  /// The same, of what is not in the spool yet.
  [[nodiscard]] Result<void> push_record(const std::string& path, const std::string& bytes) const;
  /// What the remote has, not the spool. Errc::not_found: it has none.
  [[nodiscard]] Result<std::string> read_record(const std::string& path) const;
  /// A directory of records that only this session writes; what is gone here goes there.
  [[nodiscard]] Result<void> push_directory(const std::string& path) const;

  /// `files` below the local directory `from` to `to` (in the spool), over what is there. `sent`
  /// hears how far it is; a second try of rclone's counts what it sends again.
  [[nodiscard]] Result<void> upload(const std::string& from, const RemoteFiles& files,
                                    const std::string& to, const BytesSent& sent = {}) const;
  /// `files` below `from` (in the spool) into the local directory `to`.
  [[nodiscard]] Result<void> download(const std::string& from, const RemoteFiles& files,
                                      const std::string& to) const;
  /// SHA-256 of the bytes that the remote gives back: downloaded and hashed. What is not there is
  /// left out; what cannot be read is an error.
  [[nodiscard]] Result<std::map<std::string, std::string>> hashes(const std::string& dir,
                                                                  const RemoteFiles& files) const;
  /// Exactly these below `dir` (in the spool).
  [[nodiscard]] Result<void> remove(const std::string& dir, const RemoteFiles& files) const;
  /// All below the directory `path` of one job (in the spool).
  [[nodiscard]] Result<void> purge(const std::string& path) const;

private:
  [[nodiscard]] std::string there(const std::string& path) const;
  [[nodiscard]] Result<void> pull_records(const std::string& session) const;
  [[nodiscard]] Result<void> pull_sizes() const;
  [[nodiscard]] Result<void> bring(const RemoteFiles& records) const;
  /// Files there, with their sizes.
  [[nodiscard]] Result<std::map<std::string, std::uint64_t>>
  list(const std::vector<std::string>& filters) const;

  std::string m_spool, m_name;
};

} // namespace gpujob::durable
