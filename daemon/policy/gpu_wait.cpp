// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"
#include "daemon/policy/core.h"
#include "daemon/policy/gpu_assign.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

/// What a job that waits for GPUs is told.
namespace gpujob::policy {

namespace {

/// Of a machine with many GPUs only so many are explained.
constexpr std::size_t k_explained = 4;

/// "2.1 of 16.1 GB".
std::string part_text(std::int64_t part, std::int64_t whole) {
  const auto text = [](std::int64_t bytes) {
    return format_bytes(static_cast<unsigned long long>(std::max<std::int64_t>(bytes, 0)));
  };
  auto first = text(part);
  const auto all = text(whole);
  if (const auto unit = all.substr(all.find(' ')); first.ends_with(unit)) {
    first.resize(first.find(' '));
  }
  return fmt::format("{} of {}", first, all);
}

/// Of the jobs that wait for GPUs; nullptr: none does.
const Job* first_for_gpus(const World& w) {
  const Job* first = nullptr;
  for (const auto& [ask, line] : w.asks) {
    const auto& job = w.jobs.at(line.begin()->second);
    if (wants_gpus(job.spec) && (first == nullptr || job.order < first->order)) {
      first = &job;
    }
  }
  return first;
}

} // namespace

std::string GpuPool::holders() const {
  std::set<std::string> names;
  for (const auto& p : m_places) {
    for (const auto* j : p.holders) {
      names.insert(j->spec.name);
    }
  }
  std::string text;
  for (const auto& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

std::string GpuPool::bar_text(const Place& p, const Job& job) const {
  const auto label = gpu_label(m_world.gpus, *p.gpu);
  for (const auto* j : p.holders) {
    if (j->id != job.id) {
      return fmt::format("{} is used by job {}", label, j->spec.name);
    }
  }
  for (const auto& id : p.gpu->jobs) {
    const auto it = m_world.jobs.find(id);
    if (id != job.id) {
      return fmt::format("{} is used by job {}", label,
                         it == m_world.jobs.end() ? printable(id) : it->second.spec.name);
    }
  }
  const auto left = room(p, job);
  if (!left) {
    return fmt::format("{} is used by a program that is not ours", label);
  }
  return fmt::format("{} has {} free{}", label,
                     part_text(*p.gpu->memory_free, *p.gpu->memory_total), by_whom(p));
}

/// Whose the memory is that is used. In a container a driver's pids are nobody's: there the program
/// may be a job that said nothing of GPUs.
std::string GpuPool::by_whom(const Place& p) const {
  if (!p.gpu->strangers) {
    return {};
  }
  for (const auto& id : m_world.active) {
    const auto& job = m_world.jobs.at(id);
    const bool seen = std::any_of(m_places.begin(), m_places.end(),
                                  [&](const Place& at) { return at.gpu->jobs.contains(id); });
    if (is_at_work(job) && job.spec.gpus.empty() && !seen) {
      return fmt::format(" (a program that is not ours, or job {})", job.spec.name);
    }
  }
  return " (a program that is not ours)";
}

/// There are free ones, and it does not get them.
std::string GpuPool::turn_text(const Job& job) const {
  if (!m_unplaced.empty()) {
    return fmt::format("job {}, which was started without --gpus, may be about to use one",
                       m_unplaced.front()->spec.name);
  }
  const auto* first = first_for_gpus(m_world);
  return first != nullptr && first->order < job.order
             ? fmt::format("job {} comes first", first->spec.name)
             : "it starts at once";
}

std::string GpuPool::why_not(const Job& job) const {
  if (!m_world.gpus.looked || is_blind(m_world.gpus)) {
    return "waits for GPUs: " + printable(m_world.gpus.why);
  }
  const auto choice = choose_gpus(m_world.gpus, job.spec);
  if (!choice.never.empty()) {
    return choice.never;
  }
  std::vector<std::string> bars;
  for (const auto* gpu : choice.of) {
    if (const auto& place = m_places[place_of(gpu)]; bar(place, job) != Bar::none) {
      bars.push_back(bar_text(place, job));
    }
  }
  if (choice.of.size() - bars.size() >= choice.need) {
    bars = {turn_text(job)};
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(bars.size(), k_explained); ++i) {
    text += (i == 0 ? "" : ", ") + bars[i];
  }
  if (bars.size() > k_explained) {
    text += fmt::format(", and {} more", bars.size() - k_explained);
  }
  return fmt::format("waits for {} GPU{}: {}", choice.need, choice.need == 1 ? "" : "s", text);
}

std::optional<std::string> gpu_refusal(const World& w, const JobSpec& spec) {
  if (!wants_gpus(spec) || !w.gpus.looked || is_blind(w.gpus)) {
    return std::nullopt;
  }
  auto never = choose_gpus(w.gpus, spec).never;
  return never.empty() ? std::nullopt : std::optional(std::move(never));
}

std::string reason_now(const World& w, const Job& job, Now now) {
  const auto& stored = reason_text(job);
  const bool waits =
      std::holds_alternative<Queued>(job.state) && !(job.not_before && *job.not_before > now.boot);
  const bool in_slots = w.slots_said || !wants_gpus(job.spec);
  if (!waits || (in_slots && jobs_in_slots(w) >= w.slots)) {
    return stored;
  }
  if (wants_gpus(job.spec)) {
    return GpuPool(w, now).why_not(job);
  }
  if (!job.spec.gpus.empty()) {
    return stored;
  }
  if (const GpuPool pool(w, now); !w.slots_said && pool.all_assigned()) {
    return fmt::format("waits for a GPU: every one is given to a job ({}), and without --gpus it "
                       "might use one of them: --gpus none if it needs none",
                       pool.holders());
  }
  const auto* first = first_for_gpus(w);
  return first != nullptr && first->order < job.order
             ? fmt::format("waits for a GPU: job {} comes first, and without --gpus it might use "
                           "what that one waits for: --gpus none if it needs none",
                           first->spec.name)
             : stored;
}

} // namespace gpujob::policy
