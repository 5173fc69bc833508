// SPDX-License-Identifier: Apache-2.0
#include "client/run_gpus.h"

#include "client/run_option.h"
#include "client/run_request.h"
#include "common/duration.h"
#include "common/gpu_request.h"
#include "common/text.h"

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace gpujob::client {

namespace {

/// "30m", or "off".
Result<void> read_idle(const char* option, const std::string& text, Duration& into) {
  if (text.empty()) {
    return {};
  }
  if (text == "off") {
    into = Duration::zero();
    return {};
  }
  const auto read = parse_duration(text, std::string("run: ") + option);
  if (!read) {
    return read.error();
  }
  if (*read < std::chrono::seconds{1}) {
    return bad_option(option, text, "too short to tell: use 1s or more, or off");
  }
  into = *read;
  return {};
}

} // namespace

Result<void> read_gpu_options(const RunOptions& o, JobSpec& spec) {
  if (!o.gpus.empty()) {
    const auto request = parse_gpu_request(o.gpus, "run: --gpus");
    if (!request) {
      return request.error();
    }
    spec.gpus = request->kind == GpuRequest::Kind::none ? "none" : o.gpus;
  }
  if (!o.gpu_memory.empty()) {
    auto size = parse_size(o.gpu_memory, "run: --gpu-memory");
    if (!size) {
      return size.error();
    }
    if (*size < 1 || *size > k_most_gpu_memory) {
      return bad_option("--gpu-memory", o.gpu_memory,
                        "no GPU has so much or so little: write it as 8G");
    }
    if (spec.gpus.empty() || spec.gpus == "none") {
      return bad_option("--gpu-memory", o.gpu_memory, "needs --gpus: say how many, or which");
    }
    spec.gpu_memory = *size;
  }
  GPUJOB_TRY(read_idle("--idle-gpu", o.idle_gpu, spec.idle_gpu));
  return read_idle("--idle-gpu-stop", o.idle_gpu_stop, spec.idle_gpu_stop);
}

} // namespace gpujob::client
