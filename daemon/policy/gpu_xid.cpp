// SPDX-License-Identifier: Apache-2.0
#include "common/gpu/xid.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/gpu_choice.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <string>
#include <utility>

/// Errors that a GPU's driver reports, and what they are to jobs.
namespace gpujob::policy::detail {

using namespace std::chrono_literals;

namespace {

/// A program that fails again and again does so with the same code each time.
constexpr Duration k_same_trouble = 10min;
/// Who ended so shortly before may have died of it.
constexpr Duration k_just_left = 30s;
/// So that a warning stays one line.
constexpr std::size_t k_most_names = 4;

bool is_part(const Gpu& part, const std::string& uuid) {
  return part.uuid == uuid || part.parent == uuid;
}

/// A save may still be copied for long when the job has ended.
bool was_there(const Job& job, Now now) {
  auto left = job.left;
  if (const auto* ending = std::get_if<Ending>(&job.state)) {
    left = ending->record ? ending->record->at : now.wall;
  }
  return is_at_work(job) || (left && now.wall - *left < k_just_left);
}

/// Those that were given it or a part of it, and those that are or just were seen there: who dies
/// of an error is gone before anybody looks.
std::set<JobId> jobs_on(const World& w, const Gpus& before, const std::string& uuid, Now now) {
  std::set<std::string> parts;
  std::set<JobId> out;
  for (const auto* gpus : {&before, &w.gpus}) {
    for (const auto& gpu : gpus->list) {
      if (is_part(gpu, uuid)) {
        parts.insert(gpu.uuid);
        std::ranges::copy_if(gpu.jobs, std::inserter(out, out.end()),
                             [&](const JobId& id) { return w.jobs.contains(id); });
      }
    }
  }
  for (const auto& id : w.active) {
    const auto& job = w.jobs.at(id);
    if (was_there(job, now) &&
        std::ranges::any_of(job.gpus, [&](const auto& a) { return parts.contains(a.uuid); })) {
      out.insert(id);
    }
  }
  return out;
}

/// Whatever their ids are.
std::set<std::string> names_of(const World& w, const std::set<JobId>& jobs) {
  std::set<std::string> names;
  std::ranges::transform(jobs, std::inserter(names, names.end()),
                         [&](const JobId& id) { return w.jobs.at(id).spec.name; });
  return names;
}

/// "a", "a b c d ..."
std::string joined(const std::set<std::string>& names, const char* between) {
  std::string text;
  std::size_t n = 0;
  for (const auto& name : names) {
    if (n++ == k_most_names) {
      return text + " ...";
    }
    text += (text.empty() ? "" : between) + name;
  }
  return text;
}

std::string advice(const World& w, XidKind kind, const std::set<JobId>& jobs) {
  if (jobs.empty()) {
    return "no job is on it";
  }
  const bool one = jobs.size() == 1;
  const auto names = names_of(w, jobs);
  const auto who = (one ? "job " : "jobs ") + joined(names, ", ");
  const auto all = joined(names, " ");
  const auto* is = one ? "is" : "are";
  switch (kind) {
  case XidKind::program:
    return fmt::format("{} {} on it: where that fails its output says more (gpujob logs {})", who,
                       is, *names.begin());
  case XidKind::memory:
    return fmt::format("what {} {} computing there may be wrong: end it without a save (gpujob "
                       "stop --now {}) and run it again: it goes on from its newest checkpoint",
                       who, is, all);
  case XidKind::wear:
    return fmt::format("{} {} on it: save now, in case it fails (gpujob checkpoint NAME)", who, is);
  case XidKind::gone:
    return fmt::format("what {} had there cannot be saved: end this session (the VM must go) and "
                       "run it again in another: it goes on from its newest durable checkpoint",
                       who);
  case XidKind::broken:
    return fmt::format("{} {} on it and may hang or fail: gpujob stop {} saves what can be saved, "
                       "and in another session it goes on",
                       who, is, all);
  case XidKind::unknown:
    break;
  }
  return fmt::format("{} {} on it: the kernel's log (dmesg) may say more", who, is);
}

/// Whether that code has just been told of with the same jobs.
bool just_told(const XidsTold& told, std::int64_t xid, const std::set<JobId>& jobs) {
  const auto it = told.recent.find(xid);
  return it != told.recent.end() && it->second.jobs == jobs;
}

} // namespace

void tell_xids(World& w, const Gpus& before, Now now) {
  for (const auto& gpu : w.gpus.list) {
    if (!gpu.last_xid || gpu.xids <= w.xids[gpu.uuid].seen) {
      continue;
    }
    auto& told = w.xids[gpu.uuid];
    // NVML tells the newest code alone, for each of them: an end (45) may follow what did the harm.
    told.unseen |= gpu.xids - std::exchange(told.seen, gpu.xids) > 1;
    std::erase_if(told.recent,
                  [&](const auto& r) { return now.boot - r.second.at >= k_same_trouble; });
    auto jobs = jobs_on(w, before, gpu.uuid, now);
    if (just_told(told, *gpu.last_xid, jobs)) {
      continue;
    }
    const auto count = told.seen - std::exchange(told.told, told.seen);
    const auto meaning = xid_meaning(*gpu.last_xid);
    const auto kind = xid_kind(*gpu.last_xid);
    const auto unclear = std::exchange(told.unseen, false) && kind == XidKind::program;
    const auto text = fmt::format("{}: Xid {}{}{}{}; {}", gpu_label(w.gpus, gpu), *gpu.last_xid,
                                  meaning.empty() ? "" : ": ", meaning,
                                  count > 1 ? fmt::format(" (the last of {})", count) : "",
                                  advice(w, unclear ? XidKind::unknown : kind, jobs));
    for (const auto& id : jobs) {
      warn(w, w.jobs.at(id), text);
    }
    if (jobs.empty()) {
      w.announcements.push_back({{}, text, false, true});
    }
    told.recent[*gpu.last_xid] = {now.boot, std::move(jobs)};
  }
}

} // namespace gpujob::policy::detail
