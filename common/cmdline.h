// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gpujob {

/// What to execute, byte for byte. `env` holds "NAME=value" entries: values may be secrets, so a
/// Cmdline travels only in a sealed memfd and is never logged, stored or turned into JSON.
struct Cmdline {
  std::vector<std::string> argv;
  std::string cwd;
  std::vector<std::string> env;

  friend bool operator==(const Cmdline&, const Cmdline&) = default;
};

/// "gpujob-cmdline 1" NUL, argc NUL, arguments each NUL, cwd NUL, envc NUL, entries each NUL.
std::string encode_cmdline(const Cmdline& c);
Result<Cmdline> decode_cmdline(std::string_view bytes);

/// A memfd with these bytes, sealed against every change (F_SEAL_WRITE|GROW|SHRINK|SEAL).
Result<Fd> make_sealed_memfd(std::string_view bytes);

/// Reads and decodes a memfd that a peer sent. Refuses one that is not sealed: its sender could
/// change it after we looked. At most 64 MiB.
Result<Cmdline> read_cmdline_memfd(int fd);

} // namespace gpujob
