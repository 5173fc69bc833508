// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/sample.h"
#include "common/gpu/snapshot.h"
#include "common/time.h"
#include "daemon/policy/gpus.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What one look at the GPUs has found, and what follows from two of them. Pure.
namespace gpujob::gpu {

/// A GPU is at work from this use on: what a driver reports of an idle one may be a percent.
constexpr std::int64_t k_at_work_percent = 2;
/// Between two looks further apart nobody knows what a GPU did.
constexpr Duration k_unobserved = std::chrono::minutes{1};

struct JobOnGpu {
  std::string id;
  std::optional<std::int64_t> memory; ///< of all its processes there; nullopt: not known of one

  friend bool operator==(const JobOnGpu&, const JobOnGpu&) = default;
};

struct Device {
  std::string key; ///< its UUID; of one that tells none its vendor and index
  GpuView view;
  std::vector<JobOnGpu> jobs;         ///< of this daemon, by id
  std::optional<std::int64_t> others; ///< processes that are no job's of ours; nullopt: not told
  std::optional<BootTime> told_at;    ///< when `jobs` and `others` were told
  std::optional<BootTime> idle_since; ///< nullopt: at work, or its use is not known
};

struct Look {
  Now at;
  std::vector<Device> devices;
  std::string why;          ///< why there are none
  bool owners_known = true; ///< false: no processes are told, whoever is there
};

/// The GPUs of a snapshot; at most 32.
Look make_look(GpuSnapshot snapshot, const Now& at);

/// Fills `jobs` and `others` by the owners of the processes. A job that is not this daemon's is a
/// stranger's, and forgotten.
void count_owners(Look& look, const std::function<bool(const std::string& job_id)>& is_ours);

/// Where nobody could say who is on the GPUs, it is who was there a moment ago.
void carry_owners(Look& look, const Look* before);

/// Fills `idle_since`. Nobody is taken for idle in a time in which nobody looked.
void carry_idleness(Look& look, const Look* before);

/// Whether anything goes on that is worth another look soon.
bool differs(const Look& before, const Look& now);

/// Whether a job of ours is on a GPU that is at work, or of which that is not known.
bool is_job_at_work(const Look& look);

/// As the core wants it: GPUs and the MIG devices of each.
policy::Gpus to_policy(const Look& look);

/// Whether a job can depend on what changed: which there are, who is on them, whether they are at
/// work, a twentieth of the memory, their errors.
bool matters(const policy::Gpus& before, const policy::Gpus& now);

GpuSample sample_of(const Device& device, const Now& at);

} // namespace gpujob::gpu
