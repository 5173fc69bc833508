// SPDX-License-Identifier: Apache-2.0
#include "tests/platform/fake_machine.h"
#include "daemon/platform/user_profiles.h"

#include "tests/support/catch.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

namespace gpujob::test {

FakeMachine::FakeMachine() {
  pid1("systemd", std::chrono::milliseconds{500});
  boot_id("b007");
}

void FakeMachine::dir(const std::string& path) {
  std::filesystem::create_directories(m_root.path() + path);
}

void FakeMachine::file(const std::string& path, const std::string& content) {
  const std::filesystem::path full = m_root.path() + path;
  std::filesystem::create_directories(full.parent_path());
  std::ofstream(full, std::ios::binary) << content;
}

void FakeMachine::pid1_env(const std::vector<std::string>& entries) {
  std::string text;
  for (const auto& entry : entries) {
    text += entry;
    text += '\0';
  }
  file("/proc/1/environ", text);
}

void FakeMachine::pid1(const std::string& comm, Duration started) {
  const auto ticks = started.count() * ::sysconf(_SC_CLK_TCK) / 1000000000;
  std::string stat = fmt::format("1 ({}) S 0 1 1 0 -1 4194560", comm);
  for (int field = 10; field <= 52; ++field) {
    stat += field == 22 ? fmt::format(" {}", ticks) : " 0";
  }
  file("/proc/1/stat", stat + "\n");
}

platform::Facts FakeMachine::facts() const {
  return platform::collect_facts(profiles(), {m_root.path(), m_env});
}

platform::ResolveRequest FakeMachine::request(platform::SettingTexts flags) const {
  auto env = m_env;
  env.push_back("HOME=" + m_root.path() + "/home");
  auto inputs = platform::make_inputs(std::move(flags), std::move(env), 1000);
  if (!inputs) {
    FAIL(inputs.error().text);
  }
  platform::ResolveRequest r;
  r.inputs = std::move(*inputs);
  r.facts = facts();
  r.new_session_id = "new";
  r.state_dir = {"/s", "default"};
  r.runtime_dir = {"/r", "environment"};
  return r;
}

const std::vector<platform::Profile>& profiles() {
  static const auto loaded = platform::load_profiles("");
  if (!loaded) {
    FAIL(loaded.error().text);
  }
  return *loaded;
}

platform::SessionSettings settle(const platform::ResolveRequest& request, Now now) {
  auto settled = platform::resolve_settings(request, profiles(), now);
  if (!settled) {
    FAIL(settled.error().text);
  }
  return std::move(*settled);
}

std::string refusal(const platform::ResolveRequest& request, Now now) {
  const auto settled = platform::resolve_settings(request, profiles(), now);
  if (settled) {
    FAIL("settled, as " << settled->platform);
  }
  return settled.error().text;
}

} // namespace gpujob::test
