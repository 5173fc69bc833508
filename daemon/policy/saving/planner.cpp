// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/planner.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>
#include <limits>

/// Asking a plan.
namespace gpujob::saving {

double SavePlan::gradual(double seconds) const {
  const double at = seconds / m_survival_step;
  const auto i = static_cast<std::size_t>(at);
  if (i + 1 >= m_survival.size()) {
    return m_gradual.gradual(seconds);
  }
  const double part = at - static_cast<double>(i);
  return m_survival[i] + part * (m_survival[i + 1] - m_survival[i]);
}

/// W: the chance to live until a save that starts then is durable.
double SavePlan::reach(double start) const {
  if (m_caps.empty()) {
    return reach_before(start, std::numeric_limits<double>::infinity());
  }
  if (m_caps.front().at - start >= m_latency.back().upper) {
    return reach_before(start, m_caps.front().at - start); // before all of them it is the same
  }
  double sum = 0;
  for (const auto& cap : m_caps) {
    sum += cap.weight * reach_before(start, cap.at - start);
  }
  return sum;
}

/// The same with a sharp cap in `left` seconds. There the latency's law itself counts, not its
/// cells: the final save stands or falls with that.
double SavePlan::reach_before(double start, double left) const {
  double sum = 0;
  double below = 0;
  for (const auto& cell : m_latency) {
    if (cell.upper > left) {
      if (left > cell.lower) {
        sum += (m_prospect.latency.cdf(left) - below) * gradual(start + (cell.lower + left) / 2);
      }
      break;
    }
    sum += cell.mass * gradual(start + cell.middle);
    below += cell.mass;
  }
  return sum;
}

/// V at a time where this line is the highest. The envelope of the nodes' lines is a polygon around
/// a smooth curve that touches each line in the middle of where it is the highest: between two such
/// points a cubic is closer by far, and has a slope that does not jump. Where nodes were skipped
/// the best start itself jumps, and the corner is real.
double SavePlan::value(std::size_t line, double at) const {
  const auto& own = m_envelope[line];
  const auto polygon = own.height + own.slope * at;
  const auto middle = [&](std::size_t i) {
    return (m_envelope[i].until + m_envelope[i + 1].until) / 2;
  };
  if (line == 0 || line + 1 >= m_envelope.size()) {
    return polygon;
  }
  const bool before = at < middle(line);
  const std::size_t late = before ? line : line - 1;
  const std::size_t early = late + 1;
  if (late == 0 || early + 1 >= m_envelope.size() ||
      m_envelope[late].node != m_envelope[early].node + 1) {
    return polygon;
  }
  const double from = middle(early);
  const double width = middle(late) - from;
  if (!(width > 0)) {
    return polygon;
  }
  const auto at_middle = [&](std::size_t i, double t) {
    return m_envelope[i].height + m_envelope[i].slope * t;
  };
  const double u = (at - from) / width;
  const double v = 1 - u;
  return v * v * (1 + 2 * u) * at_middle(early, from) +
         u * u * (1 + 2 * v) * at_middle(late, from + width) +
         u * v * width * (v * m_envelope[early].slope - u * m_envelope[late].slope);
}

/// Z: what all later saves bring, after a save that starts then.
double SavePlan::onward(double start) const {
  const auto& contract = m_prospect.contract;
  if (!contract.continues && !contract.restart) {
    return 0;
  }
  const double after = start + (contract.continues ? 0 : *contract.restart);
  const auto behind =
      std::partition_point(m_envelope.begin(), m_envelope.end(),
                           [&](const Line& l) { return l.until > after + m_pause.front().middle; });
  auto line = static_cast<std::size_t>(behind - m_envelope.begin()) - 1;
  double sum = 0;
  for (const auto& cell : m_pause) {
    const double at = after + cell.middle;
    if (at >= m_horizon) {
      break;
    }
    while (m_envelope[line].until <= at) {
      --line; // the first one is the highest for ever
    }
    sum += cell.mass * value(line, at);
  }
  return sum;
}

double SavePlan::gain(double start, double since) const {
  return (start - since) * reach(start) + onward(start);
}

double SavePlan::refine(std::size_t node, double now, double since) const {
  const double from = std::max(now, node > 0 ? m_nodes[node - 1] : 0);
  const double to = std::max(now, m_nodes[std::min(node + 1, m_nodes.size() - 1)]);
  const double best = maximize([&](double start) { return gain(start, since); }, from, to,
                               std::max((to - from) / 500, 1e-6));
  const double on_node = std::max(now, m_nodes[node]);
  return gain(best, since) >= gain(on_node, since) ? best : on_node;
}

std::optional<Save> SavePlan::next_save(double now, double at_risk) const {
  const double alive = m_prospect.end.survival(now);
  if (now >= m_horizon || alive <= 0) {
    return std::nullopt;
  }
  const double since = now - at_risk;
  const auto later = std::upper_bound(m_nodes.begin(), m_nodes.end(), now);
  std::optional<std::size_t> best;
  double most = gain(now, since);
  for (auto node = later; node != m_nodes.end(); ++node) {
    const auto i = static_cast<std::size_t>(node - m_nodes.begin());
    const double value = (m_nodes[i] - since) * m_reach[i] + m_onward[i];
    if (value > most) {
      most = value;
      best = i;
    }
  }
  const auto first = static_cast<std::size_t>(later - m_nodes.begin());
  const double start = refine(best.value_or(first), now, since);
  const double refined = gain(start, since);
  const bool at_once = refined <= most && !best;
  const double chosen = at_once ? now : start;
  const double expected = std::max(refined, most) / alive;
  if (!(expected > m_least_gain)) {
    return std::nullopt;
  }
  return Save{chosen, chosen - since, 1 - reach(chosen) / alive, expected};
}

std::optional<Save> SavePlan::last_save(double now, double at_risk) const {
  const auto& contract = m_prospect.contract;
  if (!m_prospect.end.cap()) {
    return std::nullopt;
  }
  const double pause =
      m_prospect.pause.quantile(0.5) + (contract.continues ? 0 : contract.restart.value_or(0));
  std::optional<Save> last;
  auto save = next_save(now, at_risk);
  // A session has thousands of saves at most: a longer row means pauses of no time at all.
  for (int i = 0; save && i < 10'000; ++i) {
    last = save;
    const bool over = !contract.continues && !contract.restart;
    save = over ? std::nullopt : next_save(save->start + std::max(pause, 1e-3), 0);
  }
  if (last) {
    last->miss = 1 - reach(last->start) / m_prospect.end.survival(last->start);
  }
  return last;
}

std::optional<Advice> SavePlan::advise(double now, double at_risk) const {
  const auto next = next_save(now, at_risk);
  if (!next) {
    return std::nullopt;
  }
  Advice advice{.next = *next, .last = false, .final_lead = {}, .final_miss = {}};
  if (const auto last = last_save(now, at_risk)) {
    advice.last = last->start <= next->start;
    advice.final_lead = *m_prospect.end.cap() - last->start;
    advice.final_miss = last->miss;
  }
  return advice;
}

} // namespace gpujob::saving
