// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gpujob::policy {

/// A GPU, or a MIG device of one, as the sampler last saw it. What is not known is not there.
struct Gpu {
  std::string uuid;   ///< "GPU-…", "MIG-…"; what CUDA_VISIBLE_DEVICES takes
  std::string parent; ///< of a MIG device: the GPU it is a part of; else empty
  std::string name;
  std::string vendor = "nvidia"; ///< nvidia, amd: which variables name it to a program
  std::int64_t index = 0;        ///< as its vendor counts; of a MIG device within its GPU
  bool usable = true;            ///< answers, and jobs can be given it (not a GPU split by MIG)
  std::optional<std::int64_t> memory_total, memory_free; ///< bytes
  std::optional<double> use_percent;                     ///< of the last interval
  std::set<std::string> jobs;                            ///< ours that are seen on it
  bool strangers = false; ///< processes on it that are no job's of ours
  std::int64_t xids = 0;  ///< errors that its driver told of since somebody looks; never falls
  std::optional<std::int64_t> last_xid;

  friend bool operator==(const Gpu&, const Gpu&) = default;
};

/// What this machine has. `why` says why there are none (for people), or that nobody has looked.
struct Gpus {
  std::vector<Gpu> list;
  std::string why = "not looked at yet";
  bool looked = false;

  friend bool operator==(const Gpus&, const Gpus&) = default;
};

} // namespace gpujob::policy
