// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Who the processes are that a driver lists by the pids of another namespace (a container: the
/// host's), judged by what can be seen from here: which of our processes have the GPU open, and how
/// much of its memory comes and goes. Pure: no /proc, no clock.
namespace gpujob::gpu {

/// As the driver lists it; pid 0: it does not say which.
struct ListedProcess {
  int pid = 0;
  std::optional<std::int64_t> memory;
};

/// One that we can see and that has this GPU open.
struct OpenProcess {
  int pid = 0, parent = 0;
  std::uint64_t start_ticks = 0;
  std::optional<std::int64_t> memory; ///< by its fdinfo, where the driver tells
  bool computes = false;              ///< it has the unified memory device open, too
};

/// One look at one GPU.
struct GpuUsers {
  std::vector<ListedProcess> listed;
  std::vector<OpenProcess> open;
};

/// Who a listed process is.
struct JoinedProcess {
  int listed = 0;        ///< its pid, as listed
  std::vector<int> ours; ///< one: it is that; several: it is one of them; none: nobody that we see
  std::string how;       ///< "device", "fdinfo", "memory"; empty: nobody
};

/// For each of `now.listed`, in its order. `before` is the look before this, and `known` what was
/// made of it: who was told apart once (not by "device") stays it. Without one both are empty.
///  - "fdinfo": the memory that the driver tells of both is the same, and nobody else's is
///  - "memory": both came since the last look, alone, or grew by the same since then, alone
///  - "device": one is listed, and one has the GPU open; a child that inherited its parent's open
///    files counts only where more are listed than there are such parents
std::vector<JoinedProcess> join_processes(const GpuUsers& now, const GpuUsers* before,
                                          const std::vector<JoinedProcess>& known);

} // namespace gpujob::gpu
