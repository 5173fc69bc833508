// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "daemon/store/store.h"

#include <cstdio>

/// record_day DB SESSION: writes twelve hours of a session until now into the daemon's database, by
/// the daemon's own code: twelve jobs, each of four attempts, a save every five minutes.
int main(int argc, char** argv) {
  using namespace gpujob;
  using namespace std::chrono_literals;
  if (argc != 3) {
    std::fputs("record_day DB SESSION\n", stderr);
    return 2;
  }
  auto opened = store::Store::open(argv[1], "vm");
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().text.c_str());
    return 1;
  }
  policy::World w;
  w.session.id = argv[2];
  const auto begin = read_clocks().wall - 12h;
  policy::NewRecords news;
  for (int minute = 5; minute <= 12 * 60; minute += 5) {
    for (int j = 0; j < 12; ++j) {
      const auto id = "jday000" + std::string(1, static_cast<char>('a' + j));
      const auto name = "train-" + std::to_string(j);
      const int attempt = 1 + (minute - 1) / 180;
      const auto at = begin + minute * 1min;
      const auto started = begin + (attempt - 1) * 180min;
      const bool last = minute % 180 == 0;
      if (minute % 180 == 5) {
        news.events.push_back(
            {started, policy::Happened::run_started, id, name, attempt, "starts"});
      }
      news.events.push_back({at - 20s, policy::Happened::checkpoint, id, name, attempt,
                             "checkpoint (step 1200), 1.2 GB, by notify, stored"});
      policy::AttemptRecord a{id, name, attempt, started, {}, "running", at - 20s - started,
                              {}, {}};
      if (last) {
        a.ended = at;
        a.state = "interrupted";
        a.lost = 20s;
        a.why_lost = "exit code 75 after a new checkpoint: to be resumed";
        news.events.push_back({at, policy::Happened::run_ended, id, name, attempt, a.why_lost});
      }
      news.attempts.push_back(std::move(a));
    }
  }
  const auto done = (*opened)->commit(w, {}, store::Outlives::power_cut, news);
  if (!done) {
    std::fprintf(stderr, "%s\n", done.error().text.c_str());
  }
  return done ? 0 : 1;
}
