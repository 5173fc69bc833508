// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/sayings.h"

#include "common/file.h"
#include "daemon/durable/mirror.h"
#include "daemon/durable/place.h"

#include <nlohmann/json.hpp>

namespace gpujob::durable {

namespace {

constexpr std::size_t k_max_bytes = 16U << 10U;
/// One a day for decades; more are not ours.
constexpr std::size_t k_most = 10'000;

} // namespace

Result<void> write_saying(const std::string& dir, const json::Json& said) {
  json::Reader r(said, "said");
  const auto id = r.text("id");
  if (r.ok() && !is_id(id)) {
    r.fail("id", "is not an id ([a-z0-9], 1 to 64)");
  }
  return r.ok() ? put_file(dir, dir + "/said/" + id + ".json", json::dump(said) + "\n")
                : Result<void>(r.error());
}

std::vector<json::Json> read_sayings(const std::vector<std::string>& roots, Problems& problems) {
  std::vector<json::Json> out;
  for (const auto& root : roots) {
    const auto names = names_in(root + "/said");
    if (!names) {
      problems.pass_over(root + "/said", names.error());
      continue;
    }
    for (const auto& name : *names) {
      const auto path = root + "/said/" + name;
      if (!name.ends_with(".json") || out.size() == k_most) {
        continue;
      }
      const auto text = read_file(path, k_max_bytes);
      auto j = text ? json::parse(*text, path) : Result<json::Json>(text.error());
      if (j) {
        out.push_back(std::move(*j));
      } else {
        problems.pass_over(path, j.error());
      }
    }
  }
  return out;
}

} // namespace gpujob::durable
