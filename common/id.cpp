// SPDX-License-Identifier: Apache-2.0
#include "common/id.h"

#include "common/text.h"

#include <cstdint>
#include <fmt/format.h>
#include <sys/random.h>

namespace gpujob {

std::string random_id() {
  constexpr std::string_view k_letters = "abcdefghjkmnpqrstvwxyz";
  constexpr std::string_view k_all = "0123456789abcdefghjkmnpqrstvwxyz";
  std::uint64_t bits = 0;
  // Cannot fail for 8 bytes once the kernel's pool is ready; a short read leaves fewer random bits.
  (void)!::getrandom(&bits, sizeof bits, 0);
  std::string id(1, k_letters[bits % k_letters.size()]);
  bits /= k_letters.size();
  while (id.size() < 8) {
    id += k_all[bits % k_all.size()];
    bits /= k_all.size();
  }
  return id;
}

Result<void> check_job_name(std::string_view name) {
  const auto refuse = [&](const char* why) {
    return Error{Errc::usage, fmt::format("job name: '{}': {}: choose another --name",
                                          printable(name.substr(0, 60)), why)};
  };
  if (name.empty()) {
    return refuse("is empty");
  }
  if (name.size() > 100) {
    return refuse("is longer than 100 bytes");
  }
  if (!is_utf8(name)) {
    return refuse("is not UTF-8");
  }
  if (name.find('/') != std::string_view::npos) {
    return refuse("has a slash");
  }
  if (printable(name) != name) {
    return refuse("has a control character");
  }
  if (name == "." || name == ".." || name.front() == '-') {
    return refuse("is '.', '..' or begins with '-'");
  }
  return {};
}

} // namespace gpujob
