// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <utility>
#include <variant>
#include <vector>

namespace gpujob::saving {

/// A piece of a latency's law: all that lies in (lower, upper], taken to lie at `middle`.
struct Cell {
  double lower, upper, middle; ///< seconds
  double mass;                 ///< its probability, exact
};

/// The law of the seconds from a request to a durable, verified checkpoint (or of any other delay).
/// A value; nothing in it is below zero.
class Latency {
public:
  static Latency fixed(double seconds);
  static Latency uniform(double least, double most);
  /// Exponential with `rate` per second, shifted to `shift`, cut off at `most`.
  static Latency exponential(double rate, double shift = 0,
                             double most = std::numeric_limits<double>::infinity());
  /// Normal, cut off at both ends.
  static Latency normal(double mean, double sd, double least = 0,
                        double most = std::numeric_limits<double>::infinity());
  /// ln C ~ N(ln median, sigma^2).
  static Latency lognormal(double median, double sigma);
  /// ln C = location + scale * Student(df): what is predicted from a few saves (Barbut et al. have
  /// the law known; this is the predictive law of a lognormal one that is not).
  static Latency log_student(double location, double scale, double df);
  /// No law assumed: the i-th smallest of n has i/(n+1) of the probability below it. What lies
  /// beyond the largest is spread evenly up to `beyond` times it.
  static Latency empirical(std::vector<double> seconds, double beyond = 2);

  [[nodiscard]] double cdf(double seconds) const; ///< P(C <= seconds)
  [[nodiscard]] double survival(double seconds) const { return 1 - cdf(seconds); }
  [[nodiscard]] double density(double seconds) const; ///< per second; 0 for what has none
  [[nodiscard]] double quantile(double p) const;      ///< p in (0, 1)
  /// Of the law cut off at its 0.999 quantile: a heavy tail has no mean, and the cut is the same
  /// for all laws so that they compare.
  [[nodiscard]] double mean() const;

  /// About `count` pieces, ascending, with exact masses; what is left above the last (some 1e-5 of
  /// it, more for heavy tails) counts as "never".
  [[nodiscard]] std::vector<Cell> cells(int count = 40) const;

  struct Uniform {
    double least, most;
  };
  struct Exponential {
    double rate, shift, most;
  };
  struct Normal {
    double mean, sd, least, most;
  };
  struct LogNormal {
    double location, sigma;
  };
  struct LogStudent {
    double location, scale, df;
  };
  struct Empirical {
    std::vector<double> sorted;
    double beyond;
  };
  using Law = std::variant<Uniform, Exponential, Normal, LogNormal, LogStudent, Empirical>;
  [[nodiscard]] const Law& law() const { return m_law; }

private:
  explicit Latency(Law law) : m_law(std::move(law)) {}
  Law m_law;
};

} // namespace gpujob::saving
