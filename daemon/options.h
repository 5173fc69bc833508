// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/platform/inputs.h"

#include <optional>

namespace gpujob {

/// gpujobd's command line. Not for people: `gpujob daemon start` is.
struct Options {
  platform::SettingTexts settings;
  bool background = false;
  bool revive = false;
  bool helper = false;
  std::optional<int> ready_fd;
};

/// The options, or an exit code when there is nothing more to do (--help, --version, bad usage).
struct Parsed {
  std::optional<Options> options;
  int exit_code = 0;
};
Parsed parse_options(int argc, char** argv);

} // namespace gpujob
