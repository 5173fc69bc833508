// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/periodic.h"
#include "daemon/policy/saving/planner.h"
#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>
#include <limits>

/// Making a plan: where saves may start, what each is worth, and the envelope of it all.
namespace gpujob::saving {

namespace {

constexpr int k_latency_cells = 40, k_pause_cells = 24;
/// Nodes at even distances, at most; those that are finer near the end come on top.
constexpr double k_even_nodes = 1200;
/// Nodes within one period: the optimum is flat, and what is asked for is refined between them.
constexpr double k_nodes_of_period = 8;
/// An end that nothing caps is planned so many periods ahead: what lies beyond is worth less than
/// a thousandth of a decision's difference.
constexpr double k_periods_ahead = 100;
/// Near a sharp end the distance of nodes is this share of the time left.
constexpr double k_fine_share = 0.03;
constexpr double k_survival_steps = 4096;

/// Seconds of work between two saves that the present rate of deaths asks for.
double usual_period(const Prospect& prospect, double pause) {
  const double rate = std::max(prospect.end.rate(), 1e-9);
  return exact_interval({.mean_between = 1 / rate, .save_cost = std::max(pause, 1e-3)}) + pause;
}

/// Of a fuzzy cap 6 sd are as good as all.
double latest(const End& end) {
  return *end.cap() + 6 * end.cap_sd();
}

} // namespace

SavePlan::SavePlan(Prospect prospect)
    : m_prospect(std::move(prospect)), m_latency(m_prospect.latency.cells(k_latency_cells)),
      m_pause(m_prospect.pause.cells(k_pause_cells)) {
  const double pause = m_prospect.pause.mean();
  m_least_gain = m_prospect.contract.least_gain.value_or(pause / 4);
  make_caps();
  make_nodes();
  make_survival();
  m_reach.resize(m_nodes.size());
  m_onward.resize(m_nodes.size());
  push(0, 0, m_nodes.size() + 1); // no save at all: next to none
  for (std::size_t i = m_nodes.size(); i-- > 0;) {
    // Never less than the later one, but for rounding: the stack relies on it.
    const double later = i + 1 < m_nodes.size() ? m_reach[i + 1] : 0;
    m_reach[i] = std::max(reach(m_nodes[i]), later);
    m_onward[i] = onward(m_nodes[i]);
    push(-m_reach[i], m_nodes[i] * m_reach[i] + m_onward[i], i);
  }
}

/// A fuzzy cap is smooth only where it is wider than the latency's cells are; a narrower one is a
/// few sharp ones, which the latency's own spread smooths.
void SavePlan::make_caps() {
  const auto& end = m_prospect.end;
  m_gradual = end;
  if (!end.cap()) {
    return;
  }
  const double spread = m_prospect.latency.quantile(0.9) - m_prospect.latency.quantile(0.1);
  if (end.cap_sd() <= 0) {
    m_caps = {{*end.cap(), 1}};
  } else if (end.cap_sd() < 0.5 * spread || end.cap_sd() < *end.cap() / 1000) {
    constexpr int k_caps = 15;
    const double passed = normal_cdf(-*end.cap() / end.cap_sd()); // it has not come yet
    for (int i = 0; i < k_caps; ++i) {
      const double p = passed + (1 - passed) * (i + 0.5) / k_caps;
      m_caps.push_back({*end.cap() + end.cap_sd() * normal_quantile(p), 1.0 / k_caps});
    }
    m_gradual = end.without_cap();
  }
}

void SavePlan::make_nodes() {
  const auto& end = m_prospect.end;
  const double pause = m_prospect.pause.mean();
  const double period = usual_period(m_prospect, pause);
  m_horizon = end.cap() ? std::max(latest(end), 0.0) : k_periods_ahead * period;
  const bool sharp = !m_caps.empty();
  double even = std::max(period / k_nodes_of_period, m_horizon / k_even_nodes);
  // A shorter one than a tenth of the horizon is for what the survival does there.
  even = std::min(even, m_horizon / 100);
  const double finest = std::max(m_prospect.latency.quantile(0.5) / 100, m_horizon * 1e-7);
  double left = 0;
  while (left < m_horizon) {
    m_nodes.push_back(m_horizon - left);
    const double distance = m_horizon - left - end.cap().value_or(0);
    const double fuzzy = std::abs(distance) < 7 * end.cap_sd() ? end.cap_sd() / 10 : even;
    left += std::min(even, sharp ? std::max(finest, k_fine_share * left) : std::max(finest, fuzzy));
  }
  m_nodes.push_back(0);
  std::reverse(m_nodes.begin(), m_nodes.end());
}

void SavePlan::make_survival() {
  m_survival_step = std::max(m_horizon, 1e-9) / k_survival_steps;
  for (int i = 0; i <= static_cast<int>(k_survival_steps) + 1; ++i) {
    m_survival.push_back(m_gradual.gradual(i * m_survival_step));
  }
}

/// Adds a line that is steeper than all before it, and drops those that are the highest nowhere.
void SavePlan::push(double slope, double height, std::size_t node) {
  while (!m_envelope.empty()) {
    const auto& top = m_envelope.back();
    if (slope >= top.slope) { // parallel
      if (height <= top.height) {
        return;
      }
      m_envelope.pop_back();
      continue;
    }
    const double crossing = (height - top.height) / (top.slope - slope);
    if (crossing >= top.until) {
      m_envelope.pop_back();
      continue;
    }
    m_envelope.push_back({slope, height, crossing, node});
    return;
  }
  m_envelope.push_back({slope, height, std::numeric_limits<double>::infinity(), node});
}

} // namespace gpujob::saving
