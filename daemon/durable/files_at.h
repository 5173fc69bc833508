// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/manifest.h"
#include "daemon/durable/place.h"

#include <string>
#include <utility>

namespace gpujob::durable {

/// Where the files of a manifest lie. A value; owns nothing.
class FilesAt {
public:
  /// On this VM, below the checkpoint's parent directory.
  static FilesAt parent(std::string dir) { return FilesAt(std::move(dir), {}); }
  /// In the durable directory: `checkpoint` is .../checkpoints/<seq>, and what it shares lies in
  /// other checkpoints of its job.
  static FilesAt stored(const std::string& checkpoint) {
    return FilesAt(checkpoint + "/" + name::k_data, job_dir_above(checkpoint));
  }

  [[nodiscard]] std::string path_of(const ManifestFile& file) const {
    return file.at.empty() || m_job.empty() ? m_own + "/" + file.path : m_job + "/" + file.at;
  }

private:
  FilesAt(std::string own, std::string job) : m_own(std::move(own)), m_job(std::move(job)) {}

  std::string m_own; ///< of those without `at`
  std::string m_job; ///< empty: nothing is shared there
};

} // namespace gpujob::durable
