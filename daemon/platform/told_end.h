// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/platform/profile.h"
#include "daemon/platform/settings.h"

#include <optional>
#include <string>
#include <vector>

/// The platform itself says when this session ends: a variable, or a program that is asked.
namespace gpujob::platform {

/// What to run: it writes the time that is left on stdout.
struct EndQuestion {
  std::string exe;
  std::vector<std::string> arguments;
};

/// Profile::end_program for the session `key`, where it is on the PATH of `env` ("NAME=value");
/// nullopt: nobody is asked.
std::optional<EndQuestion> find_end_question(const Profile& profile, const std::string& key,
                                             const std::vector<std::string>& env);

/// squeue's %L: "[days-][hours:]minutes:seconds". nullopt: there is no limit, or none yet
/// (UNLIMITED, NOT_SET). INVALID, which means that it has passed, is an error like all else.
Result<std::optional<Duration>> read_time_left(const std::string& text);

/// Takes over that the session ends at `at`, by `who`, unless a person said otherwise or it is no
/// news (within 5 s: who is asked answers in whole seconds). Returns whether it did.
bool take_told_end(SessionSettings& settings, const Profile& profile, BootTime at,
                   const std::string& who);

} // namespace gpujob::platform
