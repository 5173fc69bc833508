# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon at every named point of its code, and then the next daemon.

    crash point     what it is between            row: its 1st ... LASTth passage
    before_commit   decided / stored              nothing was stored: nothing was done
    after_commit    stored / done                 what was to be done is done by the next
    before_launch   stored / a shim started       held or started, never both
    after_launch    a shim started / known of     found again by its lock
    after_secure    a copy made / heard of        asked about again
    after_perform   done / told to watchers       told by the next

What must hold in each row: no attempt starts twice, no exit code is lost or made up, what was
confirmed stays confirmed, and a user who says the same line again is through in the end.
"""
import collections
import json
import os

from machine import PYTHON, SAVER, Case, main, wait_until

LAST = 6
POINTS = ("before_commit", "after_commit", "before_launch", "after_launch", "after_secure",
          "after_perform")


class Crash(Case):
    def insist(self, *args):
        """The same line until it is taken: what a user does."""
        return wait_until(lambda: (done := self.vm.run(*args)).returncode == 0 and done, args)

    def look(self, name):
        """The daemon may die while it is asked, too."""
        return json.loads(self.insist("show", name, "--json").stdout)

    def look_until(self, name, *states):
        return wait_until(lambda: (v := self.look(name))["state"] in states and v, f"{name} is {states}")

    def starts(self, name):
        """(attempt, pid) of every process that has ever begun as this job."""
        try:
            with open(self.path(name + ".starts")) as f:
                return [tuple(line.split()) for line in f]
        except FileNotFoundError:
            return []

    def begin(self, name, *command):
        """A job whose every start leaves a line in a file of its own."""
        note = f'echo "$GPUJOB_ATTEMPT $$" >> {self.path(name + ".starts")}; exec "$@"'
        return ["run", "--name", name, "--", "sh", "-c", note, "sh", *command]

    def row(self, point, nth):
        self.vm = self.machine(f"{point}-{nth}")
        mark = self.vm.root + "/crashed"
        os.mkdir(self.vm.root + "/d")
        # It may die before it has said that it listens.
        self.vm.run("daemon", "start", "--durable", self.vm.root + "/d", "--session-limit", "1h",
                    env={"GPUJOB_TEST_CRASH_AT": f"{point}:{nth}", "GPUJOB_TEST_CRASH_MARK": mark})
        name = f"x-{point}-{nth}"
        counts = self.begin(name, PYTHON, SAVER, "100000")
        # Held, when the daemon died between its word and the start: the line is said again.
        wait_until(lambda: self.insist(counts[0], "-d", *counts[1:]) and
                   self.look(name)["state"] in ("starting", "running"), "it runs")
        self.insist("checkpoint", name, "--wait")
        saved = [c for c in self.look(name)["checkpoints"] if c["confirmed"]][-1]
        self.insist("stop", name)
        view = self.look_until(name, "stopped")
        self.assertGreaterEqual(max(c["step"] for c in view["checkpoints"] if c["confirmed"]), saved["step"])

        code = self.vm.run(*self.begin(f"y-{point}-{nth}", "sh", "-c", "exit 7"), timeout=60).returncode
        if self.starts(f"y-{point}-{nth}"):
            view = self.look_until(f"y-{point}-{nth}", "failed", "held")
            self.assertEqual((view["state"], view["exit"]), ("failed", 7))
            self.assertIn(code, (7, 1, 3))  # 1, 3: its client lost the daemon before it was told
        for job in (name, f"y-{point}-{nth}"):
            attempts = collections.Counter(attempt for attempt, _ in self.starts(job))
            self.assertLessEqual(max(attempts.values(), default=0), 1, f"{job} started twice: {attempts}")
        crashed = os.path.exists(mark)
        self.vm.vanish()
        return crashed

    def rows(self, point):
        crashes = 0
        for nth in range(1, LAST + 1):
            with self.subTest(point=point, passage=nth):
                crashes += self.row(point, nth)
        # A table of crashes that never happened would prove nothing.
        self.assertGreaterEqual(crashes, 2 if point in ("before_launch", "after_launch", "after_secure") else LAST)

    def test_before_commit(self):
        self.rows("before_commit")

    def test_after_commit(self):
        self.rows("after_commit")

    def test_before_launch(self):
        self.rows("before_launch")

    def test_after_launch(self):
        self.rows("after_launch")

    def test_after_secure(self):
        self.rows("after_secure")

    def test_after_perform(self):
        self.rows("after_perform")


if __name__ == "__main__":
    main()
