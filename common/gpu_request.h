// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob {

/// More than any machine has, and more memory than any GPU.
inline constexpr std::int64_t k_most_gpus = 64;
inline constexpr std::int64_t k_most_gpu_memory = std::int64_t{1} << 50;

/// What `--gpus` asks for. A plain value.
struct GpuRequest {
  enum class Kind : std::uint8_t {
    none,  ///< it must not see a GPU
    count, ///< so many, whichever are free
    all,   ///< every one that can be used
    named, ///< just these
  };
  Kind kind = Kind::none;
  std::int64_t count = 0;
  /// "0", "0:1" (a MIG device of GPU 0), "GPU-5f1c…" or the beginning of a UUID.
  std::vector<std::string> names;

  friend bool operator==(const GpuRequest&, const GpuRequest&) = default;
};

/// "2" (that many; "0" and "none": no GPU), "all", "0,2", "GPU-5f1c,MIG-01", "device=0": one by its
/// index, which alone would be a number of GPUs. `what` begins the error (Errc::usage).
Result<GpuRequest> parse_gpu_request(std::string_view text, std::string_view what);

} // namespace gpujob
