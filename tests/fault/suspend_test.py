# SPDX-License-Identifier: Apache-2.0
"""The machine sleeps over the planned instants, as a laptop or a paused VM does.

Waking up late, the shim asks at once, and TERM and KILL keep the planned distance to what was really
sent before them: a job that is asked late has its time to save all the same. (Only the platform's own
end is nearer: Kaggle's lies half an hour after what gpujob plans to.)
"""
import json
import os
import signal
import time

from clocks import Clocks
from machine import PYTHON, Case, main, wait_until

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", 1))
PLAN_END_S = 11.5 * 3600  # Kaggle's 12 h less the margin
LEAD = 6 * SLOW
GRACE, KILL_GRACE = 0.75 * LEAD, 0.125 * LEAD  # as daemon/policy/lead.cpp parts it

# Hears everything and does nothing: it is asked, TERMed and KILLed.
STUBBORN = ("import signal, time\n"
            "for s in (signal.SIGUSR1, signal.SIGTERM): signal.signal(s, lambda *_: None)\n"
            "while True: time.sleep(0.05)\n")


def boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Suspend(Case):
    def begin(self):
        """A job whose request is some seconds away, and the plan of its shim."""
        started = PLAN_END_S - LEAD - 24 * SLOW
        self.vm.env["GPUJOB_PLATFORM"] = "kaggle"
        self.vm.start("--session-limit", "12h", "--session-start", f"-{started:.1f}s")
        self.vm.ok("run", "-d", "--name", "x", "--lead", f"{LEAD:.1f}s", "--", PYTHON, "-c", STUBBORN)
        view = wait_until(lambda: (v := self.vm.show("x"))["catches"] and v, "the handlers are there")
        self.folder = f"{self.vm.root}/s/jobs/{view['id']}/1/"
        with open(self.folder + "launch.json") as f:
            plan = json.load(f)["plan"]
        self.assertAlmostEqual((plan["term_at_ns"] - plan["request_at_ns"]) / 1e9, GRACE, delta=0.01)
        return plan["request_at_ns"] / 1e9

    def freeze(self, how):
        """Everything at once: whoever is left would bring a daemon back, or ask too early."""
        for pid in self.vm.processes():
            os.kill(pid, how)

    def spacing_is_kept(self, woken):
        self.assertEqual(self.vm.run("wait", "x", timeout=100).returncode, 75)
        view = self.vm.show("x")
        self.assertEqual((view["state"], view["signal"], view["attempt"]), ("parked", "KILL", 1))
        with open(self.folder + "journal.jsonl") as f:
            at = {r["kind"]: r["boot_ns"] / 1e9 for r in map(json.loads, f)}
        self.assertGreater(at["requested"], woken - 0.1)
        self.assertLess(at["requested"], woken + 4 * SLOW)
        for first, then, planned in (("requested", "term_sent", GRACE), ("term_sent", "kill_sent", KILL_GRACE)):
            between = at[then] - at[first]
            self.assertGreater(between, planned - 0.1)  # what it took to send and to write it down
            self.assertLess(between, planned + 4 * SLOW)

    def test_ten_minutes_of_sleep_keep_request_term_and_kill_apart(self):
        clocks = Clocks(self.vm)
        request_at = self.begin()
        self.freeze(signal.SIGSTOP)
        self.assertLess(boot(), request_at)
        clocks.shift(real=600, boot=600)
        self.freeze(signal.SIGCONT)
        self.spacing_is_kept(boot() + 600)

    def test_a_machine_that_is_stopped_over_all_three_keeps_them_apart(self):
        request_at = self.begin()
        self.freeze(signal.SIGSTOP)
        self.assertLess(boot(), request_at)
        wait_until(lambda: boot() > request_at + LEAD, "all three should have been sent", 60 * SLOW)
        self.freeze(signal.SIGCONT)
        self.spacing_is_kept(boot())


if __name__ == "__main__":
    main()
