// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How often to save when sessions die without warning (THEORY section 1). Everything in this room
/// is seconds as `double`: its formulas are real analysis, and no instant of it is kept or
/// compared.
namespace gpujob::saving {

/// What a life of random interruptions is made of.
struct Interruptions {
  double mean_between;     ///< M, seconds between two interruptions
  double save_cost;        ///< delta, seconds that one save stops the work
  double restart_cost = 0; ///< R, seconds from an interruption until work goes on
};

/// Young 1974 (CACM 17): sqrt(2 delta M), seconds of work between two saves.
double young_interval(const Interruptions& life);
/// The share of time that it wastes, to first order: sqrt(2 delta / M).
double young_waste(const Interruptions& life);

/// Daly 2006 (FGCS 22), equation 37: the higher-order estimate; M when delta >= 2 M.
double daly_interval(const Interruptions& life);

/// The interval that makes `wall_time` least: M (1 + W0(-e^(-delta/M - 1))), seconds.
double exact_interval(const Interruptions& life);

/// Expected seconds for `work` seconds of work with a save after each `interval` (Daly, equation
/// 20).
double wall_time(const Interruptions& life, double work, double interval);

/// Saves at even distances under a cap that nothing moves (the arithmetic of HTCondor's manual).
struct EvenSaves {
  int saves;        ///< that end within the cap
  double last_ends; ///< seconds from the session's start
  double wasted;    ///< seconds of the cap after it
};
EvenSaves even_saves(double cap, double save_cost, double interval);
/// The interval for which the k-th save ends with the cap: cap / k - save_cost.
double interval_of_even_saves(double cap, double save_cost, int saves);

} // namespace gpujob::saving
