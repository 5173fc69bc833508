# SPDX-License-Identifier: Apache-2.0
"""What is used up for a while: disk, durable directory, descriptors, memory. It is said, no job
notices, and when there is some again all that was owed is done."""
import json
import os
import resource
import subprocess

import inject
from faulty_life import stat_of
from machine import PYTHON, SAVER, Case, main, wait_until

BLOCK = b"x" * 65536


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


class Full(Case):
    def tmpfs(self, path, size):
        os.mkdir(path, 0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path],
                              capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"mount: {done.stderr.decode().strip()}: needs CAP_SYS_ADMIN")
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=False)
        self.addCleanup(self.vm.vanish, keep_state=True)
        return path

    def fill(self, path):
        """To the last byte: what comes next is cut short, or refused."""
        name = path + "/filler"
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        size = len(BLOCK)
        while size:
            try:
                os.write(fd, BLOCK[:size])
            except OSError:
                size //= 2
        os.close(fd)
        return name

    def begin(self, name="x"):
        """A job that saves when asked, and ends with 7 when the file `go` is there."""
        note = f'echo "$GPUJOB_ATTEMPT" >> {self.path(name + ".starts")}; exec "$@"'
        return ["run", "-d", "--name", name, "--", "sh", "-c", note, "sh", PYTHON, SAVER, "1000000",
                "--until", self.path("go"), "--exit", "7"]

    def run_one(self):
        self.vm.ok(*self.begin())
        return wait_until(lambda: (v := self.vm.show("x"))["catches"] and v, "its handler is there")

    def end_it(self, view):
        with open(self.path("go"), "w"):
            pass
        wait_until(lambda: stat_of(view["pid"])[0] in ("", "Z"), "the job has ended")

    def ended_with_7(self, name="x"):
        view = self.vm.wait_state(name, "failed", "lost", "held", limit=60)
        self.assertEqual((view["state"], view["exit"], view["attempt"]), ("failed", 7, 1), view["reason"])
        self.assertEqual(read(self.path(name + ".starts")), "1\n")

    def shim(self):
        for pid in self.vm.processes():
            if read(f"/proc/{pid}/comm").startswith("gpujob-shim"):
                return pid
        raise AssertionError("no shim")

    def bar(self, pid):
        """No further descriptor for that process; what it has, it keeps. Returns what undoes it."""
        highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        held = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # The lowest free number counts: one below the highest would still be given out.
        free = next((n for n in range(highest + 1) if n not in held), highest + 1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
        return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def log(self):
        return read(self.vm.root + "/s/daemon.log")

    def test_a_full_disk_is_said_and_no_job_notices(self):
        state = self.tmpfs(self.vm.root + "/s", "8m")
        self.vm.start("--session-limit", "1h")
        running = self.run_one()
        filler = self.fill(state)
        other = self.vm.popen(*self.begin("y"))
        status = lambda: self.vm.json("daemon", "status")
        trouble = wait_until(lambda: status()["trouble"], "it says that it cannot store")
        self.assertRegex(trouble, "cannot store: .*full.*free some space")
        self.assertIn(b"cannot store", self.vm.ok("daemon", "status").stdout)
        self.assertEqual(self.vm.show("x")["state"], "running")
        self.end_it(running)
        self.assertIn(self.vm.show("x")["state"], ("running", "ending"))
        self.assertFalse(os.path.exists(self.path("y.starts")), "started, and nobody stored that")
        os.unlink(filler)
        _, said = other.communicate(timeout=60)
        self.assertEqual(other.returncode, 0, said)
        self.ended_with_7("x")
        self.ended_with_7("y")
        self.assertIsNone(status()["trouble"])

    def test_a_full_durable_directory_takes_the_checkpoint_later(self):
        durable = self.tmpfs(self.path("d"), "2m")
        self.vm.start("--session-limit", "1h", "--durable", durable)
        running = self.run_one()
        self.vm.ok("checkpoint", "x", "--wait")
        first = self.vm.show("x")["checkpoints"][-1]
        self.assertTrue(first["durable"])
        filler = self.fill(durable)
        self.vm.ok("checkpoint", "x", "--wait")
        here = self.vm.show("x")["checkpoints"][-1]
        self.assertGreater(here["seq"], first["seq"])
        self.assertEqual((here["confirmed"], here["durable"]), (True, None))
        self.assertRegex(here["note"], "needs .* 0 B are free: free some|No space left on device: free some")
        self.assertTrue(os.path.exists(first["durable_path"] + "/manifest.json"))
        os.unlink(filler)
        now = lambda: next(c for c in self.vm.show("x")["checkpoints"] if c["seq"] == here["seq"])
        stored = wait_until(lambda: (c := now())["durable"] and c, "it is stored", 60)
        self.assertEqual(int(read(stored["durable_path"] + "/data/count.txt")), here["step"])
        self.end_it(running)
        self.ended_with_7()

    def test_a_daemon_without_a_descriptor_loses_no_exit_code(self):
        self.vm.start("--session-limit", "1h")
        running = self.run_one()
        pid = self.vm.daemon_pid()
        unbar = self.bar(pid)
        client = self.vm.popen("show", "x", "--json")
        wait_until(lambda: "accept: Too many open files" in self.log(), "it says that it cannot answer")
        self.end_it(running)
        # What the link had taken may be just enough to read it; else it says that it cannot, and tries again.
        wait_until(lambda: any(w in self.log() for w in ("records: open: ", "exit code 7")), "it knows of the end")
        unbar()
        out, said = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, said)
        self.assertEqual(json.loads(out)["id"], running["id"])
        self.ended_with_7()
        self.assertEqual(self.vm.daemon_pid(), pid)
        self.assertLess(self.log().count("accept: "), 600, "ten times a second, not in a loop")

    def test_a_shim_without_a_descriptor_loses_no_exit_code(self):
        self.vm.start("--session-limit", "1h")
        running = self.run_one()
        unbar = self.bar(self.shim())
        self.end_it(running)
        log = f"{self.vm.root}/s/jobs/{running['id']}/1/shim.log"
        wait_until(lambda: "exit record: will be tried again" in read(log), "it says so")
        self.assertEqual(self.vm.show("x")["state"], "running")
        unbar()
        self.ended_with_7()

    def without_memory(self, who):
        self.vm.bin = inject.make_bin(self.path("bin"))
        fault = inject.Fault(who, "memory", "ENOMEM", times=1 << 40)
        injector = inject.Injector(self.path("i"), fault, armed=False)
        self.vm.env.update(injector.env)
        self.vm.start("--session-limit", "1h")
        running = self.run_one()
        injector.arm()
        client = self.vm.popen("checkpoint", "x", "--wait")
        wait_until(lambda: injector.fired >= 20, "it has gone without")
        injector.disarm()
        client.communicate(timeout=90)
        wait_until(lambda: self.vm.run("checkpoint", "x", "--wait").returncode == 0, "it saves")
        self.end_it(running)
        self.ended_with_7()

    def test_a_shim_without_memory_for_a_moment_loses_nothing(self):
        self.without_memory("gpujob-shim")

    def test_a_daemon_without_memory_for_a_moment_loses_nothing(self):
        self.without_memory("gpujobd")


if __name__ == "__main__":
    main()
