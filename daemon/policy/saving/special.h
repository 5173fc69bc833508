// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

/// The functions of mathematics that <cmath> lacks, to about 1e-12.
namespace gpujob::saving {

/// Density of the standard normal law.
double normal_density(double z);
/// P(Z <= z); accurate in both tails.
double normal_cdf(double z);
/// The z below which a share p of the standard normal law lies; p in (0, 1).
double normal_quantile(double p);

/// Density of Student's law with `df` > 0 degrees of freedom (need not be whole).
double student_density(double t, double df);
double student_cdf(double t, double df); ///< P(T <= t) for it

/// The regularised incomplete beta function I_x(a, b), by continued fraction; a, b > 0. Of `n`
/// trials with chance p at least k succeed with I_p(k, n - k + 1).
double incomplete_beta(double a, double b, double x);

/// Lambert's W, principal branch: w e^w = x for x in [-1/e, 0].
double lambert_w0(double x);

/// Where f, unimodal between the two, is greatest: golden section, until the bracket is `width`
/// wide.
double maximize(const std::function<double(double)>& f, double from, double to, double width);
/// Where f, of opposite sign at the two ends, is zero: bisection to the last digit.
double find_zero(const std::function<double(double)>& f, double from, double to);
/// Integral of a smooth f: Simpson's rule over `steps` (even) intervals.
double integrate(const std::function<double(double)>& f, double from, double to, int steps);

} // namespace gpujob::saving
