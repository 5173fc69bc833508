// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/run.h"

#include "daemon/policy/saving/hazard.h"
#include "daemon/simulate/planners.h"

#include <algorithm>
#include <cmath>

namespace gpujob::simulate {

namespace {

/// Plays one session on a clock of its own; the durable seconds.
double play(const Session& session, Contestant& contestant) {
  double now = 0;
  double durable = 0;
  for (std::size_t save = 0;; ++save) {
    const auto start = contestant.next_save(now, 0);
    if (!start || *start >= session.length()) {
      break;
    }
    const double took = session.save(save);
    // All laws are continuous; equal is what the one who knows the future aims at.
    if (*start + took > session.length() * (1 + 1e-12)) {
      break;
    }
    durable += *start - now;
    now = *start + took;
    contestant.saved(now, took);
  }
  return durable;
}

void count(Misses& misses, const Session& session, double durable, std::optional<double> stated) {
  if (stated && session.save(0) < session.length()) {
    ++misses.possible;
    misses.missed += durable > 0 ? 0 : 1;
    misses.stated += *stated;
  }
}

} // namespace

const Score& Cell::of(Kind kind) const {
  return *std::find_if(scores.begin(), scores.end(),
                       [kind](const Score& s) { return s.kind == kind; });
}

std::optional<double> mean_between_deaths(const std::vector<Recorded>& recorded, double cap) {
  double deaths = 0;
  double exposure = 0;
  for (const auto& r : recorded) {
    deaths += saving::death_share(r.length, r.cap.value_or(cap), 0, 0);
    exposure += r.length;
  }
  return deaths > 0 ? std::optional(exposure / deaths) : std::nullopt;
}

Cell run_cell(const Laws& laws, int sessions, std::uint64_t seed,
              const std::vector<Recorded>& recorded) {
  const int of_user = recorded.empty() ? k_sessions_of_user : static_cast<int>(recorded.size());
  const int users = (sessions + of_user - 1) / of_user;
  Cell cell{.laws = laws, .sessions = users * of_user, .late_sessions = 0, .scores = {}};
  auto entries = contestants(laws, seed);
  for (const auto& e : entries) {
    const std::vector<Work> none(static_cast<std::size_t>(users));
    cell.scores.push_back({e.name, e.kind, none, none, {}});
  }
  const auto planner = std::find_if(entries.begin(), entries.end(),
                                    [](const Entry& e) { return e.kind == Kind::planner; });
  const auto& learner = dynamic_cast<const Learner&>(*planner->contestant);
  for (int user = 0; user < users; ++user) {
    for (auto& e : entries) {
      e.contestant->new_user(static_cast<std::uint64_t>(user));
    }
    for (int i = 0; i < of_user; ++i) {
      const auto number = static_cast<std::uint64_t>(user * of_user + i);
      const auto session = recorded.empty()
                               ? Session(laws, seed, number)
                               : Session(laws, seed, number, recorded[static_cast<std::size_t>(i)]);
      const bool late = learner.saves_seen() >= k_learned_saves;
      cell.late_sessions += late ? 1 : 0;
      for (std::size_t k = 0; k < entries.size(); ++k) {
        auto& contestant = *entries[k].contestant;
        auto& score = cell.scores[k];
        contestant.session_begins(session);
        const auto stated = contestant.stated_miss();
        const double durable = play(session, contestant);
        contestant.session_ended(session.length());
        for (auto* work : {&score.all, late ? &score.late : nullptr}) {
          if (work != nullptr) {
            (*work)[static_cast<std::size_t>(user)].durable += durable;
            (*work)[static_cast<std::size_t>(user)].length += session.length();
          }
        }
        if (late) {
          count(score.misses, session, durable, stated);
        }
      }
    }
  }
  return cell;
}

namespace {

Work total(const std::vector<Work>& users) {
  Work sum;
  for (const auto& w : users) {
    sum.durable += w.durable;
    sum.length += w.length;
  }
  return sum;
}

} // namespace

double goodput(const std::vector<Work>& users) {
  const auto sum = total(users);
  return sum.length > 0 ? sum.durable / sum.length : 0;
}

Ratio ratio(const std::vector<Work>& over, const std::vector<Work>& under) {
  const double above = total(over).durable;
  const double below = total(under).durable;
  if (below <= 0) {
    return {above > 0 ? HUGE_VAL : 1, 0};
  }
  const double value = above / below;
  double squares = 0;
  for (std::size_t i = 0; i < over.size(); ++i) {
    squares += std::pow(over[i].durable - value * under[i].durable, 2);
  }
  return {value, std::sqrt(squares) / below};
}

} // namespace gpujob::simulate
