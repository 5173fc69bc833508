# SPDX-License-Identifier: Apache-2.0
"""What the product is for: sessions that end, and work that does not."""
import os
import re
import shutil
import signal
import subprocess
import time

from machine import PYTHON, SAVER, Case, main, wait_until

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", 1))
SESSION = 22  # a start needs 13 of them, and a busy machine some before it
COUNTS = int(900 * SLOW)  # at 20 a second: more than two sessions


class Session(Case):
    def begin(self, vm, limit, *more):
        vm.start("--session-limit", f"{limit * SLOW:.1f}s", "--session-start", "now", *more)

    def durable(self):
        path = self.path("durable")
        os.makedirs(path, exist_ok=True)
        return path

    def line(self, *more):
        return ["run", "--name", "digits", "--lead", f"{3 * SLOW:.1f}s", "--", PYTHON, SAVER, *more]

    def test_a_job_outlives_its_sessions(self):
        begins, ends = [], []
        for session in range(6):
            vm = self.machine(f"vm{session}")
            self.begin(vm, SESSION, "--durable", self.durable())
            done = vm.run(*self.line(str(COUNTS)), timeout=90)
            out = done.stdout.decode()
            self.assertIn("begin", out, done.stderr.decode())
            begins.append(int(re.search(r"begin (\d+)", out)[1]))
            if done.returncode == 0:
                self.assertIn(f"end {COUNTS}", out)
                break
            self.assertEqual(done.returncode, 85, done.stderr.decode())
            saved = int(re.findall(r"saved (\d+)", out)[-1])
            ends.append(saved)
            view = vm.show("digits")
            self.assertEqual(view["state"], "parked")
            newest = view["checkpoints"][-1]
            self.assertEqual((newest["confirmed"], newest["how"], newest["durable"], newest["step"]),
                             (True, "notify", "stored", saved))
            vm.vanish()
        self.assertEqual(begins, [0, *ends])
        self.assertGreaterEqual(len(begins), 3)
        self.assertEqual(vm.show("digits")["state"], "done")
        self.assertEqual(vm.show("digits")["attempt"], len(begins))

    def test_the_budget_of_interruptions_counts_over_machines(self):
        line = self.line("100000")
        line[1:1] = ["--max-interruptions", "1"]
        for name, code, state in ("vm1", 85, "parked"), ("vm2", 143, "failed"):
            vm = self.machine(name)
            self.begin(vm, SESSION, "--durable", self.durable())
            done = vm.run(*line, timeout=90)
            self.assertEqual(done.returncode, code, done.stderr.decode())
            self.assertEqual(vm.show("digits")["state"], state)
            reason = vm.show("digits")["reason"]
            vm.vanish()
        self.assertIn("interrupted 2 times: see --max-interruptions", reason)

    def test_parked_jobs_are_seen_in_the_next_vm_before_they_are_run(self):
        self.begin(self.vm, SESSION, "--durable", self.durable())
        done = self.vm.run(*self.line("100000"), timeout=90)
        self.assertEqual(done.returncode, 85, done.stderr.decode())
        self.vm.vanish()
        next_vm = self.machine("next")
        self.begin(next_vm, 3600, "--durable", self.durable())
        jobs = next_vm.json("ps")["jobs"]
        self.assertEqual([(j["name"], j["state"]) for j in jobs], [("digits", "parked")])

    def test_a_vm_that_vanishes_loses_nothing_that_was_stored(self):
        self.begin(self.vm, 3600, "--durable", self.durable())
        self.vm.ok("run", "-d", *self.line("100000", "--every", "1000000")[1:])
        wait_until(lambda: self.vm.show("digits")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "digits", "--wait")
        stored = self.vm.show("digits")["checkpoints"][-1]
        self.assertEqual(stored["durable"], "stored")
        self.vm.vanish()
        next_vm = self.machine("next")
        self.begin(next_vm, 3600, "--durable", self.durable())
        view = next_vm.show("digits")
        self.assertEqual((view["state"], view["failures"]), ("parked", 0))
        self.assertIn("vanished", view["reason"])
        next_vm.ok("run", "-d", "--take-over", *self.line("100000")[1:])
        wait_until(lambda: b"begin" in next_vm.run("logs", "digits").stdout, "it began")
        self.assertEqual(next_vm.run("logs", "digits").stdout.split(b"\n")[0],
                         b"begin %d" % stored["step"])

    def test_files_alone_are_an_acknowledgement(self):
        self.begin(self.vm, 3600, "--durable", self.durable())
        self.vm.ok("run", "-d", *self.line("100000", "--period", "0.01", "--every", "50000")[1:])
        path = self.vm.root + "/s/jobs/" + self.vm.show("digits")["id"] + "/ckpt/by-hand.bin"
        self.vm.wait_state("digits", "running")
        with open(path, "w") as f:
            f.write("weights")
        found = wait_until(lambda: [c for c in self.vm.show("digits")["checkpoints"]
                                    if c["confirmed"] and c["durable"]], "it was found and stored")
        self.assertEqual((found[-1]["how"], found[-1]["path"]), ("files", path))

    def ends_on_a_cache(self, *flush):
        """A session on a mount of FUSE; how the checkpoint is there when it has ended."""
        behind, mounted = self.path("behind"), self.path("mounted")
        os.mkdir(behind), os.mkdir(mounted)
        if not shutil.which("bindfs") or subprocess.run(["bindfs", "-n", behind, mounted]).returncode:
            self.skipTest("no bindfs, or no FUSE here")
        self.addCleanup(subprocess.run, ["fusermount", "-uz", mounted], capture_output=True)
        self.begin(self.vm, SESSION, "--durable", mounted + "/gpujob", *flush)
        done = self.vm.run(*self.line("100000"), timeout=90)
        self.assertEqual(done.returncode, 85, done.stderr.decode())
        return lambda: self.vm.show("digits")["checkpoints"][-1]["durable"]

    def test_what_lies_in_a_cache_is_flushed_as_the_last_thing(self):
        seen = self.path("seen")
        level = self.ends_on_a_cache("--flush", f"find {self.path('mounted')} -name end.json >> {seen}")
        wait_until(lambda: level() == "flushed", "it is flushed")
        self.assertEqual(len(open(seen).read().split()), 1, "once, after the end was recorded")

    def test_a_flush_that_fails_makes_nothing_flushed_and_is_warned_of(self):
        warned = self.path("warned")
        level = self.ends_on_a_cache("--flush", f"echo try >> {warned}.tries; exit 3", "--on-warning",
                                     f'echo "$GPUJOB_WARNING" >> {warned}')
        wait_until(lambda: os.path.exists(warned) and "flush: " in open(warned).read(), "it is warned of")
        self.assertEqual(level(), "cached")
        self.assertEqual(open(warned + ".tries").read().count("try"), 3)

    def test_a_flush_of_the_profile_that_has_none_is_refused(self):
        done = self.vm.run("daemon", "start", "--flush", "profile")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"generic has no flush: name the command", done.stderr)

    def test_a_job_that_cannot_save_is_stopped_in_time_and_returns_75(self):
        self.begin(self.vm, SESSION)
        began = time.monotonic()
        done = self.vm.run("run", "--name", "x", "--lead", f"{3 * SLOW:.0f}s", "--", "sleep", "1000")
        self.assertEqual(done.returncode, 75)
        self.assertLess(time.monotonic() - began, SESSION * SLOW)
        view = self.vm.show("x")
        self.assertEqual(view["state"], "parked")
        self.assertFalse(any(c["confirmed"] for c in view["checkpoints"]))
        self.assertEqual(view["signal"], "TERM")
        self.assertIn("ended by the session's limit of ", self.vm.run("ps").stdout.decode())

    def test_a_job_that_is_asked_and_does_not_answer_is_unconfirmed(self):
        self.begin(self.vm, SESSION)
        done = self.vm.run(*self.line("100000", "--mute"), timeout=90)
        self.assertEqual(done.returncode, 75)
        newest = self.vm.show("digits")["checkpoints"][-1]
        self.assertEqual((newest["confirmed"], newest["how"]), (False, "none"))
        self.assertIn(b"unconfirmed", done.stderr)

    def test_without_any_daemon_the_shim_asks_and_ends_in_time(self):
        self.begin(self.vm, SESSION)
        self.vm.ok("run", "-d", *self.line("100000")[1:])
        wait_until(lambda: self.vm.show("digits")["catches"], "the handler is there")
        self.vm.ok("daemon", "stop")  # not undone, so that really nobody is there
        wait_until(lambda: not self.vm.processes(), "job and shim have ended", 40 * SLOW)
        # Starts the next daemon, which reads the shim's records.
        view = self.vm.wait_state("digits", "parked")
        newest = view["checkpoints"][-1]
        self.assertEqual((newest["confirmed"], newest["how"]), (True, "notify"))

    def test_a_start_that_cannot_be_worth_it_is_refused(self):
        self.begin(self.vm, 20)
        done = self.vm.run("run", "--name", "x", "--lead", "60s", "--", "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"nothing started", done.stderr)
        self.assertEqual(self.vm.json("ps", "--all")["jobs"], [])

    def test_quota_says_what_is_left(self):
        self.begin(self.vm, 3600)
        quota = self.vm.json("quota")
        self.assertEqual(quota["platform"], "generic")
        session = quota["session"]
        for key in ("limit_s", "elapsed_s", "remaining_s", "ends_at", "source", "confidence"):
            self.assertIn(key, session)
        self.assertAlmostEqual(session["elapsed_s"] + session["remaining_s"], 3600 * SLOW, delta=0.1)

    def test_the_daemon_dies_again_and_again_and_nothing_is_lost(self):
        self.begin(self.vm, SESSION + 10, "--durable", self.durable())
        client = self.vm.popen(*self.line("100000"))
        client.stdout.readline()
        for _ in range(3):
            pid = wait_until(self.vm.daemon_pid, "a daemon answers")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.vm.daemon_pid() not in (None, pid), "another daemon answers")
        _, err = client.communicate(timeout=90)
        self.assertEqual(client.returncode, 85, err)
        self.assertEqual(self.vm.show("digits")["checkpoints"][-1]["durable"], "stored")


if __name__ == "__main__":
    main()
