// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/look.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace gpujob::gpu {

namespace {

constexpr std::size_t k_most_devices = 32;
/// A change of the use that is none: it trembles while nothing happens.
constexpr std::int64_t k_trembling_percent = 5;

std::string key_of(const GpuView& view) {
  return view.uuid.empty() ? view.vendor + ":" + std::to_string(view.index) : view.uuid;
}

std::vector<std::string> job_ids(const Device& device) {
  std::vector<std::string> ids;
  for (const auto& job : device.jobs) {
    ids.push_back(job.id);
  }
  return ids;
}

/// One of them unknown and the other not, or apart by at least `least`.
bool moved(const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b,
           std::int64_t least) {
  return a.has_value() != b.has_value() || (a && std::abs(*a - *b) >= least);
}

std::int64_t share(const std::optional<std::int64_t>& total, std::int64_t parts) {
  return std::max<std::int64_t>(1, total.value_or(0) / parts);
}

bool differs(const Device& a, const Device& b) {
  return a.key != b.key || a.view.state != b.view.state || a.others != b.others ||
         job_ids(a) != job_ids(b) ||
         moved(a.view.use_percent, b.view.use_percent, k_trembling_percent) ||
         moved(a.view.memory_used, b.view.memory_used, share(b.view.memory_total, 100));
}

void add_process(Device& device, const GpuProcess& process) {
  const auto& id = process.owner.job_id;
  if (id.empty()) {
    ++*device.others;
    return;
  }
  const auto it = std::ranges::find(device.jobs, id, &JobOnGpu::id);
  if (it == device.jobs.end()) {
    device.jobs.push_back({id, process.memory});
  } else if (it->memory && process.memory) {
    *it->memory += *process.memory;
  } else {
    it->memory.reset();
  }
}

bool is_at_work(const std::optional<std::int64_t>& use) {
  return use && *use >= k_at_work_percent;
}

template <typename View>
std::optional<std::int64_t> free_memory(const View& view) {
  if (!view.memory_total || !view.memory_used) {
    return std::nullopt;
  }
  return std::max<std::int64_t>(0, *view.memory_total - *view.memory_used);
}

policy::Gpu gpu_of(const Device& device) {
  policy::Gpu out;
  out.uuid = device.key;
  out.vendor = device.view.vendor;
  out.name = device.view.name;
  out.index = device.view.index;
  out.usable = device.view.state == "ok" && device.view.mig.empty() && !device.view.uuid.empty();
  out.memory_total = device.view.memory_total;
  out.memory_free = free_memory(device.view);
  if (device.view.use_percent) {
    out.use_percent = static_cast<double>(*device.view.use_percent);
  }
  for (const auto& job : device.jobs) {
    out.jobs.insert(job.id);
  }
  out.strangers = device.others.value_or(0) > 0;
  out.xids = device.view.xid_count.value_or(0);
  out.last_xid = device.view.last_xid;
  return out;
}

/// A driver does not tell how much a MIG device is used.
policy::Gpu mig_of(const Device& device, const MigView& mig) {
  policy::Gpu out;
  out.uuid = mig.uuid;
  out.parent = device.key;
  out.vendor = device.view.vendor;
  out.name = mig.name.empty() ? device.view.name : mig.name;
  out.index = mig.index;
  out.usable = device.view.state == "ok" && !mig.uuid.empty();
  out.memory_total = mig.memory_total;
  out.memory_free = free_memory(mig);
  for (const auto& process : device.view.processes.value_or(std::vector<GpuProcess>{})) {
    if (process.gpu_instance != mig.gpu_instance ||
        process.compute_instance != mig.compute_instance) {
      continue;
    }
    if (process.owner.job_id.empty()) {
      out.strangers = true;
    } else {
      out.jobs.insert(process.owner.job_id);
    }
  }
  return out;
}

bool matters(const policy::Gpu& a, const policy::Gpu& b) {
  const auto at_work = [](const policy::Gpu& g) {
    return g.use_percent && *g.use_percent >= static_cast<double>(k_at_work_percent);
  };
  return a.uuid != b.uuid || a.parent != b.parent || a.name != b.name || a.index != b.index ||
         a.usable != b.usable || a.jobs != b.jobs || a.strangers != b.strangers ||
         a.xids != b.xids || a.memory_total != b.memory_total ||
         moved(a.memory_free, b.memory_free, share(b.memory_total, 20)) ||
         a.use_percent.has_value() != b.use_percent.has_value() || at_work(a) != at_work(b);
}

} // namespace

