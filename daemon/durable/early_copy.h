// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/tree.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/secure.h"

#include <atomic>
#include <cstdint>
#include <thread>

namespace gpujob::durable {

/// Copies the files of a checkpoint into the durable directory while they are being hashed: hashing
/// waits for the processor, copying for the storage. Nothing of it counts until mirror() takes it
/// over and reads it back. Only this thread touches the durable directory meanwhile, so that a hung
/// mount does not keep the checkpoint from being verified here.
class EarlyCopy {
public:
  /// `q` must outlive it.
  explicit EarlyCopy(const SecureRequest& q) : m_q(q) {}
  EarlyCopy(const EarlyCopy&) = delete;
  EarlyCopy& operator=(const EarlyCopy&) = delete;
  /// Waits, and removes what nobody has taken over.
  ~EarlyCopy();

  /// Begins with what is not there for sure: files of a size that no stored one has. Once.
  void start(const Tree& tree);
  /// Waits until it has done what it can; later calls say the same.
  const Paths& wait();
  /// What wait() named is the caller's now: <seq>.partial/data/... Bytes.
  void hand_over() { m_handed_over = true; }
  [[nodiscard]] std::uint64_t bytes() const { return m_bytes; }

private:
  void run();
  [[nodiscard]] Result<void> copy_all();
  [[nodiscard]] Tree worth_copying() const;

  const SecureRequest& m_q;
  Tree m_tree;
  std::string m_partial; ///< empty: nothing was begun
  Paths m_there;
  std::uint64_t m_bytes = 0;
  std::atomic<bool> m_stop = false;
  bool m_handed_over = false;
  std::thread m_thread;
};

} // namespace gpujob::durable
