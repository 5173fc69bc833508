// SPDX-License-Identifier: Apache-2.0
#include "client/gpu/ask.h"

#include "client/bench/program.h"
#include "client/daemon_spawn.h"
#include "client/environment.h"
#include "common/errc.h"
#include "common/error_words.h"
#include "common/json.h"
#include "common/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using namespace std::chrono_literals;
using Reply = Result<std::optional<nlohmann::json>>;

/// A driver initialises within a second or so (longer without its persistence daemon); one that
/// hangs does so for ever.
constexpr auto k_deadline = 3s;

Reply read_reply(const ProgramRun& run) {
  if (run.output.empty() || run.code != 0) {
    auto said = printable(
        trim(run.complaints.substr(run.complaints.size() > 200 ? run.complaints.size() - 200 : 0)));
    return Error{Errc::io, fmt::format("gpu: gpujob-gpuprobe: ended with {}{}{}", run.code,
                                       said.empty() ? "" : ": ", said)};
  }
  auto reply = json::parse(run.output, "gpujob-gpuprobe");
  if (!reply) {
    return reply.error();
  }
  json::Reader r(*reply, "gpujob-gpuprobe");
  if (!r.boolean_or("ok", false)) {
    return Error{errc_from_text(r.text_or("errc", "io")),
                 "gpu: " + printable(json::error_words(*reply, "error", "no reason given"))};
  }
  return std::optional(std::move(*reply));
}

} // namespace

Reply ask_gpus() {
  const auto program = find_own_program("gpujob-gpuprobe", "gpu", own_environment());
  if (!program) {
    return program.error();
  }
  const auto run = run_program(*program, {}, k_deadline, R"({"op":"snapshot","programs":true})");
  if (!run) {
    return Error{Errc::io, "gpu: " + *program + ": " + run.error().text};
  }
  switch (run->end) {
  case ProgramRun::End::exited:
    return read_reply(*run);
  case ProgramRun::End::too_slow:
    return Error{Errc::io, "gpu: the driver did not answer within 3 s: a GPU that has fallen off "
                           "the bus does that: see dmesg for Xid or NVRM"};
  case ProgramRun::End::too_much:
    return Error{Errc::bad_data, "gpu: gpujob-gpuprobe: answers more than 64 KiB"};
  case ProgramRun::End::interrupted:
    break;
  }
  return std::optional<nlohmann::json>();
}

} // namespace gpujob::client
