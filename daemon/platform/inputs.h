// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/result.h"

#include <optional>
#include <string>
#include <vector>

namespace gpujob::platform {

/// What one source says, as it says it; absent: nothing.
struct SettingTexts {
  std::optional<std::string> platform, plan, session_limit, session_start, durable, slots, notices,
      on_warning, flush;
  std::optional<std::string> state_dir, runtime_dir;
};

/// Everything people said before the profile has a word.
struct Inputs {
  SettingTexts flags, environment, config;
  std::string config_path;      ///< whether it exists or not
  std::vector<std::string> env; ///< of this process; for collect_facts, goes nowhere else
  std::string home;
  unsigned uid = 0;
};

/// The environment of this process: the room's only look at it.
std::vector<std::string> read_environment();

/// Takes GPUJOB_* from `env` and reads $XDG_CONFIG_HOME/gpujob/config.json, else
/// ~/.config/gpujob/config.json; no file is an empty one. Errors (Errc::bad_data) name file and
/// key. With `revive` a broken file is an empty one too: the stored settings win anyway, and a slip
/// in an editor must not keep the daemon from running jobs.
Result<Inputs> make_inputs(SettingTexts flags, std::vector<std::string> env, unsigned uid,
                           bool revive = false);

/// For choose_runtime_dir and choose_state_dir.
PathInputs path_inputs(const Inputs& in);

} // namespace gpujob::platform
