// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/detect.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace gpujob::shim {

namespace {

bool is_false(std::string_view value) {
  constexpr std::array<std::string_view, 6> k_false{"false", "False", "0", "no", "off", "n"};
  return std::ranges::find(k_false, value) != k_false.end();
}

/// Whether argv switches `flag` on: "--x", "--x=True", "--x true"; with - or _ within.
bool has_flag(const std::vector<std::string>& argv, std::string_view flag) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    std::string name = argv[i].substr(0, argv[i].find('='));
    std::ranges::replace(name, '_', '-');
    if (name != flag) {
      continue;
    }
    if (name.size() < argv[i].size()) {
      return !is_false(std::string_view(argv[i]).substr(name.size() + 1));
    }
    return i + 1 == argv.size() || !is_false(argv[i + 1]);
  }
  return false;
}

struct Mark {
  std::string_view flag, recipe, why;
};

} // namespace

Detected detect(std::string_view chosen, const std::vector<Candidate>& candidates) {
  if (const auto* recipe = find_recipe(chosen)) {
    return {recipe, "--recipe"};
  }
  constexpr std::array<Mark, 2> k_marks{
      {{"--exit-signal-handler", "megatron", "its command line has --exit-signal-handler"},
       {"--enable-jit-checkpoint", "hf-trainer", "its command line has --enable_jit_checkpoint"}}};
  for (const auto& mark : k_marks) {
    if (std::ranges::any_of(candidates,
                            [&](const auto& c) { return has_flag(c.argv, mark.flag); })) {
      return {find_recipe(mark.recipe), std::string(mark.why)};
    }
  }
  if (std::ranges::any_of(candidates, &Candidate::torch_agent)) {
    return {find_recipe("torchrun"), "torchrun's agent is one of its processes"};
  }
  return {&plain_recipe(), "nothing better is known of it"};
}

} // namespace gpujob::shim
