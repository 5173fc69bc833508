// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/latency.h"

/// The one save before a fixed end (THEORY section 2; Barbut, Benoit, Herault, Robert, Vivien,
/// "When to checkpoint at the end of a fixed-length reservation?", FTXS 2023).
namespace gpujob::saving {

struct FinalSave {
  double lead;     ///< X: seconds before the end at which it starts
  double expected; ///< E: seconds of work that are durable, on average
  double miss;     ///< the probability that it does not end in time
};

/// What a save that starts `lead` before the end brings; `stake` is R, the seconds from the last
/// durable checkpoint to the end, and `end_sd` the standard deviation of an end that is not known
/// to the second (normal).
FinalSave final_save(const Latency& latency, double stake, double lead, double end_sd = 0);

/// The lead that brings most. In closed form for the uniform and the exponential law, else numeric.
FinalSave best_final_save(const Latency& latency, double stake, double end_sd = 0);

/// X ~ mean + sd sqrt(2 ln((R - mean) / (sd sqrt(2 pi)))): the normal law's optimum, approximately.
double approximate_normal_lead(double mean, double sd, double stake);

} // namespace gpujob::saving
