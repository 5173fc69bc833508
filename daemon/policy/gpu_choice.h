// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/job_spec.h"
#include "daemon/policy/gpus.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Which GPUs of this machine a request can mean, whoever uses them now. Pure.
namespace gpujob::policy {

/// "GPU 0"; of a MIG device "GPU 0:1"; of a vendor that is not the machine's first "amd GPU 0".
std::string gpu_label(const Gpus& gpus, const Gpu& gpu);
std::string gpu_label(const Gpus& gpus, std::string_view uuid);

/// Where there are GPUs of NVIDIA, numbers, indices and `all` mean those: a graphics chip in the
/// processor is none to train on. Others are named by UUID.
std::string_view first_vendor(const Gpus& gpus);

/// Those that a job can be given without naming them. They point into `gpus`.
std::vector<const Gpu*> usable_gpus(const Gpus& gpus);

/// The last look failed: what there is stands as it was before, and nothing of it can be used.
bool is_blind(const Gpus& gpus);

struct GpuChoice {
  std::vector<const Gpu*> of; ///< any `need` of them will do; they point into the Gpus
  std::size_t need = 0;
  std::string never; ///< why this machine can never give them; empty: it can
};

/// `spec` asks for GPUs. What it may mean, once somebody has looked.
GpuChoice choose_gpus(const Gpus& gpus, const JobSpec& spec);

} // namespace gpujob::policy
