# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed and its program is gone, so that nothing can bring it back.

The shims keep the last plan: each asks its job at the planned instant, sends TERM and KILL at theirs,
and journals what it did and heard. A later daemon tells it all.
"""
import datetime
import json
import os
import signal

from machine import PYTHON, SAVER, Case, main, wait_until

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", 1))
LEAD = 8 * SLOW
GRACE, KILL_GRACE = 0.75 * LEAD, 0.125 * LEAD  # as daemon/policy/lead.cpp parts it


def seconds(instant):
    return datetime.datetime.fromisoformat(instant).timestamp()


class Alone(Case):
    def setUp(self):
        super().setUp()
        self.vm.own_programs()
        self.vm.start("--session-limit", f"{40 * SLOW:.1f}s", "--session-start", "now", "--slots", "3")

    def begin(self, name, *command):
        self.vm.ok("run", "-d", "--name", name, "--lead", f"{LEAD:.1f}s", "--", *command)

    def abandon(self):
        """kill -9, with nobody to come back. Returns what brings the program back."""
        daemon = self.vm.bin + "/gpujobd"
        os.rename(daemon, daemon + ".away")
        os.kill(self.vm.daemon_pid(), signal.SIGKILL)
        return lambda: os.rename(daemon + ".away", daemon)

    def journal(self, view):
        """The records of its only attempt, by kind; of a kind that comes twice the last."""
        with open(f"{self.vm.root}/s/jobs/{view['id']}/1/journal.jsonl") as f:
            return {record["kind"]: record for record in map(json.loads, f)}

    def test_the_shims_keep_the_plan_and_a_later_daemon_tells_it_all(self):
        self.begin("saves", PYTHON, SAVER, "100000")
        self.begin("exits", PYTHON, SAVER, "100000", "--exit85")
        self.begin("deaf", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
        for name in ("saves", "exits"):
            wait_until(lambda: self.vm.show(name)["catches"], "the handler is there")
        self.vm.wait_state("deaf", "running")
        before = {name: self.vm.show(name) for name in ("saves", "exits", "deaf")}
        self.assertEqual({v["state"] for v in before.values()}, {"running"})
        come_back = self.abandon()
        wait_until(lambda: not self.vm.processes(), "jobs and shims have ended", 60 * SLOW)
        self.assertEqual(self.vm.run("daemon", "status").returncode, 3)

        come_back()
        for name, was in before.items():
            with open(f"{self.vm.root}/s/jobs/{was['id']}/1/shim.log") as log:
                self.assertIn(self.vm.bin + "/gpujobd: No such file", log.read())
            with self.subTest(job=name):
                view = self.vm.wait_state(name, "parked")
                records = self.journal(was)
                asked = records["requested"]
                self.assertTrue(asked["final"])
                self.assertAlmostEqual(asked["wall_ns"] / 1e9, seconds(was["plan"]["request_at"]), delta=SLOW)
                self.assertEqual((view["attempt"], view["failures"]), (1, 0))
                ended = records["leader_exited"]["wall_ns"] / 1e9
                self.assertAlmostEqual(seconds(view["ended_at"]), ended, delta=SLOW)
                getattr(self, "told_of_" + name)(view, records)

    def told_of_saves(self, view, records):
        self.assertEqual((view["exit"], view["signal"]), (143, "TERM"))
        self.confirmed(view, records)
        self.spaced(records, "requested", "term_sent", GRACE)

    def told_of_exits(self, view, records):
        self.assertEqual((view["exit"], view["signal"]), (85, None))
        self.confirmed(view, records)
        self.assertNotIn("term_sent", records)

    def told_of_deaf(self, view, records):
        self.assertEqual((view["exit"], view["signal"]), (137, "KILL"))
        self.assertFalse(any(c["confirmed"] for c in view["checkpoints"]))
        self.spaced(records, "requested", "term_sent", GRACE)
        self.spaced(records, "term_sent", "kill_sent", KILL_GRACE)

    def confirmed(self, view, records):
        newest, heard = view["checkpoints"][-1], records["checkpoint"]
        self.assertEqual((newest["confirmed"], newest["how"], newest["step"], newest["path"]),
                         (True, "notify", heard["step"], heard["path"]))
        with open(newest["path"]) as f:
            self.assertEqual(int(f.read()), newest["step"])

    def spaced(self, records, first, then, planned):
        between = (records[then]["boot_ns"] - records[first]["boot_ns"]) / 1e9
        self.assertGreater(between, planned - 0.1)  # what it took to send and to write it down
        self.assertLess(between, planned + 3 * SLOW)


if __name__ == "__main__":
    main()
