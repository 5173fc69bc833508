# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set while a job runs with a planned request.

No deadline moves, the request comes at its planned instant of the boot clock, instants are told as
the clock reads now, and the next VM goes on from what was stored.
"""
import json
import os
import time

from clocks import Clocks, seconds
from machine import PYTHON, SAVER, Case, main, wait_until

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", 1))
DAY = 86400.0
LEAD = 6 * SLOW


class Clock(Case):
    def set_to(self, ahead):
        clocks = Clocks(self.vm)
        durable = self.path("d")
        os.mkdir(durable)
        self.vm.start("--session-limit", f"{45 * SLOW:.1f}s", "--session-start", "now", "--durable", durable)
        client = self.vm.popen("run", "--name", "x", "--lead", f"{LEAD:.1f}s", "--", PYTHON, SAVER, "100000")
        client.stdout.readline()
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        before = self.vm.show("x"), self.vm.json("quota")["session"], time.time()
        clocks.shift(real=ahead, boot=0)
        self.plausible(before, ahead)
        # Another daemon of this session finds what the first one stored under the other clock.
        self.vm.kill_daemon()
        wait_until(self.vm.daemon_pid, "a daemon answers")
        self.plausible(before, ahead)

        _, err = client.communicate(timeout=100)
        self.assertEqual(client.returncode, 85, err)
        step = self.ended_as_planned(before[0]["id"])
        self.vm.vanish()
        # A VM whose clock is right takes it from there, and asks nobody's leave.
        other = self.machine("other")
        other.start("--durable", durable)
        other.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        said = wait_until(lambda: other.run("logs", "x").stdout, "it began")
        self.assertEqual(said.split(b"\n")[0], b"begin %d" % step)

    def near(self, one, other):
        # A machine may stand still for seconds; a clock that was followed would be a month away.
        self.assertAlmostEqual(one, other, delta=5 * SLOW)

    def plausible(self, before, ahead):
        (job, quota, then), now = before, time.time()
        view, session = self.vm.show("x"), self.vm.json("quota")["session"]
        self.assertEqual((session["id"], session["limit_s"]), (quota["id"], quota["limit_s"]))
        self.near(session["remaining_s"], quota["remaining_s"] - (now - then))
        for key in ("ends_at", "started_at"):
            self.near(seconds(session[key]), seconds(quota[key]) + ahead)
        self.assertEqual((view["state"], view["attempt"], view["pid"]), ("running", 1, job["pid"]))
        self.near(seconds(view["started_at"]), seconds(job["started_at"]) + ahead)
        for key in ("request_at", "term_at"):
            self.near(seconds(view["plan"][key]), seconds(job["plan"][key]) + ahead)
        self.assertTrue(view["checkpoints"][-1]["confirmed"])

    def ended_as_planned(self, job):
        folder = f"{self.vm.root}/s/jobs/{job}/1/"
        with open(folder + "launch.json") as f:
            plan = json.load(f)["plan"]
        with open(folder + "journal.jsonl") as f:
            at = {r["kind"]: r["boot_ns"] / 1e9 for r in map(json.loads, f)}
        self.near(at["requested"], plan["request_at_ns"] / 1e9)
        view = self.vm.show("x")
        self.assertEqual((view["state"], view["attempt"], view["failures"]), ("parked", 1, 0))
        newest = view["checkpoints"][-1]
        self.assertEqual((newest["confirmed"], newest["how"], newest["durable"]), (True, "notify", "stored"))
        self.near(seconds(view["ended_at"]) - seconds(view["started_at"]), at["leader_exited"] - at["started"])
        return newest["step"]

    def test_the_wall_clock_set_back_a_year_moves_no_deadline(self):
        self.set_to(-365 * DAY)

    def test_the_wall_clock_set_forward_a_month_moves_no_deadline(self):
        self.set_to(30 * DAY)


if __name__ == "__main__":
    main()
