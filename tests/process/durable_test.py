# SPDX-License-Identifier: Apache-2.0
import os
import signal

from machine import PYTHON, SAVER, Case, main, wait_until


class Durable(Case):
    def durable(self):
        path = self.path("durable")
        os.makedirs(path, exist_ok=True)
        return path

    def test_a_directory_on_a_mount_that_is_not_there_is_refused(self):
        for path in ("/content/drive/MyDrive/gpujob", "/gpujob-not-mounted", "/mnt/gpujob-not-mounted",
                     self.path("not/there/at/all")):
            done = self.vm.run("daemon", "start", "--durable", path)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(path.encode(), done.stderr)
            self.assertIsNone(self.vm.daemon_pid())
            self.assertFalse(os.path.exists(path))

    def test_a_refused_directory_does_not_stick_to_the_session(self):
        self.vm.start("--durable", self.durable())
        self.vm.ok("daemon", "stop")
        wait_until(lambda: self.vm.daemon_pid() is None, "the daemon is gone")
        self.assertEqual(self.vm.run("daemon", "start", "--durable", "/nowhere/x/y").returncode, 1)
        self.vm.ok("ps")
        self.assertEqual(self.vm.json("quota")["durable"]["path"], self.durable())

    def test_without_one_the_user_hears_it_when_the_daemon_starts(self):
        told = self.vm.start()
        self.assertIn(b"stay on this machine", told.stderr)
        self.vm.ok("daemon", "stop")
        told = self.vm.start("--durable", self.durable())
        self.assertNotIn(b"stay on this machine", told.stderr)

    def test_the_same_start_again_is_fine_and_another_is_not(self):
        # Longer than any machine of ours is up: its own start counts.
        line = ["--session-limit", "100h", "--durable", self.durable()]
        self.vm.start(*line)
        self.assertIn(b"runs already", self.vm.start(*line).stderr)
        self.vm.start("--session-limit", "100h")
        other = self.vm.run("daemon", "start", "--session-limit", "90h")
        self.assertEqual(other.returncode, 1)
        self.assertIn(b"--session-limit 90h", other.stderr)
        self.vm.ok("daemon", "stop")
        again = self.vm.start("--session-start", "now")
        self.assertIn(b"the one before began", again.stderr)

    def test_another_daemon_of_the_session_knows_what_was_given(self):
        line = ["--session-limit", "9h", "--durable", self.durable()]
        self.vm.start(*line)
        self.vm.kill_daemon()
        self.vm.start()  # another daemon of the same session knows what was given
        self.assertIn(b"runs already", self.vm.start(*line).stderr)

    def test_rm_hides_it_here_and_leaves_what_is_stored(self):
        self.vm.start("--durable", self.durable())
        script = "echo w > $GPUJOB_CKPT_DIR/m.bin; sleep 0.1; exit 0"
        self.vm.ok("run", "--name", "x", "--", "sh", "-c", script)
        wait_until(lambda: self.vm.show("x")["checkpoints"][-1]["durable"], "it is durable")
        old = self.vm.show("x")["id"]
        self.assertIn(b"it stays", self.vm.ok("rm", "x").stderr)
        self.assertEqual(self.vm.json("ps", "--all")["jobs"], [])
        self.vm.ok("run", "--name", "x", "--", "true")  # another job of that name
        self.assertNotEqual(self.vm.show("x")["id"], old)
        self.assertEqual(len(os.listdir(self.durable() + "/jobs")), 2)

    def test_rm_holds_without_a_checkpoint_too(self):
        self.vm.start("--durable", self.durable())
        self.vm.ok("run", "--name", "x", "--", "true")
        self.vm.ok("rm", "x")
        self.vm.ok("run", "--name", "x", "--", "true")  # looks at what is durable, and begins another job
        self.assertEqual(len(self.vm.json("ps", "--all")["jobs"]), 1)

    def test_one_that_lies_in_the_state_directory_is_refused(self):
        for path in (self.vm.root + "/s", self.vm.root + "/s/deeper", self.vm.root + "/r"):
            done = self.vm.run("daemon", "start", "--durable", path)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(b"which goes with this VM", done.stderr)
            self.assertIsNone(self.vm.daemon_pid())

    def test_one_that_is_away_is_not_taken_for_an_empty_one(self):
        self.vm.start("--durable", self.durable())
        self.vm.ok("run", "--name", "x", "--", "true")
        os.rename(self.durable(), self.path("away"))
        refused = self.vm.run("run", "--name", "x", "--again", "--", "true")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"nothing started", refused.stderr)

    def test_one_that_came_after_the_job_is_enough_for_the_next_vm(self):
        self.vm.start()
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("daemon", "stop")
        self.vm.start("--durable", self.durable())
        self.vm.ok("checkpoint", "x", "--wait")
        wait_until(lambda: self.vm.show("x")["checkpoints"][-1]["durable"], "it is durable")
        step = self.vm.show("x")["checkpoints"][-1]["step"]
        self.vm.vanish()
        other = self.machine("other")
        other.start("--durable", self.durable())
        other.ok("run", "-d", "--take-over", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: b"begin" in other.run("logs", "x").stdout, "it began")
        self.assertEqual(other.run("logs", "x").stdout.split(b"\n")[0], b"begin %d" % step)

    def test_of_two_lines_at_once_one_is_run_and_not_a_mixture(self):
        for i in range(3):
            self.vm.run("run", "--name", f"x{i}", "--", "sh", "-c", "exit 1")
            lines = [self.vm.popen("run", "--name", f"x{i}", "--env", f"WHO={who}", "--", "sh", "-c",
                                   f"echo {who} $WHO") for who in "AB"]
            for line in lines:
                line.communicate(timeout=60)
            said = self.vm.run("logs", f"x{i}").stdout.decode().split()
            self.assertEqual(said[0], said[1])
            self.assertIn(f"echo {said[0]} ", self.vm.show(f"x{i}")["argv"][-1])

    def test_a_file_in_its_place_is_refused(self):
        path = self.path("file")
        open(path, "w").close()
        self.assertEqual(self.vm.run("daemon", "start", "--durable", path).returncode, 1)
        self.assertIsNone(self.vm.daemon_pid())

    def test_a_job_that_runs_elsewhere_is_not_started_here_until_taken_over(self):
        line = ["run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000"]
        self.vm.start("--durable", self.durable())
        self.vm.ok(*line)
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        ledger = self.durable() + "/ledger"
        job = self.vm.show("x")["id"]

        def heartbeat():
            for folder, _, names in os.walk(ledger):
                for name in names:
                    with open(os.path.join(folder, name)) as f:
                        if job in f.read():
                            return True
            return False
        wait_until(heartbeat, "the lease is written")
        other = self.machine("other")
        other.start("--durable", self.durable())
        refused = other.run(*line)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"--take-over", refused.stderr)
        taken = other.ok("run", "-d", "--take-over", *line[2:])
        self.assertIn(b"taken over", taken.stderr)
        other.wait_state("x", "running")
        # A wrong guess loses nothing: each attempt writes to a directory of its own.
        folder = f"{self.durable()}/jobs/{job}/attempts"
        wait_until(lambda: len(os.listdir(folder)) == 2, "the second attempt is recorded")

    def test_a_parked_job_is_free_for_the_next_vm(self):
        self.vm.start("--durable", self.durable(), "--session-limit", "25s", "--session-start", "now")
        line = ["run", "--name", "x", "--lead", "3s", "--", PYTHON, SAVER, "100000"]
        self.assertEqual(self.vm.run(*line).returncode, 85)
        other = self.machine("other")
        other.start("--durable", self.durable())
        other.ok("run", "-d", *line[1:])
        other.wait_state("x", "running")

    def test_the_resume_argument_is_appended_only_when_there_is_something(self):
        self.vm.start("--durable", self.durable())
        line = ["run", "--name", "x", "--resume-arg", "--from={}", "--", "sh", "-c",
                'echo "args:$*"; [ $# -gt 0 ] && exit 0; echo w > $GPUJOB_CKPT_DIR/m.bin; exit 85', "sh"]
        done = self.vm.run(*line)
        self.assertEqual(done.returncode, 0, done.stderr)
        first = self.vm.run("logs", "x", "--attempt", "1").stdout
        second = self.vm.run("logs", "x", "--attempt", "2").stdout
        self.assertEqual(first, b"args:\n")
        self.assertTrue(second.startswith(b"args:--from=/"), second)

    def resumes_from_what_it_told(self, meanwhile):
        """There is an earlier file, too, of which it told nobody and which is found only when it has ended."""
        script = ("import os, socket, time\n"
                  "folder = os.environ['GPUJOB_CKPT_DIR']\n"
                  "print('from', os.environ['GPUJOB_RESUME'], flush=True)\n"
                  "if not os.environ['GPUJOB_RESUME']:\n"
                  "    for name in 'earlier', 'told':\n"
                  "        with open(f'{folder}/{name}.bin', 'w') as f:\n"
                  "            f.write(name)\n"
                  "        time.sleep(0.05)\n"
                  "    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                  "    s.connect(os.environ['NOTIFY_SOCKET'])\n"
                  "    s.send(f'X_GPUJOB_CHECKPOINT={folder}/told.bin'.encode())\n"
                  "time.sleep(1000)\n")
        self.vm.start("--durable", self.durable())
        self.vm.ok("run", "-d", "--max-failures", "1", "--name", "x", "--", PYTHON, "-c", script)
        wait_until(lambda: any(c["durable"] for c in self.vm.show("x")["checkpoints"]), "it is stored")
        meanwhile()
        os.kill(self.vm.show("x")["pid"], signal.SIGKILL)
        wait_until(lambda: b"from /" in self.vm.run("logs", "x").stdout, "it was resumed")
        self.assertIn(b"/told.bin", self.vm.run("logs", "x").stdout)

    def test_what_was_written_before_is_not_newer_for_being_found_later(self):
        self.resumes_from_what_it_told(lambda: None)

    def test_nor_when_another_daemon_finds_it(self):
        def another_daemon():
            pid = self.vm.kill_daemon()
            wait_until(lambda: self.vm.daemon_pid() not in (None, pid), "another daemon answers")
        self.resumes_from_what_it_told(another_daemon)

    def test_a_damaged_checkpoint_is_passed_over_with_the_reason(self):
        self.vm.start("--durable", self.durable())
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        for _ in range(2):
            self.vm.ok("checkpoint", "x", "--wait")
        good, bad = self.vm.show("x")["checkpoints"][-2:]
        self.vm.vanish()
        with open(bad["durable_path"] + "/data/count.txt", "r+") as f:
            f.write("x")  # never a digit of the count
        other = self.machine("other")
        other.start("--durable", self.durable())
        other.ok("run", "-d", "--take-over", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: b"begin" in other.run("logs", "x").stdout, "it began")
        self.assertEqual(other.run("logs", "x").stdout.split(b"\n")[0], b"begin %d" % good["step"])


if __name__ == "__main__":
    main()
