// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/platform/facts.h"
#include "daemon/platform/profile.h"
#include "daemon/platform/resolve.h"
#include "tests/support/temp_dir.h"

#include <string>
#include <vector>

namespace gpujob::test {

/// A directory that stands for "/" of some VM, with an environment: what facts are collected from.
class FakeMachine {
public:
  /// A machine of one's own: PID 1 is systemd, started 0.5 s after the boot.
  FakeMachine();

  void dir(const std::string& path);
  void file(const std::string& path, const std::string& content = "");
  void env(const std::string& entry) { m_env.push_back(entry); }
  /// NAME=value entries of /proc/1/environ.
  void pid1_env(const std::vector<std::string>& entries);
  void pid1(const std::string& comm, Duration started);
  void container() { file("/.dockerenv"); }
  void boot_id(const std::string& id) { file("/proc/sys/kernel/random/boot_id", id + "\n"); }

  [[nodiscard]] platform::Facts facts() const;
  /// Facts, and inputs from `env` and the config file below HOME; paths as the defaults.
  [[nodiscard]] platform::ResolveRequest request(platform::SettingTexts flags = {}) const;
  void config(const std::string& text) { file("/home/.config/gpujob/config.json", text); }
  [[nodiscard]] std::string config_path() const {
    return m_root.path() + "/home/.config/gpujob/config.json";
  }

private:
  TempDir m_root;
  std::vector<std::string> m_env;
};

const std::vector<platform::Profile>& profiles();

constexpr Duration hours(int n) {
  return std::chrono::hours{n};
}
constexpr Duration minutes(int n) {
  return std::chrono::minutes{n};
}

/// `up` after the boot; the wall clock stands at 2026-11-21 05:00 UTC and `up`.
constexpr Now at(Duration up) {
  constexpr std::int64_t k_boot_wall = 1795237200;
  return Now{BootTime{up}, WallTime{std::chrono::seconds{k_boot_wall} + up}};
}

/// The settled settings; the test fails with the error's text when there are none.
platform::SessionSettings settle(const platform::ResolveRequest& request, Now now);
/// The error's text; the test fails when there is none.
std::string refusal(const platform::ResolveRequest& request, Now now);

} // namespace gpujob::test
