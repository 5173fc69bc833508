// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/duration.h"
#include "daemon/app.h"
#include "daemon/mortality.h"

#include <fmt/format.h>
#include <utility>

/// What other sessions say of themselves and of jobs, by the durable directory.
namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// A scan of the durable directory that takes longer means its mount hangs.
constexpr Duration k_scan_deadline = 60s;
/// So long after its last word a session is taken for dead.
constexpr Duration k_silent = 3min;

} // namespace

void App::take_others(durable_requests::Scanned& scanned) {
  m_leases = std::move(scanned.leases);
  const auto deaths =
      count_deaths(scanned.uses, m_outlook.settings().platform, read_clocks().wall, k_silent);
  if (deaths != m_world.session.deaths) {
    post(policy::DeathsSeen{deaths});
  }
  m_outlook.take_uses(std::move(scanned.uses));
  m_outlook.take_said(std::move(scanned.said));
  renew_outlook();
}

void App::refresh_from_durable(std::function<void(Result<void>)> done) {
  if (m_durable.dir.empty()) {
    renew_outlook();
    done({});
    return;
  }
  m_scanned.push_back(std::move(done));
  if (m_scanned.size() > 1) {
    return; // one scan answers all who wait
  }
  m_helpers.run("scan", process::Load::light,
                durable_requests::scan(m_durable, m_outlook.settings().read_dirs), k_scan_deadline,
                [this](const Result<std::string>& reply) { on_scanned(reply); });
}

void App::on_scanned(const Result<std::string>& reply) {
  auto waiting = std::exchange(m_scanned, {});
  const auto tell = [](const auto& list, const Result<void>& result) {
    for (const auto& done : list) {
      done(result);
    }
  };
  auto scanned = durable_requests::read_scan(m_durable, reply);
  if (!scanned) {
    tell(waiting, scanned.error());
    return;
  }
  take_others(*scanned);
  std::vector<policy::Event> events;
  for (auto& job : scanned->jobs) {
    events.emplace_back(policy::Imported{std::move(job)});
  }
  submit(std::move(events), [tell, waiting = std::move(waiting)] { tell(waiting, {}); });
}

std::optional<std::string> App::lease_holder(const policy::JobId& id) const {
  const auto it = m_leases.find(id);
  const auto wall = read_clocks().wall;
  if (it == m_leases.end() || it->second.expires <= wall) {
    return std::nullopt;
  }
  return fmt::format(
      "another session ({}) seems to run it, last heard of {} ago; its lease ends at {}",
      it->second.session, format_duration(wall - it->second.at), format_local(it->second.expires));
}

} // namespace gpujob
