// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/window.h"
#include "tests/policy/limits/fixture.h"

using namespace gpujob;
using namespace gpujob::test;
using namespace gpujob::limits;

namespace {

Window kaggle() {
  return {"gpu", 30h, WeeklyAnchor{Weekday::saturday, {}, zone("UTC")}, OnExhausted::deny_new};
}

Window studio_lab() {
  return {"gpu", 4h, RollingAnchor{24h}, OnExhausted::kill_now};
}

} // namespace

TEST_CASE("Kaggle: with 3 h of quota left nothing ends a session before its cap") {
  Usage u;
  u.add(use("2026-11-15T00:00:00+00:00", 27h));
  const auto h = look(kaggle(), u, true, at("2026-11-18T00:00:00+00:00"));
  CHECK(h.left == 3h);
  CHECK(h.runs_out == at("2026-11-18T03:00:00+00:00"));
  CHECK_FALSE(h.ends_session());
  CHECK(h.renews == at("2026-11-21T00:00:00+00:00"));
}

TEST_CASE("Kaggle: use of the week before does not count, and half of one that spans the reset") {
  Usage u;
  u.add(use("2026-11-20T22:00:00+00:00", 4h));
  CHECK(look(kaggle(), u, false, at("2026-11-21T02:00:00+00:00")).left == 28h);
  CHECK(look(kaggle(), u, false, at("2026-11-20T23:00:00+00:00")).left == 29h);
}

TEST_CASE("Kaggle: all used, and then the week begins anew") {
  Usage u;
  u.add(use("2026-11-18T00:00:00+00:00", 31h));
  const auto now = at("2026-11-20T23:00:00+00:00");
  CHECK(look(kaggle(), u, false, now).left == 0h);
  CHECK(look(kaggle(), u, true, now).runs_out == at("2026-11-19T06:00:00+00:00")); // since then
  CHECK(look(kaggle(), u, true, now + 1h).left == 30h);
}

TEST_CASE("Studio Lab: 4 h from 16:15 are gone until 16:15 the next day") {
  Usage u;
  u.add(use("2023-07-06T16:15:00+00:00", 4h));
  const auto h = look(studio_lab(), u, false, at("2023-07-06T20:15:00+00:00"));
  CHECK(h.left == 0h);
  CHECK(h.renews == at("2023-07-07T16:15:00+00:00"));
  CHECK(look(studio_lab(), u, false, at("2023-07-07T16:14:59+00:00")).left == 0h);
  const auto anew = look(studio_lab(), u, false, at("2023-07-07T16:15:00+00:00"));
  CHECK(anew.left == 4h);
  CHECK_FALSE(anew.renews);
}

TEST_CASE("Studio Lab: what runs is ended when its hours are used up") {
  Usage u;
  u.add(use("2023-07-06T16:15:00+00:00", 1h));
  u.add(use("2023-07-06T20:00:00+00:00", 30min, "s2"));
  const auto h = look(studio_lab(), u, true, at("2023-07-06T20:30:00+00:00"));
  CHECK(h.left == 150min);
  CHECK(h.ends_session() == at("2023-07-06T23:00:00+00:00"));
}

TEST_CASE("Studio Lab: a first use begins the count") {
  const auto now = at("2023-07-06T16:15:00+00:00");
  CHECK(look(studio_lab(), {}, false, now).left == 4h);
  CHECK(look(studio_lab(), {}, true, now).ends_session() == now + 4h);
}

TEST_CASE("where the period ends first, the next one counts from its begin") {
  Usage u;
  u.add(use("2023-07-06T16:00:00+00:00", 1h));
  // 3 h are left, and the period has 2 h to go.
  const auto h = look(studio_lab(), u, true, at("2023-07-07T14:00:00+00:00"));
  CHECK(h.left == 3h);
  CHECK(h.ends_session() == at("2023-07-07T20:00:00+00:00"));
}

TEST_CASE("a period that is as long as its amount never runs out") {
  const Window w{"gpu", 24h, RollingAnchor{24h}, OnExhausted::kill_now};
  Usage u;
  u.add(use("2023-07-06T16:00:00+00:00", 1h));
  CHECK_FALSE(look(w, u, true, at("2023-07-06T18:00:00+00:00")).runs_out);
}

TEST_CASE("plan hours that begin anew on each anniversary") {
  const Window w{"gpu", 10h, MonthlyAnchor{31, {}, zone("UTC")}, OnExhausted::kill_now};
  Usage u;
  u.add(use("2020-02-28T20:00:00+00:00", 8h)); // the anniversary is 29 February
  const auto before = look(w, u, false, at("2020-02-28T23:00:00+00:00"));
  CHECK(before.left == 7h);
  CHECK(before.renews == at("2020-02-29T00:00:00+00:00"));
  CHECK(look(w, u, false, at("2020-02-29T04:00:00+00:00")).left == 6h);
}
