// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/latency.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>

namespace gpujob::saving {

namespace {

double cdf_of(const Latency::Uniform& u, double x) {
  return x >= u.most ? 1 : x < u.least ? 0 : (x - u.least) / (u.most - u.least);
}

double cdf_of(const Latency::Exponential& e, double x) {
  return x >= e.most ? 1
         : x < e.shift
             ? 0
             : std::expm1(-e.rate * (x - e.shift)) / std::expm1(-e.rate * (e.most - e.shift));
}

/// What of an untruncated normal law lies between its ends.
double whole(const Latency::Normal& n) {
  return normal_cdf((n.most - n.mean) / n.sd) - normal_cdf((n.least - n.mean) / n.sd);
}

double cdf_of(const Latency::Normal& n, double x) {
  if (x >= n.most || x <= n.least) {
    return x >= n.most ? 1 : 0;
  }
  // From above, so that a small chance to miss keeps its digits.
  const double over = normal_cdf((n.mean - x) / n.sd) - normal_cdf((n.mean - n.most) / n.sd);
  return 1 - over / whole(n);
}

double cdf_of(const Latency::LogNormal& l, double x) {
  return x <= 0 ? 0 : normal_cdf((std::log(x) - l.location) / l.sigma);
}

double cdf_of(const Latency::LogStudent& l, double x) {
  return x <= 0 ? 0 : student_cdf((std::log(x) - l.location) / l.scale, l.df);
}

double cdf_of(const Latency::Empirical& e, double x) {
  const auto n = static_cast<double>(e.sorted.size());
  const auto above = std::upper_bound(e.sorted.begin(), e.sorted.end(), x);
  const auto i = static_cast<double>(above - e.sorted.begin());
  if (above != e.sorted.end()) {
    return i / (n + 1);
  }
  const double last = e.sorted.back();
  const double reach = last * (e.beyond - 1);
  return x >= last + reach ? 1 : (n + (x - last) / reach) / (n + 1);
}

double density_of(const Latency::Uniform& u, double x) {
  return x >= u.least && x <= u.most && u.most > u.least ? 1 / (u.most - u.least) : 0;
}

double density_of(const Latency::Exponential& e, double x) {
  return x >= e.shift && x <= e.most ? e.rate * std::exp(-e.rate * (x - e.shift)) /
                                           -std::expm1(-e.rate * (e.most - e.shift))
                                     : 0;
}

double density_of(const Latency::Normal& n, double x) {
  return x >= n.least && x <= n.most ? normal_density((x - n.mean) / n.sd) / n.sd / whole(n) : 0;
}

double density_of(const Latency::LogNormal& l, double x) {
  return x <= 0 ? 0 : normal_density((std::log(x) - l.location) / l.sigma) / (l.sigma * x);
}

double density_of(const Latency::LogStudent& l, double x) {
  return x <= 0 ? 0 : student_density((std::log(x) - l.location) / l.scale, l.df) / (l.scale * x);
}

double density_of(const Latency::Empirical&, double) {
  return 0;
}

/// A delay below which nothing lies, and one above which (nearly) nothing does.
struct Range {
  double from, to;
};

struct RangeOf {
  Range operator()(const Latency::Uniform& u) const { return {u.least, u.most}; }
  Range operator()(const Latency::Exponential& e) const {
    return {e.shift, std::min(e.most, e.shift + 50 / e.rate)};
  }
  Range operator()(const Latency::Normal& n) const {
    return {std::max(n.least, n.mean - 40 * n.sd), std::min(n.most, n.mean + 40 * n.sd)};
  }
  Range operator()(const Latency::LogNormal& l) const {
    return {std::exp(l.location - 40 * l.sigma), std::exp(l.location + 40 * l.sigma)};
  }
  Range operator()(const Latency::LogStudent& l) const {
    return {std::exp(l.location - 500 * l.scale),
            std::exp(std::min(l.location + 500 * l.scale, 690.0))};
  }
  Range operator()(const Latency::Empirical& e) const { return {0, e.sorted.back() * e.beyond}; }
};

/// Borders of cells: evenly spread where the logarithm's law has its body, wider in its tail.
std::vector<double> log_borders(double location, double scale, double tail, int count) {
  std::vector<double> borders;
  for (int i = 0; i <= count; ++i) {
    const double u = -1 + 2.0 * i / count;
    const double z = 3.2 * u + (u > 0 ? tail * u * u * u : 0.8 * u * u * u);
    borders.push_back(std::exp(location + scale * z));
  }
  return borders;
}

} // namespace

Latency Latency::fixed(double seconds) {
  return Latency(Uniform{seconds, seconds});
}

Latency Latency::uniform(double least, double most) {
  return Latency(Uniform{least, most});
}

Latency Latency::exponential(double rate, double shift, double most) {
  return Latency(Exponential{rate, shift, most});
}

Latency Latency::normal(double mean, double sd, double least, double most) {
  return sd > 0 ? Latency(Normal{mean, sd, least, most}) : fixed(mean);
}

Latency Latency::lognormal(double median, double sigma) {
  return sigma > 0 ? Latency(LogNormal{std::log(median), sigma}) : fixed(median);
}

Latency Latency::log_student(double location, double scale, double df) {
  return scale > 0 ? Latency(LogStudent{location, scale, df}) : fixed(std::exp(location));
}

Latency Latency::empirical(std::vector<double> seconds, double beyond) {
  std::sort(seconds.begin(), seconds.end());
  return Latency(Empirical{std::move(seconds), beyond});
}

double Latency::cdf(double seconds) const {
  return std::visit([seconds](const auto& law) { return cdf_of(law, seconds); }, m_law);
}

double Latency::density(double seconds) const {
  return std::visit([seconds](const auto& law) { return density_of(law, seconds); }, m_law);
}

double Latency::quantile(double p) const {
  if (const auto* l = std::get_if<LogNormal>(&m_law)) {
    return std::exp(l->location + l->sigma * normal_quantile(p));
  }
  if (const auto* l = std::get_if<LogStudent>(&m_law)) {
    // Its tails are too wide for a range in seconds: of the logarithm, and not beyond what a double
    // holds.
    const auto at = [&](double x) { return cdf(std::exp(x)) - p; };
    constexpr double k_widest = 690;
    const double wide = std::min(500 * l->scale, k_widest);
    return std::exp(find_zero(at, std::max(l->location - wide, -k_widest),
                              std::min(l->location + wide, k_widest)));
  }
  auto [from, to] = std::visit(RangeOf{}, m_law);
  // In the logarithm where it spans decades: bisection then takes as many steps for each.
  const bool decades = from > 0 && to / from > 1e3;
  if (decades) {
    return std::exp(
        find_zero([&](double x) { return cdf(std::exp(x)) - p; }, std::log(from), std::log(to)));
  }
  return find_zero([&](double x) { return cdf(x) - p; }, from, to);
}

double Latency::mean() const {
  double sum = 0;
  double mass = 0;
  for (const auto& cell : cells(200)) {
    if (mass > 0.999) {
      break;
    }
    sum += cell.mass * cell.middle;
    mass += cell.mass;
  }
  return sum / mass;
}

std::vector<Cell> Latency::cells(int count) const {
  std::vector<double> borders;
  if (const auto* u = std::get_if<Uniform>(&m_law); u != nullptr && u->least >= u->most) {
    return {{u->least, u->least, u->least, 1}};
  }
  if (const auto* e = std::get_if<Empirical>(&m_law)) {
    // Its steps are where its mass is; only so many of them as are asked for.
    borders.push_back(0);
    const auto n = static_cast<int>(e->sorted.size());
    for (int i = 1; i <= count; ++i) {
      borders.push_back(i < count && i * n / count < n
                            ? e->sorted[static_cast<std::size_t>(i * n / count)]
                            : e->sorted.back() * (i < count ? 1 : e->beyond));
    }
  } else if (const auto* l = std::get_if<LogNormal>(&m_law)) {
    borders = log_borders(l->location, l->sigma, 1.2, count);
  } else if (const auto* s = std::get_if<LogStudent>(&m_law)) {
    borders = log_borders(s->location, s->scale, 1.2 + 40 / s->df, count);
  } else {
    const auto [from, to] = std::visit(RangeOf{}, m_law);
    borders.push_back(from);
    for (int i = 1; i < count; ++i) {
      borders.push_back(quantile(normal_cdf(-4.2 + 8.4 * i / count)));
    }
    borders.push_back(to);
  }
  std::vector<Cell> out;
  double below = 0; // what is under the first border belongs to the first cell
  for (std::size_t i = 1; i < borders.size(); ++i) {
    const double up_to = cdf(borders[i]);
    if (up_to > below) {
      out.push_back({borders[i - 1], borders[i], (borders[i - 1] + borders[i]) / 2, up_to - below});
      below = up_to;
    }
  }
  return out;
}

} // namespace gpujob::saving
