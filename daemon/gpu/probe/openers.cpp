// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/openers.h"

#include "common/proc.h"
#include "common/text.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <unistd.h>

namespace gpujob::gpu {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_probe = "gpujob-gpuprobe"; // the whole of what the kernel keeps of it

void note_file(GpuOpener& opener, std::string_view target, const std::string& devices) {
  if (!target.starts_with(devices)) {
    return;
  }
  const auto rest = target.substr(devices.size());
  const auto minor = parse_int(rest);
  if (minor && *minor >= 0 && *minor <= std::numeric_limits<int>::max()) {
    opener.minors.insert(static_cast<int>(*minor));
  }
  opener.computes = opener.computes || rest == "-uvm";
}

GpuOpener open_files_of(int pid, const std::string& devices) {
  GpuOpener opener;
  opener.process.pid = pid;
  std::error_code failed;
  fs::directory_iterator entries(fmt::format("/proc/{}/fd", pid), failed);
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    std::error_code gone;
    note_file(opener, fs::read_symlink(entries->path(), gone).string(), devices);
  }
  return opener;
}

std::optional<std::int64_t> memory_on(const GpuOpener& opener, const std::string& pci) {
  std::optional<std::int64_t> sum;
  for (const auto& client : opener.clients) {
    if (client.memory && is_same_pci(client.pci, pci)) {
      sum = sum.value_or(0) + *client.memory;
    }
  }
  return sum;
}

} // namespace

std::vector<GpuOpener> find_gpu_openers(const std::string& devices) {
  std::vector<GpuOpener> out;
  std::error_code failed;
  fs::directory_iterator entries("/proc", failed);
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    const auto pid = parse_int(entries->path().filename().string());
    if (!pid || *pid <= 0 || *pid == ::getpid()) {
      continue;
    }
    const auto number = static_cast<int>(*pid);
    auto opener = open_files_of(number, devices);
    const auto stat = opener.minors.empty() ? std::nullopt : proc::read_stat(number);
    if (!stat || stat->comm == k_probe) {
      continue;
    }
    opener.process.parent = stat->ppid;
    opener.process.start_ticks = stat->start_ticks;
    // Of one that hangs in a driver we ask nothing that takes its locks.
    if (stat->state != 'D') {
      opener.clients = drm_clients_of("/proc", number).clients;
    }
    out.push_back(std::move(opener));
  }
  return out;
}

std::vector<OpenProcess> openers_of(const std::vector<GpuOpener>& all, int minor,
                                    const std::string& pci) {
  const auto has = [&](const GpuOpener& o) { return o.minors.contains(minor); };
  const bool any_computes =
      std::ranges::any_of(all, [&](const GpuOpener& o) { return has(o) && o.computes; });
  std::vector<OpenProcess> out;
  for (const auto& opener : all) {
    if (has(opener) && (opener.computes || !any_computes)) {
      out.push_back(opener.process);
      out.back().memory = memory_on(opener, pci);
      out.back().computes = opener.computes;
    }
  }
  return out;
}

} // namespace gpujob::gpu
