// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/attribution.h"

#include "common/proc.h"
#include "daemon/gpu/probe/openers.h"

#include <algorithm>
#include <chrono>

namespace gpujob::gpu {

namespace {

/// The kernel counts the start of a process in ticks of that.
constexpr Duration k_tick = std::chrono::milliseconds{10};

/// The pid is another's now: it was started after the driver was asked.
bool is_later(const GpuOwner& owner, BootTime at) {
  return owner.here && owner.start_ticks != 0 &&
         Duration{proc::ticks_to_ns(owner.start_ticks)} > at.time_since_epoch() + k_tick;
}

/// In MIG mode who is seen to have the GPU open is on one of its instances; on which is not seen.
bool is_shared_out(const GpuView& gpu) {
  return !gpu.mig.empty();
}

} // namespace

GpuAttribution::GpuAttribution(std::string devices, bool first_namespace)
    : m_devices(std::move(devices)), m_first_namespace(first_namespace) {}

void GpuAttribution::find_owners(GpuSnapshot& snapshot, BootTime at) {
  snapshot.first_namespace = m_first_namespace;
  const bool joins = !m_first_namespace && std::ranges::any_of(snapshot.gpus, [](const auto& gpu) {
    return gpu.vendor == "nvidia" && gpu.minor;
  });
  const auto openers = joins ? find_gpu_openers(m_devices) : std::vector<GpuOpener>();
  for (auto& gpu : snapshot.gpus) {
    if (gpu.processes) {
      name_listed(*gpu.processes, gpu.vendor == "amd", at);
    }
    if (joins && gpu.vendor == "nvidia" && gpu.minor && gpu.state == "ok") {
      join(gpu, openers);
    }
  }
}

void GpuAttribution::name_listed(std::vector<GpuProcess>& list, bool by_fdinfo, BootTime at) const {
  for (auto& p : list) {
    // What our own /proc told of has our pids.
    p.owner = find_owner(p.pid, m_first_namespace || by_fdinfo, m_devices);
    if (by_fdinfo && p.owner.here) {
      p.owner.seen_by = "fdinfo";
    }
    if (is_later(p.owner, at)) {
      p.owner = GpuOwner();
    }
  }
}

void GpuAttribution::join(GpuView& gpu, const std::vector<GpuOpener>& openers) {
  GpuUsers now;
  now.open = openers_of(openers, static_cast<int>(*gpu.minor), gpu.pci);
  if (!gpu.processes || gpu.processes->empty()) {
    m_known.erase(*gpu.minor);
    add_openers(gpu, now.open);
    return;
  }
  // Equal pids with that very GPU open: the driver counts as we do.
  std::vector<GpuProcess*> strangers;
  for (auto& p : *gpu.processes) {
    const auto same = std::ranges::find(now.open, p.pid, &OpenProcess::pid);
    if (p.owner.here && same != now.open.end()) {
      now.open.erase(same);
    } else {
      now.listed.push_back({p.pid, p.memory});
      strangers.push_back(&p);
    }
  }
  const auto before = m_known.find(*gpu.minor);
  const bool first = before == m_known.end();
  auto joined = join_processes(now, first ? nullptr : &before->second.users,
                               first ? std::vector<JoinedProcess>() : before->second.joined);
  for (std::size_t i = 0; i < joined.size(); ++i) {
    strangers[i]->owner = owner_of(joined[i].ours, joined[i].how);
  }
  m_known[*gpu.minor] = {std::move(now), std::move(joined)};
}

void GpuAttribution::add_openers(GpuView& gpu, const std::vector<OpenProcess>& open) const {
  // What a GPU keeps for itself is no more than that.
  constexpr std::int64_t k_nothing = 4LL << 20U;
  if (open.empty() || gpu.memory_used.value_or(k_nothing) < k_nothing) {
    return;
  }
  const auto one = join_processes({{{0, gpu.memory_used}}, open}, nullptr, {});
  gpu.processes.emplace();
  for (const auto& o : open) {
    // Who only inherited what is open is not listed beside the one that opened it.
    if (std::ranges::find(one[0].ours, o.pid) == one[0].ours.end()) {
      continue;
    }
    if (!o.computes && o.memory.value_or(0) == 0) {
      continue; // a monitor has all of them open
    }
    GpuProcess p;
    p.memory = o.memory;
    std::string how = o.memory ? "fdinfo" : "device";
    if (!p.memory && one[0].ours.size() == 1 && !is_shared_out(gpu)) {
      p.memory = gpu.memory_used;
      how = "memory";
    }
    p.owner = owner_of({o.pid}, how);
    gpu.processes->push_back(std::move(p));
  }
}

GpuOwner GpuAttribution::owner_of(const std::vector<int>& pids, const std::string& how) const {
  std::vector<GpuOwner> owners;
  for (const int pid : pids) {
    if (auto owner = find_owner(pid, true, m_devices); owner.here) {
      owners.push_back(std::move(owner));
    }
  }
  if (owners.empty()) {
    return {};
  }
  const auto same_job = [&](const GpuOwner& o) { return o.job_id == owners[0].job_id; };
  GpuOwner out;
  if (owners.size() == 1 || (!owners[0].job_id.empty() && std::ranges::all_of(owners, same_job))) {
    out = owners[0];
    out.seen_by = how;
  }
  if (owners.size() > 1) {
    for (const auto& o : owners) {
      out.one_of.push_back(o.pid);
    }
  }
  return out;
}

} // namespace gpujob::gpu
