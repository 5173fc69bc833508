// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/gpu_assign.h"

#include "common/gpu_request.h"

#include <algorithm>
#include <iterator>

namespace gpujob::policy {

using namespace std::chrono_literals;

namespace {

/// A job that said nothing of GPUs and has not touched one for so long is not going to: Python,
/// PyTorch and a model on its way to the GPU take less.
constexpr Duration k_settles = 1min;
/// A driver keeps some of a GPU's memory for itself, a desktop a little more.
constexpr std::int64_t k_free_tenths = 9;

bool holds(const Job& job, const Gpu& gpu) {
  return std::any_of(job.gpus.begin(), job.gpus.end(),
                     [&](const AssignedGpu& a) { return a.uuid == gpu.uuid; });
}

bool is_seen(const World& w, const JobId& id) {
  return std::any_of(w.gpus.list.begin(), w.gpus.list.end(),
                     [&](const Gpu& g) { return g.jobs.contains(id); });
}

bool free_enough(const Gpu& gpu) {
  // Divided, not multiplied: what a driver says may be any number.
  return *gpu.memory_free >= *gpu.memory_total / 10 * k_free_tenths;
}

} // namespace

GpuPool::GpuPool(const World& w, Now now)
    : m_world(w), m_look_due(w.look_due_until && now.boot < *w.look_due_until) {
  if (m_look_due) {
    m_settled_at = w.look_due_until;
  }
  for (const auto& gpu : w.gpus.list) {
    if (gpu.usable && !gpu.uuid.empty()) {
      m_places.push_back({&gpu, {}, false});
    }
  }
  if (m_places.empty()) {
    return;
  }
  for (const auto& id : w.active) {
    const auto& job = w.jobs.at(id);
    if (!is_at_work(job)) {
      continue;
    }
    for (auto& place : m_places) {
      if (holds(job, *place.gpu)) {
        place.holders.push_back(&job);
      }
    }
    note_unplaced(job, now);
  }
}

void GpuPool::note_unplaced(const Job& job, Now now) {
  if (!job.spec.gpus.empty() || is_seen(m_world, job.id)) {
    return;
  }
  const auto* running = std::get_if<Running>(&job.state);
  if (running != nullptr && running->since + k_settles <= now.boot) {
    return;
  }
  m_unplaced.push_back(&job);
  if (running != nullptr) {
    const auto at = running->since + k_settles;
    m_settled_at = m_settled_at ? std::min(*m_settled_at, at) : at;
  }
}

/// Every GPU that a choice holds can be given, so it has a place.
std::size_t GpuPool::place_of(const Gpu* gpu) const {
  const auto it =
      std::find_if(m_places.begin(), m_places.end(), [&](const Place& p) { return p.gpu == gpu; });
  return static_cast<std::size_t>(it - m_places.begin());
}

/// Others have it, or are on it, and not all of them have said what they need.
bool GpuPool::is_shared_out(const Place& p, const Job& job) const {
  const auto shares = [&](const Job& other) {
    return job.spec.gpu_memory && other.spec.gpu_memory;
  };
  const bool held = std::any_of(p.holders.begin(), p.holders.end(),
                                [&](const Job* j) { return j->id != job.id && !shares(*j); });
  return held || std::any_of(p.gpu->jobs.begin(), p.gpu->jobs.end(), [&](const JobId& id) {
           const auto it = m_world.jobs.find(id);
           const bool holder = std::any_of(p.holders.begin(), p.holders.end(),
                                           [&](const Job* j) { return j->id == id; });
           return id != job.id && !(holder && it != m_world.jobs.end() && shares(it->second));
         });
}

/// Memory that nobody uses or is still to use; nullopt: that is not known.
std::optional<std::int64_t> GpuPool::room(const Place& p, const Job& job) const {
  if (!p.gpu->memory_total || !p.gpu->memory_free) {
    return std::nullopt;
  }
  std::int64_t said = 0;
  for (const auto* j : p.holders) {
    said += j->id == job.id ? 0 : std::min(j->spec.gpu_memory.value_or(0), k_most_gpu_memory);
  }
  // What is used may be what they said, or part of it; with a stranger there that cannot be told.
  const auto used = *p.gpu->memory_total - *p.gpu->memory_free;
  return p.gpu->strangers ? *p.gpu->memory_free - said
                          : *p.gpu->memory_total - std::max(used, said);
}

GpuPool::Bar GpuPool::bar(const Place& p, const Job& job) const {
  if (is_shared_out(p, job)) {
    return Bar::ours;
  }
  const bool others = std::any_of(p.holders.begin(), p.holders.end(),
                                  [&](const Job* j) { return j->id != job.id; });
  const auto used = others || m_look_due ? Bar::ours : Bar::theirs;
  const auto left = room(p, job);
  if (!left) {
    // Then who is there decides.
    return others || p.gpu->strangers ? used : Bar::none;
  }
  const bool enough = job.spec.gpu_memory ? *left >= *job.spec.gpu_memory : free_enough(*p.gpu);
  return enough ? Bar::none : used;
}

bool GpuPool::is_untouched(const Place& p) const {
  return !p.kept && p.holders.empty() && p.gpu->jobs.empty() &&
         p.gpu->vendor == first_vendor(m_world.gpus) &&
         (p.gpu->memory_total && p.gpu->memory_free ? free_enough(*p.gpu) : !p.gpu->strangers);
}

/// For those that started a moment ago and may be about to use one.
bool GpuPool::leaves_enough(const std::vector<Place*>& taken) const {
  if (m_unplaced.empty()) {
    return true;
  }
  const auto left = std::count_if(m_places.begin(), m_places.end(), [&](const Place& p) {
    return is_untouched(p) && std::find(taken.begin(), taken.end(), &p) == taken.end();
  });
  return left >= std::ssize(m_unplaced);
}

std::optional<std::vector<AssignedGpu>> GpuPool::take(const Job& job) {
  if (!m_world.gpus.looked) {
    m_waits_to_look = m_look_due;
    return std::nullopt;
  }
  const auto choice = choose_gpus(m_world.gpus, job.spec);
  if (!choice.never.empty()) {
    return std::nullopt;
  }
  std::vector<Place*> free;
  std::vector<Place*> in_time; // free, or free one day without anybody else's help
  for (const auto* gpu : choice.of) {
    auto* place = &m_places[place_of(gpu)];
    const auto what = place->kept ? Bar::ours : bar(*place, job);
    if (what != Bar::theirs) {
      in_time.push_back(place);
    }
    if (what == Bar::none) {
      free.push_back(place);
    }
  }
  if (job.spec.gpu_memory) { // the fullest that will do: whole ones are left for who needs them
    std::stable_sort(free.begin(), free.end(), [&](const Place* a, const Place* b) {
      return room(*a, job).value_or(0) < room(*b, job).value_or(0);
    });
  }
  auto given = free;
  given.resize(std::min(given.size(), choice.need));
  if (given.size() < choice.need || !leaves_enough(given)) {
    // Its turn comes: later ones neither take what it is waiting to have together, nor share what
    // it wants whole. What others than we keep from it may never come: nothing is kept for that.
    if (in_time.size() >= choice.need) {
      std::for_each(in_time.begin(), in_time.end(), [](Place* place) { place->kept = true; });
    }
    return std::nullopt;
  }
  std::vector<AssignedGpu> out;
  for (auto* place : given) {
    place->holders.push_back(&job);
    out.push_back({place->gpu->uuid, place->gpu->vendor});
  }
  return out;
}

bool GpuPool::all_spoken_for() const {
  if (m_waits_to_look) {
    return true;
  }
  const auto usable = usable_gpus(m_world.gpus);
  const auto spoken_for = [&](const Gpu* g) {
    const auto& place = m_places[place_of(g)];
    return place.kept || !place.holders.empty();
  };
  return std::any_of(m_places.begin(), m_places.end(), [](const Place& p) { return p.kept; }) &&
         std::all_of(usable.begin(), usable.end(), spoken_for);
}

bool GpuPool::all_assigned() const {
  const auto usable = usable_gpus(m_world.gpus);
  return !usable.empty() && std::all_of(usable.begin(), usable.end(), [&](const Gpu* g) {
    return !m_places[place_of(g)].holders.empty();
  });
}

} // namespace gpujob::policy
