// SPDX-License-Identifier: Apache-2.0
#include "client/run_routes.h"

#include "client/run_option.h"
#include "common/layout.h"
#include "common/recipe.h"
#include "common/text.h"
#include "common/tree.h"

#include <fmt/format.h>
#include <set>

namespace gpujob::client {

namespace {

/// It is part of every listing of the job.
constexpr std::size_t k_max_command = 4096;

/// Each is copied under its own name, so these must be names, and different ones.
Result<void> check_copies(const std::vector<std::string>& paths) {
  std::set<std::string> names;
  for (const auto& path : paths) {
    const auto name = base_name(path);
    if (name.empty() || name == "/" || name == "." || name == "..") {
      return bad_option("--checkpoint-copy", path, "not a file or directory by name: name one");
    }
    if (layout::is_temporary_name(name)) {
      return bad_option("--checkpoint-copy", path,
                        "its name says that it is being written: name what it becomes");
    }
    if (!names.insert(name).second) {
      return bad_option("--checkpoint-copy", path,
                        "another one has the same name: name a directory that holds both");
    }
  }
  return {};
}

Result<void> check_recipe(const std::string& name) {
  if (name == "auto" || find_recipe(name) != nullptr) {
    return {};
  }
  std::string known = "auto";
  for (const auto& recipe : recipes()) {
    known += fmt::format(", {}", recipe.name);
  }
  return bad_option("--recipe", name, fmt::format("not known: use one of {}", known));
}

} // namespace

Result<void> check_routes(const JobSpec& spec) {
  if (spec.checkpoint_cmd.size() > k_max_command) {
    return bad_option("--checkpoint-cmd", spec.checkpoint_cmd, "too long: put it into a script");
  }
  GPUJOB_TRY(check_recipe(spec.recipe));
  return check_copies(spec.checkpoint_copy);
}

} // namespace gpujob::client
