// SPDX-License-Identifier: Apache-2.0
#include "daemon/outlook.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// Kept free before an end that the platform gave notice of: for the last fsync.
constexpr Duration k_notice_margin = 5s;
/// A notice of an end that the session has outlived by this was none.
constexpr Duration k_outlived = 60s;
/// However little a notice leaves, a job gets a moment to save: a KILL that the platform does not
/// send helps nobody.
constexpr Duration k_least_notice = 10s;
/// So long after the last word that it was due: it died without one.
constexpr Duration k_silent = 3min;
/// Two clocks are read for an end: nearer than this it is the same.
constexpr Duration k_same_end = 1s;

/// What is used up in so short a time is used up: counted by quanta it never quite is.
constexpr Duration k_used_up = 5s;

/// The one that ends the session first, or nullptr. What by our count has ended it already does not
/// know all, since it lives: `now`.
const platform::Standing* first_to_end(const std::vector<platform::Standing>& standings,
                                       WallTime now) {
  const platform::Standing* first = nullptr;
  for (const auto& s : standings) {
    const auto at = s.ends_session();
    if (at && *at > now + k_used_up && (first == nullptr || *at < *first->ends_session())) {
      first = &s;
    }
  }
  return first;
}

/// "quota", or what else runs out.
const char* kind_of(const platform::Standing& s) {
  return std::holds_alternative<platform::WindowRule>(s.rule->what)   ? "quota"
         : std::holds_alternative<platform::GrantsRule>(s.rule->what) ? "grants"
                                                                      : "balance";
}

std::vector<Duration> caps_of(const platform::IdleCap& cap) {
  auto caps = cap.alternatives;
  if (cap.value) {
    caps.push_back(*cap.value);
  }
  return cap.value ? caps : std::vector<Duration>{};
}

} // namespace

void Outlook::take_said(std::vector<platform::Said> said) {
  for (auto& s : said) {
    const auto same = [&](const auto& other) { return other.id == s.id; };
    if (s.platform == settings().platform && std::ranges::none_of(m_said, same)) {
      m_said.push_back(std::move(s));
    }
  }
}

void Outlook::take_activity(const Result<platform::Activity>& activity, Duration usual, Now now) {
  if (!activity) {
    m_idle_note = activity.error().text;
    m_idle_evidence.clear();
    return;
  }
  m_idle_evidence = activity->evidence;
  const auto* rule = platform::idle_limit_of(profile(), settings().variant, settings().plan);
  if (rule == nullptr) {
    m_idle_note = "there is no such limit";
    return;
  }
  if (activity->answered == 0) {
    m_idle_note = activity->evidence.empty()
                      ? "no Jupyter server was found"
                      : "no Jupyter server answers: " + activity->evidence.front();
    return;
  }
  m_idle_note.clear();
  const auto counting = platform::counting_of(std::get<platform::IdleCap>(rule->what));
  m_idle.look(activity->seen, counting, settings().start.boot, usual, now);
}

void Outlook::take_notice(NoticeFrom from, const std::optional<platform::EndNotice>& notice,
                          Now now) {
  const auto it = m_notices.find(from);
  if (!notice) {
    m_notices.erase(from);
    return;
  }
  const bool known = it != m_notices.end() && now.boot <= it->second.ends_at + k_outlived;
  const auto ends_at = now.boot + (notice->ends_at - now.wall);
  const bool same = known && std::chrono::abs(ends_at - it->second.ends_at) < k_same_end;
  if (from == NoticeFrom::asked && known && (same || !notice->stated)) {
    return;
  }
  // Heard again with a later end it is the same notice; an earlier end leaves only what is left
  // now.
  const bool later = known && from == NoticeFrom::asked && ends_at > it->second.ends_at;
  m_notices[from] = {later ? it->second.at : now.boot, ends_at, notice->text, notice->stated};
}

nlohmann::json Outlook::notices() const {
  auto out = nlohmann::json::object();
  for (const auto& [from, n] : m_notices) {
    out[from == NoticeFrom::asked ? "asked" : "told"] = {{"at_ns", to_ns(n.at)},
                                                         {"ends_at_ns", to_ns(n.ends_at)},
                                                         {"text", n.text},
                                                         {"stated", n.stated}};
  }
  return out;
}

void Outlook::restore_notices(const nlohmann::json& stored) {
  for (const auto from : {NoticeFrom::asked, NoticeFrom::told}) {
    const auto it = stored.find(from == NoticeFrom::asked ? "asked" : "told");
    if (it == stored.end()) {
      continue;
    }
    json::Reader r(*it, "notice");
    Noticed n;
    n.at = r.boot_time("at_ns");
    n.ends_at = r.boot_time("ends_at_ns");
    n.text = r.text("text");
    n.stated = r.boolean_or("stated", false);
    if (r.ok()) {
      m_notices[from] = std::move(n);
    }
  }
}

platform::IdleSeen Outlook::idle_seen(Now now) const {
  platform::IdleSeen seen;
  seen.note = m_idle_note;
  seen.evidence = m_idle_evidence;
  seen.active = m_idle.active();
  if (const auto at = m_idle.active_at()) {
    seen.since = std::max(now.boot - *at, Duration::zero());
  }
  return seen;
}

