# SPDX-License-Identifier: Apache-2.0
"""The state directory is deleted under the daemon and its jobs.

Nothing crashes and nothing is made up: what runs goes on, its end is known as it was, what cannot be
shown is said, and the next daemon starts.
"""
import os
import shutil

from machine import PYTHON, SAVER, Case, main, wait_until


class State(Case):
    def scene(self):
        """Two jobs of a daemon whose state directory has gone."""
        os.mkdir(self.path("d"))
        self.vm.start("--session-limit", "2h", "--slots", "3", "--durable", self.path("d"))
        script = f"until [ -e {self.path('go')} ]; do sleep 0.05; done; exit 7"
        self.vm.ok("run", "-d", "--name", "x", "--", "sh", "-c", script)
        self.vm.ok("run", "-d", "--name", "y", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("y")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "y", "--wait")
        self.pids = {name: self.vm.show(name)["pid"] for name in ("x", "y")}
        # Who writes there meanwhile may bring a folder back.
        wait_until(lambda: shutil.rmtree(self.vm.root + "/s", ignore_errors=True) or
                   not os.path.exists(self.vm.root + "/s"), "it is gone")
        return self.vm.daemon_pid()

    def test_what_runs_goes_on_and_its_end_is_known(self):
        daemon = self.scene()
        for name, pid in self.pids.items():
            self.assertEqual((self.vm.show(name)["state"], self.vm.show(name)["pid"]), ("running", pid))
        open(self.path("go"), "w").close()
        self.assertEqual(self.vm.run("wait", "x").returncode, 7)
        view = self.vm.show("x")
        self.assertEqual((view["state"], view["exit"], view["attempt"]), ("failed", 7, 1))
        # Where it should save is gone: it fails over that, or it is told that nothing was found.
        self.assertNotEqual(self.vm.run("checkpoint", "y", "--wait").returncode, 0)
        self.assertEqual(self.vm.daemon_pid(), daemon)

    def test_new_jobs_run_and_what_is_missing_is_said(self):
        daemon = self.scene()
        told = self.vm.ok("logs", "y")
        self.assertEqual(told.stdout, b"")
        self.assertIn(b"was removed", told.stderr)
        done = self.vm.run("run", "--name", "z", "--", "sh", "-c", "echo here; exit 3")
        self.assertEqual((done.returncode, done.stdout), (3, b"here\n"))
        self.vm.ok("stop", "y", timeout=100)
        self.assertEqual(self.vm.show("y")["state"], "stopped")
        self.assertEqual(self.vm.daemon_pid(), daemon)

    def test_the_next_daemon_starts_and_knows_what_is_stored(self):
        self.scene()
        step = self.vm.show("y")["checkpoints"][-1]["step"]
        self.vm.ok("stop", "--all", timeout=100)
        self.vm.ok("daemon", "stop")
        wait_until(lambda: self.vm.daemon_pid() is None, "the daemon is gone")
        self.vm.start("--durable", self.path("d"))
        self.vm.ok("run", "-d", "--take-over", "--name", "y", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: b"begin" in self.vm.run("logs", "y").stdout, "it began")
        self.assertEqual(self.vm.run("logs", "y").stdout.split(b"\n")[0], b"begin %d" % step)

    def test_a_daemon_that_knows_nothing_of_a_job_leaves_it_its_sockets(self):
        self.vm.start("--session-limit", "2h")
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        for state in (("--state", self.path("other")), ("--state", self.vm.root + "/s")):
            self.vm.ok("daemon", "stop")
            wait_until(lambda: self.vm.daemon_pid() is None, "the daemon is gone")
            self.vm.start(*state)
        with open(self.path("other") + "/daemon.log") as f:
            self.assertIn("is not of this state directory", f.read())
        self.vm.ok("checkpoint", "x", "--wait")
        self.vm.ok("stop", "x")
        self.assertEqual(self.vm.show("x")["state"], "stopped")


if __name__ == "__main__":
    main()
