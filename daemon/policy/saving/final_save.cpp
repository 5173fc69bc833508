// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/final_save.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace gpujob::saving {

namespace {

/// P(it ends in time) by lead: the end, too, may come earlier or later than it should.
class InTime {
public:
  InTime(const Latency& latency, double end_sd) : m_latency(latency), m_end_sd(end_sd) {
    if (end_sd > 0) {
      m_cells = latency.cells(200);
    }
  }
  double operator()(double lead) const {
    if (m_end_sd <= 0) {
      return m_latency.cdf(lead);
    }
    double sum = 0;
    for (const auto& cell : m_cells) {
      sum += cell.mass * normal_cdf((lead - cell.middle) / m_end_sd);
    }
    return sum;
  }

private:
  const Latency& m_latency;
  double m_end_sd;
  std::vector<Cell> m_cells;
};

std::optional<double> closed_form(const Latency::Uniform& u, double stake) {
  return std::min((stake + u.least) / 2, u.most);
}

std::optional<double> closed_form(const Latency::Exponential& e, double stake) {
  // u + ln u = rate (R - shift) + 1: u e^u, which overflows, never appears.
  const double right = e.rate * (stake - e.shift) + 1;
  if (!(right > 1)) {
    return e.most;
  }
  double u = std::max(1.0, right - std::log(right));
  for (int i = 0; i < 50; ++i) {
    u -= (u + std::log(u) - right) / (1 + 1 / u);
  }
  return std::min(stake - (u - 1) / e.rate, e.most);
}

template <typename Other>
std::optional<double> closed_form(const Other&, double) {
  return std::nullopt;
}

/// A coarse look everywhere, since the product may have several tops, then a fine one at the best.
double search(const Latency& latency, double stake, double end_sd) {
  const InTime in_time(latency, end_sd);
  const auto worth = [&](double lead) { return (stake - lead) * in_time(lead); };
  const double least = stake * 1e-6;
  constexpr int k_looks = 400;
  const auto look = [&](int i) { return least * std::pow(stake / least, i / double{k_looks}); };
  int best = 1;
  double most = -1;
  for (int i = 0; i <= k_looks; ++i) {
    if (const double value = worth(look(i)); value > most) {
      most = value;
      best = i;
    }
  }
  const double lead = maximize(worth, best == 0 ? 0 : look(best - 1),
                               look(std::min(best + 1, k_looks)), stake * 1e-10);
  return worth(lead) > most ? lead : look(best);
}

} // namespace

FinalSave final_save(const Latency& latency, double stake, double lead, double end_sd) {
  const double chance = InTime(latency, end_sd)(lead);
  return {lead, std::max(stake - lead, 0.0) * chance, 1 - chance};
}

FinalSave best_final_save(const Latency& latency, double stake, double end_sd) {
  std::optional<double> lead;
  if (end_sd <= 0) {
    lead = std::visit([stake](const auto& law) { return closed_form(law, stake); }, latency.law());
  }
  return final_save(latency, stake, lead ? *lead : search(latency, stake, end_sd), end_sd);
}

double approximate_normal_lead(double mean, double sd, double stake) {
  return mean +
         sd * std::sqrt(2 * std::log((stake - mean) / (sd * std::sqrt(2 * std::numbers::pi))));
}

} // namespace gpujob::saving