Look make_look(GpuSnapshot snapshot, const Now& at) {
  Look look;
  look.at = at;
  look.why = std::move(snapshot.why);
  look.owners_known = snapshot.owners_known;
  if (snapshot.gpus.size() > k_most_devices) {
    snapshot.gpus.resize(k_most_devices);
  }
  for (auto& view : snapshot.gpus) {
    Device device;
    device.key = key_of(view);
    device.view = std::move(view);
    look.devices.push_back(std::move(device));
  }
  return look;
}

void count_owners(Look& look, const std::function<bool(const std::string&)>& is_ours) {
  for (auto& device : look.devices) {
    device.jobs.clear();
    device.others.reset();
    device.told_at.reset();
    if (device.view.processes) {
      device.told_at = look.at.boot;
      device.others = 0;
      for (auto& process : *device.view.processes) {
        if (!process.owner.job_id.empty() && !is_ours(process.owner.job_id)) {
          process.owner.job_id.clear();
        }
        add_process(device, process);
      }
      std::ranges::sort(device.jobs, {}, &JobOnGpu::id);
    }
  }
}

void carry_owners(Look& look, const Look* before) {
  if (look.owners_known || before == nullptr) {
    return;
  }
  for (auto& device : look.devices) {
    if (device.view.state != "ok") {
      continue;
    }
    const auto it = std::ranges::find(before->devices, device.key, &Device::key);
    if (it != before->devices.end() && it->told_at && look.at.boot - *it->told_at < k_unobserved) {
      device.jobs = it->jobs;
      device.others = it->others;
      device.told_at = it->told_at;
      device.view.processes = it->view.processes; // each is on a MIG device
    }
  }
}

void carry_idleness(Look& look, const Look* before) {
  const bool observed = before != nullptr && look.at.boot - before->at.boot < k_unobserved;
  for (auto& device : look.devices) {
    device.idle_since.reset();
    if (!device.view.use_percent || is_at_work(device.view.use_percent)) {
      continue;
    }
    device.idle_since = look.at.boot;
    if (observed) {
      const auto it = std::ranges::find(before->devices, device.key, &Device::key);
      if (it != before->devices.end() && it->idle_since) {
        device.idle_since = it->idle_since;
      }
    }
  }
}

bool differs(const Look& before, const Look& now) {
  return !std::ranges::equal(before.devices, now.devices,
                             [](const Device& a, const Device& b) { return !differs(a, b); });
}

bool is_job_at_work(const Look& look) {
  return std::ranges::any_of(look.devices, [](const Device& device) {
    return !device.jobs.empty() &&
           (!device.view.use_percent || is_at_work(device.view.use_percent));
  });
}

policy::Gpus to_policy(const Look& look) {
  policy::Gpus out;
  out.looked = true;
  out.why = look.devices.empty() ? look.why : "";
  for (const auto& device : look.devices) {
    out.list.push_back(gpu_of(device));
    for (const auto& mig : device.view.mig) {
      out.list.push_back(mig_of(device, mig));
    }
  }
  return out;
}

bool matters(const policy::Gpus& before, const policy::Gpus& now) {
  return before.looked != now.looked || before.why != now.why ||
         !std::ranges::equal(before.list, now.list, [](const policy::Gpu& a, const policy::Gpu& b) {
           return !matters(a, b);
         });
}

GpuSample sample_of(const Device& device, const Now& at) {
  const auto& view = device.view;
  return {std::chrono::floor<std::chrono::seconds>(at.wall.time_since_epoch()).count(),
          view.use_percent, view.memory_used, view.temperature_c, view.power_mw};
}

} // namespace gpujob::gpu
