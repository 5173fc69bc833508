// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable_requests.h"
#include "daemon/platform/activity.h"
#include "daemon/platform/notice.h"
#include "daemon/platform/settings.h"
#include "daemon/platform/standing.h"
#include "daemon/policy/event.h"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// When this session ends and why, by all that is known: its own limit, quotas, what was said of
/// them, idleness, the platform's notice. Made anew whenever one of them is heard of.
namespace gpujob {

class Outlook {
public:
  struct Parts {
    platform::SessionSettings settings;
    platform::Profile profile; ///< of settings.platform, with what the user overrides
    std::string resource;      ///< platform::resource_of
    std::string machine;       ///< its name in price lists
    std::string vm_id;         ///< this boot and this PID 1
  };

  explicit Outlook(Parts parts) : m_parts(std::move(parts)) {}

  [[nodiscard]] const platform::SessionSettings& settings() const { return m_parts.settings; }
  [[nodiscard]] const platform::Profile& profile() const { return m_parts.profile; }
  [[nodiscard]] const std::string& resource() const { return m_parts.resource; }
  [[nodiscard]] const std::string& vm_id() const { return m_parts.vm_id; }

  /// The user has changed the profile.
  void follow(platform::SessionSettings settings, platform::Profile profile) {
    m_parts.settings = std::move(settings);
    m_parts.profile = std::move(profile);
    m_parts.machine = m_parts.profile.machine.empty() ? m_parts.machine : m_parts.profile.machine;
  }
  void take_uses(std::vector<durable_requests::SessionUse> uses) { m_uses = std::move(uses); }
  /// Of any platform; what was heard before is not forgotten.
  void take_said(std::vector<platform::Said> said);
  /// One look at the notebook's servers, or why there was none; `usual` is the time between two.
  void take_activity(const Result<platform::Activity>& activity, Duration usual, Now now);
  /// Who gave a notice: the metadata service that is asked, or whoever tells us.
  enum class NoticeFrom : std::uint8_t { asked, told };
  /// nullopt: whoever is asked knows of none (any more). One without a stated time is the one that
  /// was heard of first; a stated time replaces what was said before.
  void take_notice(NoticeFrom from, const std::optional<platform::EndNotice>& notice, Now now);
  /// For a daemon that comes after this one; an object, empty when there is no notice. Boot times.
  [[nodiscard]] nlohmann::json notices() const;
  void restore_notices(const nlohmann::json& stored);
  void take_disks(std::vector<platform::DiskSeen> disks) { m_disks = std::move(disks); }
  /// Processors that are busy: a hint that is shown beside idleness and counts for nothing.
  void take_load(std::optional<double> busy) { m_load = busy; }
  void take_memory(std::optional<platform::MemorySeen> memory) { m_memory = memory; }

  /// What the core plans to. `why` says what moved it, for people.
  [[nodiscard]] policy::EndMoved end(Now now) const;
  /// The last activity that counts; nullopt: nothing was seen yet.
  [[nodiscard]] std::optional<BootTime> active_at() const { return m_idle.active_at(); }
  /// When the session may be taken for idle, by what is not over yet of the platform's cap and its
  /// alternatives; nullopt: not, not known, or something that counts goes on now.
  [[nodiscard]] std::optional<BootTime> idle_end(Now now) const;
  /// What the user should hear of the quotas when a daemon starts; empty: nothing.
  [[nodiscard]] std::string start_note(Now now) const;
  /// What sessions of this platform have used, this one until now; by begin. Those of one machine
  /// do not overlap.
  [[nodiscard]] std::vector<limits::Use> uses(Now now) const;
  /// The session view of ARCHITECTURE.md.
  [[nodiscard]] nlohmann::json view(Now now, std::string_view durable_state) const;

private:
  struct End {
    std::optional<BootTime> ends_at, plan_end, noticed;
    std::string by;   ///< as `ends_by` of the session view
    std::string why;  ///< for people; empty: the session's own limit
    std::string what; ///< "the gpu quota", "a notice: preempted"; empty likewise
  };

  [[nodiscard]] std::vector<platform::Standing> standings(Now now) const;
  [[nodiscard]] limits::Usage usage(Now now) const;
  [[nodiscard]] End find_end(const std::vector<platform::Standing>& standings, Now now) const;
  [[nodiscard]] platform::IdleSeen idle_seen(Now now) const;

  Parts m_parts;
  std::vector<durable_requests::SessionUse> m_uses;
  std::vector<platform::Said> m_said;
  limits::IdleWatch m_idle;
  std::string m_idle_note = "not looked at yet"; ///< empty: the last look was answered
  std::vector<std::string> m_idle_evidence;
  struct Noticed {
    BootTime at{}, ends_at{};
    std::string text;
    bool stated = false;
  };
  std::map<NoticeFrom, Noticed> m_notices;
  std::vector<platform::DiskSeen> m_disks;
  std::optional<platform::MemorySeen> m_memory;
  std::optional<double> m_load;
};

} // namespace gpujob
