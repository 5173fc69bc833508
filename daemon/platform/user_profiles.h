// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/platform/profile.h"
#include "daemon/platform/settings.h"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

/// Profiles of the user: DIR/<id>.json overrides the built-in profile of that name field by field,
/// or is a whole one of its own.
namespace gpujob::platform {

/// Beside the config file: ~/.config/gpujob/platforms.
std::string user_profile_dir(const std::string& config_path);

/// `builtin` with what `user` says instead. A limit of the user's takes the place of its fields in
/// every built-in one of the same type and the same resource, unit, currency, path, variants and
/// plans, as far as it names them; where there is none it is added. Where it names no source, its
/// file is one, as of `as_of`. Errc::bad_data names `path` and the key.
Result<nlohmann::json> merge_profile(nlohmann::json builtin, const nlohmann::json& user,
                                     const std::string& path, const std::string& as_of);

/// All profiles by priority: the built-in ones with those of `user_dir` (empty, or not there: none)
/// laid over them. Errors name the file and the key. With `problems` a file of the user's that is
/// wrong is passed over, and told there by its platform.
Result<std::vector<Profile>> load_profiles(const std::string& user_dir,
                                           std::map<std::string, std::string>* problems = nullptr);

/// What `gpujob limits set` writes: `user` (null: none yet) with these values. Keys: session, idle,
/// margin (a duration; session may be none), plan, machine, per_hour ("1.26", "8.5CNY"), and gpu,
/// tpu, cpu or machine_hours for a quota of a period; "default" takes what was set away.
/// Errc::usage names the key.
Result<nlohmann::json> with_values(nlohmann::json user, const Profile& profile,
                                   const std::map<std::string, std::string>& values);

/// Writes DIR/<profile.id>.json with these values, if what comes out is a profile, and returns
/// that.
Result<Profile> set_user_values(const std::string& dir, const Profile& profile,
                                const std::map<std::string, std::string>& values);

/// Takes over what `profile` now says, where neither a person nor the platform itself said
/// otherwise of this session: plan, limit and margin. A start that was derived and does not fit in
/// the new limit was none: the session began with its first daemon then, or begins now.
void follow_profile(SessionSettings& settings, const Profile& profile, Now now);

} // namespace gpujob::platform