limits::Usage Outlook::usage(Now now) const {
  limits::Usage out;
  out.add({m_parts.vm_id, m_parts.resource, {now.wall_at(settings().start.boot), now.wall}});
  for (const auto& u : m_uses) {
    if (u.platform == settings().platform) {
      out.add(u.use);
    }
  }
  return out;
}

std::vector<limits::Use> Outlook::uses(Now now) const {
  std::set<std::string> resources{m_parts.resource};
  for (const auto& u : m_uses) {
    resources.insert(u.use.resource);
  }
  const auto all = usage(now);
  std::vector<limits::Use> out;
  for (const auto& resource : resources) {
    const auto some = all.of(resource);
    out.insert(out.end(), some.begin(), some.end());
  }
  std::ranges::stable_sort(out, {}, [](const limits::Use& use) { return use.when.begin; });
  return out;
}

std::vector<platform::Standing> Outlook::standings(Now now) const {
  platform::Known known;
  known.resource = m_parts.resource;
  known.machine = m_parts.machine;
  known.session_began = now.wall_at(settings().start.boot);
  known.usage = usage(now);
  for (const auto& u : m_uses) {
    if (u.platform == settings().platform) {
      if (!u.closed && u.use.when.end + k_silent < now.wall) {
        known.silent.insert(u.use.machine);
      }
    }
  }
  known.said = m_said;
  known.idle = idle_seen(now);
  known.disks = m_disks;
  known.memory = m_memory;
  return platform::stand(profile(), settings().variant, settings().plan, known, now.wall);
}

Outlook::End Outlook::find_end(const std::vector<platform::Standing>& standings, Now now) const {
  End end;
  end.ends_at = settings().ends_at();
  end.plan_end = settings().plan_end();
  end.by = settings().limit ? "session_limit" : "";
  if (const auto* first = first_to_end(standings, now.wall)) {
    const auto wall = *first->ends_session();
    const auto at = now.boot + (wall - now.wall);
    if (!end.ends_at || at < *end.ends_at) {
      const auto margin = profile().margin.value_or(Duration::zero());
      end.ends_at = at;
      end.plan_end = at - std::min(margin, (at - settings().start.boot) / 10);
      end.by = kind_of(*first);
      end.what = fmt::format("the {} {}", first->name, end.by);
      end.why = fmt::format("{} ends this session {}: everything is planned to that", end.what,
                            format_local(wall));
    }
  }
  for (const auto& [from, n] : m_notices) {
    const auto ends_at = std::max(n.ends_at, n.at + k_least_notice);
    if (now.boot > ends_at + k_outlived || (end.ends_at && *end.ends_at <= ends_at)) {
      continue;
    }
    const auto plan_end = ends_at - std::min<Duration>(k_notice_margin, (ends_at - n.at) / 10);
    end.plan_end = std::min(end.plan_end.value_or(plan_end), plan_end);
    end.ends_at = ends_at;
    end.noticed = n.at;
    end.by = "notice";
    end.what = "a notice: " + n.text;
    end.why = fmt::format("{}: {}: everything is planned to that", n.text,
                          format_local(now.wall_at(ends_at)));
  }
  return end;
}

policy::EndMoved Outlook::end(Now now) const {
  auto end = find_end(standings(now), now);
  return {end.ends_at,
          end.plan_end,
          end.noticed,
          std::move(end.why),
          end.by == "session_limit" ? settings().limit->spread : Duration::zero(),
          settings().limit ? std::optional(settings().limit->value) : std::nullopt,
          std::move(end.what)};
}

std::optional<BootTime> Outlook::idle_end(Now now) const {
  const auto* rule = platform::idle_limit_of(profile(), settings().variant, settings().plan);
  const auto at = m_idle.active_at();
  if (rule == nullptr || !at || m_idle.active()) {
    return std::nullopt;
  }
  const auto& cap = std::get<platform::IdleCap>(rule->what);
  return cap.can_be_watched() ? limits::next_idle_end(*at, caps_of(cap), now.boot) : std::nullopt;
}

std::string Outlook::start_note(Now now) const {
  const auto all = standings(now);
  const auto over = std::ranges::find_if(all, [&](const auto& standing) {
    const auto at = standing.ends_session();
    return at && *at <= now.wall;
  });
  if (over != all.end()) {
    return fmt::format(
        "the {} {} is used up by what is written down, and yet this session lives: nothing is "
        "planned to it: gpujob quota --explain",
        over->name, kind_of(*over));
  }
  return find_end(all, now).why;
}

nlohmann::json Outlook::view(Now now, std::string_view durable_state) const {
  const auto all = standings(now);
  const auto end = find_end(all, now);
  platform::PlannedEnd planned;
  planned.ends_at = end.ends_at;
  planned.plan_end = end.plan_end;
  planned.by = end.by;
  planned.idle_end = idle_end(now);
  planned.idle_evidence = m_idle_evidence;
  if (m_load && platform::idle_limit_of(profile(), settings().variant, settings().plan)) {
    planned.idle_evidence.push_back(fmt::format(
        "{:.1f} processors busy in the last minute: a hint, it does not count", *m_load));
  }
  auto view = platform::session_view(settings(), now, durable_state, planned);
  view["limits"] = platform::standings_view(all);
  const auto* first = first_to_end(all, now.wall);
  for (std::size_t i = 0; i < all.size(); ++i) {
    view["limits"][i]["binds"] =
        &all[i] == first && end.by != "session_limit" && end.by != "notice" && !end.by.empty();
  }
  return view;
}

} // namespace gpujob
