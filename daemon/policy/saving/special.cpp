// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/special.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace gpujob::saving {

namespace {

/// The continued fraction of the incomplete beta function, by Lentz's method (Numerical
/// Recipes 6.4).
double beta_fraction(double a, double b, double x) {
  constexpr double k_tiny = 1e-300;
  const auto not_zero = [](double v) { return std::abs(v) < k_tiny ? k_tiny : v; };
  double c = 1;
  double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
  double h = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / not_zero(1 + even * d);
    c = not_zero(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / not_zero(1 + odd * d);
    c = not_zero(1 + odd / c);
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-14) {
      break;
    }
  }
  return h;
}

} // namespace

double normal_density(double z) {
  return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

double normal_cdf(double z) {
  return std::erfc(-z / std::numbers::sqrt2) / 2;
}

double normal_quantile(double p) {
  if (p <= 0 || p >= 1) {
    return (p <= 0 ? -1 : 1) * std::numeric_limits<double>::infinity();
  }
  if (p > 0.5) {
    return -normal_quantile(1 - p);
  }
  // Hastings (Abramowitz and Stegun 26.2.23, good to 4.5e-4), then Newton on the logarithm, which
  // is concave: it converges from anywhere in the tail.
  const double t = std::sqrt(-2 * std::log(p));
  double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int i = 0; i < 3; ++i) {
    const double below = normal_cdf(z);
    z -= std::log(below / p) * below / normal_density(z);
  }
  return z;
}

double student_density(double t, double df) {
  return std::exp(std::lgamma((df + 1) / 2) - std::lgamma(df / 2) -
                  (df + 1) / 2 * std::log1p(t * t / df)) /
         std::sqrt(df * std::numbers::pi);
}

double student_cdf(double t, double df) {
  const double tail = incomplete_beta(df / 2, 0.5, df / (df + t * t)) / 2;
  return t < 0 ? tail : 1 - tail;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) {
    return x <= 0 ? 0 : 1;
  }
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double lambert_w0(double x) {
  // Near the branch point -1/e the series in p; else Halley from there (Corless et al. 1996).
  const double p = std::sqrt(std::max(0.0, 2 * (std::numbers::e * x + 1)));
  double w = -1 + p * (1 - p * (1.0 / 3 - p * 11.0 / 72));
  for (int i = 0; i < 50 && p > 1e-6; ++i) {
    const double e = std::exp(w);
    const double f = w * e - x;
    const double step = f / (e * (w + 1) - (w + 2) * f / (2 * w + 2));
    w -= step;
    if (std::abs(step) < 1e-15) {
      break;
    }
  }
  return w;
}

double maximize(const std::function<double(double)>& f, double from, double to, double width) {
  constexpr double k_ratio = std::numbers::phi - 1;
  double low = to - k_ratio * (to - from);
  double high = from + k_ratio * (to - from);
  double at_low = f(low);
  double at_high = f(high);
  while (to - from > width && low < high) {
    if (at_low >= at_high) {
      to = high;
      high = low;
      at_high = at_low;
      at_low = f(low = to - k_ratio * (to - from));
    } else {
      from = low;
      low = high;
      at_low = at_high;
      at_high = f(high = from + k_ratio * (to - from));
    }
  }
  return (from + to) / 2;
}

double find_zero(const std::function<double(double)>& f, double from, double to) {
  const bool rising = f(to) > f(from);
  for (int i = 0; i < 200; ++i) {
    const double middle = (from + to) / 2;
    if (middle <= from || middle >= to) {
      break;
    }
    ((f(middle) > 0) == rising ? to : from) = middle;
  }
  return (from + to) / 2;
}

double integrate(const std::function<double(double)>& f, double from, double to, int steps) {
  const double h = (to - from) / steps;
  double sum = f(from) + f(to);
  for (int i = 1; i < steps; ++i) {
    sum += (i % 2 == 1 ? 4 : 2) * f(from + i * h);
  }
  return sum * h / 3;
}

} // namespace gpujob::saving
