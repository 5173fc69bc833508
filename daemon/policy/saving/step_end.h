// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/latency.h"

#include <optional>

/// Saves that only a step's end allows: training loops that poll a flag (THEORY section 3).
namespace gpujob::saving {

/// The law of one step's duration, seconds; steps are independent.
struct Steps {
  enum class Law { normal, gamma, poisson };
  Law law;
  double first;      ///< mean (normal, poisson), shape (gamma)
  double second = 0; ///< sd (normal), scale (gamma)

  [[nodiscard]] double mean() const;
};

/// How many steps to make before the save when that is decided beforehand.
struct StaticSteps {
  int steps;       ///< n*
  double expected; ///< seconds of work that are durable, on average
};
StaticSteps best_static_steps(const Steps& steps, const Latency& latency, double stake);

/// W*: at the first step's end with at least so much work done since the last durable checkpoint,
/// save (one-step look-ahead: one more step is expected to bring no more than it risks).
double save_threshold(const Steps& steps, const Latency& latency, double stake);

/// Steps that are ends of a rhythm, seen from now: the next one ends in `first` seconds, each takes
/// `mean`, with a standard deviation `sd`.
struct StepEnds {
  double first, mean, sd;
};

/// Which step's end, in seconds from now, the last save should start at, when `left` seconds are
/// left for it to be durable and `at_risk` seconds of work have been done since the last one: that
/// of the highest (at_risk + t) F(left - t), where t varies as steps do (the static rule of THEORY
/// section 3, for steps that are alike). nullopt: no step ends in time. Cheap: a step's end is
/// looked at only where the latency leaves a doubt.
std::optional<double> best_step_end(const StepEnds& ends, const Latency& latency, double at_risk,
                                    double left);

} // namespace gpujob::saving
