// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/policy/gpu_choice.h"
#include "daemon/policy/world.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// Who is given which GPU. Pure.
namespace gpujob::policy {

/// The GPUs as one decision finds them. Jobs ask in the order of the queue; what one is given, or
/// waits for in its turn, no later one gets. It points into the world, which must not change.
///
/// A GPU is free for a job when no other job has it or is seen on it and nine tenths of its memory
/// are free. With --gpu-memory so much of its memory must be free, and the others on it must have
/// said how much they need, too. Just after a job has ended its memory may still be seen in use,
/// and in a container as a stranger's: for a while that counts as what comes free.
class GpuPool {
public:
  GpuPool(const World& w, Now now);

  /// What the job, which asks for GPUs, is given; nullopt: it waits.
  std::optional<std::vector<AssignedGpu>> take(const Job& job);
  /// A job that said nothing of GPUs starts: it may be about to use one.
  void expect_on_some(const Job& job) { m_unplaced.push_back(&job); }

  /// There are GPUs, and each is some job's own.
  [[nodiscard]] bool all_assigned() const;
  /// Each is some job's own or kept for one that comes before.
  [[nodiscard]] bool all_spoken_for() const;
  /// When it is clear, without any news, what is not clear now: whether a job that started is about
  /// to use one, whether what is seen in use comes free.
  [[nodiscard]] std::optional<BootTime> settled_at() const { return m_settled_at; }

  /// Why the queued job is not given its GPUs: for people.
  [[nodiscard]] std::string why_not(const Job& job) const;
  /// Names of jobs that GPUs are assigned to.
  [[nodiscard]] std::string holders() const;

private:
  struct Place {
    const Gpu* gpu = nullptr;
    std::vector<const Job*> holders; ///< at work, with this GPU assigned
    bool kept = false;               ///< for one that comes before
  };
  /// What keeps a job from a GPU: nothing, work of ours that ends one day, or what is not ours.
  enum class Bar : std::uint8_t { none, ours, theirs };

  void note_unplaced(const Job& job, Now now);
  [[nodiscard]] std::size_t place_of(const Gpu* gpu) const;
  [[nodiscard]] Bar bar(const Place& p, const Job& job) const;
  [[nodiscard]] bool is_shared_out(const Place& p, const Job& job) const;
  [[nodiscard]] std::optional<std::int64_t> room(const Place& p, const Job& job) const;
  [[nodiscard]] bool is_untouched(const Place& p) const;
  [[nodiscard]] bool leaves_enough(const std::vector<Place*>& taken) const;
  [[nodiscard]] std::string bar_text(const Place& p, const Job& job) const;
  [[nodiscard]] std::string by_whom(const Place& p) const;
  [[nodiscard]] std::string turn_text(const Job& job) const;

  const World& m_world;
  std::vector<Place> m_places;        ///< every GPU that a job can be given
  std::vector<const Job*> m_unplaced; ///< they said nothing of GPUs and started a moment ago
  std::optional<BootTime> m_settled_at;
  bool m_look_due = false;      ///< what is known of them may be old
  bool m_waits_to_look = false; ///< some job that comes before, for the first look
};

} // namespace gpujob::policy
