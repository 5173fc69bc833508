// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/sharing.h"

#include "daemon/durable/hashing.h"

#include <fmt/format.h>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace gpujob::durable {

namespace {

struct Found {
  std::string at;
  std::string keeper;
};

using Contents = std::map<std::pair<std::uint64_t, std::string_view>, Found>;

std::string shared_path(const Manifest& m, const ManifestFile& file) {
  return file.at.empty() ? fmt::format("attempts/{}-{}/{}/{}/{}/{}", m.attempt, m.session,
                                       name::k_checkpoints, m.seq, name::k_data, file.path)
                         : file.at;
}

Contents contents_of(const std::vector<const StoredCheckpoint*>& stored) {
  Contents out;
  for (const auto* checkpoint : stored) {
    const auto keeper = checkpoint->path + "/" + name::k_manifest;
    for (const auto& file : checkpoint->manifest.files) {
      if (file.size > 0) { // an empty one costs nothing
        out.insert_or_assign({file.size, file.sha256},
                             Found{shared_path(checkpoint->manifest, file), keeper});
      }
    }
  }
  return out;
}

template <typename IsGood>
Sharing share_where(const Manifest& m, const std::vector<const StoredCheckpoint*>& stored,
                    IsGood is_good) {
  const auto contents = contents_of(stored);
  auto out = share_nothing(m);
  std::set<std::string> keepers;
  for (auto& file : out.manifest.files) {
    const auto found = contents.find({file.size, file.sha256});
    if (found == contents.end()) {
      continue;
    }
    file.at = found->second.at;
    if (is_good(file)) {
      keepers.insert(found->second.keeper);
    } else {
      file.at.clear();
    }
  }
  out.keepers.assign(keepers.begin(), keepers.end());
  return out;
}

} // namespace

bool is_within_reach(const AttemptKey& attempt, const AttemptKey& writer) {
  return attempt.attempt < writer.attempt ||
         (attempt.attempt == writer.attempt && attempt.session == writer.session);
}

std::uint64_t Sharing::needed() const {
  std::uint64_t sum = 0;
  for (const auto& file : manifest.files) {
    sum += file.at.empty() ? file.size : 0;
  }
  return sum;
}

Sharing share_nothing(const Manifest& m) {
  Sharing out{m, {}};
  for (auto& file : out.manifest.files) {
    file.at.clear();
  }
  return out;
}

Sharing share(const Manifest& m, const std::vector<const StoredCheckpoint*>& stored) {
  return share_where(m, stored, [](const ManifestFile&) { return true; });
}

Sharing share_proven(const std::string& dir, const Manifest& m,
                     const std::vector<const StoredCheckpoint*>& stored) {
  const auto job = job_dir(dir, m.job);
  return share_where(m, stored, [&](const ManifestFile& file) {
    return verify_file(file, job + "/" + file.at).has_value();
  });
}

} // namespace gpujob::durable
