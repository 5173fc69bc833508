// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/secure.h"

#include "common/file.h"
#include "common/layout.h"
#include "common/tree.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/make_durable.h"
#include "daemon/durable/make_remote.h"

#include <chrono>
#include <unistd.h>

namespace gpujob::durable {

namespace {

constexpr int k_tries = 3;
constexpr std::size_t k_max_files = 1000000;

class Stopwatch {
public:
  explicit Stopwatch(double& sum) : m_sum(sum) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    m_sum += std::chrono::duration<double>(std::chrono::steady_clock::now() - m_start).count();
  }

private:
  double& m_sum;
  std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
};

/// Errc::refused when it is not whole, or changed meanwhile.
Result<Manifest> take_manifest(const SecureRequest& q, EarlyCopy& early) {
  const auto before = list_tree(q.path, k_max_files);
  if (!before) {
    return before.error();
  }
  GPUJOB_TRY(layout::check_complete(q.path));
  if (!q.dir.empty() && q.remote.empty()) {
    early.start(*before);
  }
  auto files = hash_tree(*before);
  if (!files) {
    return files.error();
  }
  // Also what came or went: the test of completeness may have seen another set of files.
  const auto after = list_tree(q.path, k_max_files);
  if (!after || *after != *before) {
    return Error{Errc::refused, "checkpoint: " + q.path + ": changed while it was copied"};
  }
  return Manifest{q.key.job,
                  q.key.attempt,
                  q.key.session,
                  q.seq,
                  q.path,
                  q.how,
                  q.step,
                  q.at_ns,
                  before->name,
                  before->is_dir,
                  before->dirs,
                  std::move(*files),
                  Took{q.save_s, std::nullopt, std::nullopt, q.storage},
                  q.past};
}

Result<void> write_local_manifest(const SecureRequest& q, const Manifest& m) {
  if (q.manifest.empty()) {
    return {};
  }
  GPUJOB_TRY(make_directories(parent_path(q.manifest)));
  return atomic_replace(q.manifest, encode(m));
}

void drop_local_manifest(const SecureRequest& q) {
  if (!q.manifest.empty()) {
    ::unlink(q.manifest.c_str());
  }
}

/// False: it changed, or could not be read, and is worth another try.
bool try_once(const SecureRequest& q, Secured& out) {
  EarlyCopy early(q);
  Result<Manifest> m = [&] {
    const Stopwatch watch(out.verify_s);
    return take_manifest(q, early);
  }();
  out.verified = m.has_value();
  out.unknown = !m && m.error().code == Errc::io;
  if (!m) {
    out.why = m.error().text;
    return !out.unknown && m.error().code != Errc::refused;
  }
  out.why.clear();
  m->took.verify_s = out.verify_s;
  out.files = m->files.size();
  out.bytes = m->bytes();
  const auto local = write_local_manifest(q, *m);
  if (!local) {
    out.why = local.error().text;
  }
  if (!q.dir.empty()) {
    auto stored = [&] {
      const Stopwatch watch(out.copy_s);
      return q.remote.empty() ? make_durable(q, *m, early, out)
                              : make_remote(Remote(q.dir, q.remote), q, *m, out);
    }();
    if (!stored && stored.error().code == Errc::refused) {
      drop_local_manifest(q); // it describes what is no longer there, and the next try may not end
      out.verified = false;
      out.why = stored.error().text;
      return false;
    }
    out.durable_path = stored ? *stored : std::string();
    out.durable_error = stored ? std::string() : stored.error().text;
  }
  // Without any manifest no later attempt could trust it.
  out.verified = local.has_value() || !out.durable_path.empty();
  out.unknown = !out.verified;
  return true;
}

} // namespace

Secured secure(const SecureRequest& request) {
  Secured out;
  for (int i = 0; i < k_tries; ++i) {
    if (try_once(request, out)) {
      break;
    }
  }
  if (!out.verified && !out.unknown) {
    drop_local_manifest(request);
  }
  return out;
}

} // namespace gpujob::durable
