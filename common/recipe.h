// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace gpujob {

/// How a framework wants to be asked to save, and what it does then.
struct Recipe {
  std::string_view name;
  std::vector<int> signals; ///< best first
  bool exits = false;       ///< it ends after every save, asked to go on or not
  std::string_view layout;  ///< what it saves, for people
};

/// All of them; the last is "plain", which fits whatever is not known better.
std::span<const Recipe> recipes();
/// nullptr: no recipe of that name. "auto" is none.
const Recipe* find_recipe(std::string_view name);
const Recipe& plain_recipe();

} // namespace gpujob
