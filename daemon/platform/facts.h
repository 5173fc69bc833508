// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/platform/profile.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gpujob::platform {

struct Mount {
  std::string point, type;
};

/// Where facts are read: tests give a directory that stands for "/", and an environment.
struct FactSource {
  std::string root;             ///< put before every path; empty: the real one
  std::vector<std::string> env; ///< of this process, "NAME=value"
};

/// What detection needs to know of this machine, read once. Of environments only the variables that
/// some profile asks for are kept: the others may be secrets.
struct Facts {
  std::map<std::string, std::string> env;
  std::optional<std::map<std::string, std::string>> pid1_env; ///< nullopt: not readable
  /// Of a notebook kernel; looked for only where our own and PID 1's say nothing.
  std::map<std::string, std::string> kernel_env;
  std::set<std::string> dirs, files;                       ///< of those asked for, the existing
  std::set<std::pair<std::string, std::string>> json_keys; ///< likewise: file, member
  std::string boot_id = "unknown";
  std::optional<std::uint64_t> pid1_start_ticks;
  std::vector<std::string> container_evidence; ///< empty: not in a container, as far as we see
  std::vector<Mount> mounts;
  bool has_gpu = false; ///< a driver's device is there
  /// "ec2" or "gce" where the firmware names that cloud as its maker; empty: it does not.
  std::string cloud;
  std::string gpu_model; ///< as the driver's /proc file has it, in lower case: "t4"; or empty

  /// Of this process, else of PID 1, else of a notebook kernel; empty: nowhere.
  [[nodiscard]] std::string variable(const std::string& name) const;
  [[nodiscard]] bool in_container() const { return !container_evidence.empty(); }
};

Facts collect_facts(const std::vector<Profile>& profiles, const FactSource& source);

/// The type of the filesystem that holds `path`, from `mounts`; empty when unknown.
std::string filesystem_type(const std::vector<Mount>& mounts, const std::string& path);

} // namespace gpujob::platform
