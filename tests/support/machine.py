# SPDX-License-Identifier: Apache-2.0
"""A machine of one test's own: directories, environment, and an end to everything started in it."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.path.abspath(os.environ["GPUJOB_BIN_DIR"])
HERE = os.path.dirname(os.path.abspath(__file__))
SAVER = os.path.join(HERE, "saver.py")
PYTHON = "/usr/bin/python3"


def wait_until(condition, what, limit=60.0):
    """Polls until the condition returns something true, and returns that."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit:.0f} s in vain until {what}")
        time.sleep(0.02)


class Machine:
    """One VM: its own runtime and state directory. vanish() is what a platform does to it."""

    def __init__(self, root, name="vm", durable=None):
        self.root = os.path.join(root, name)
        self.durable = durable
        self.bin = BIN
        os.mkdir(self.root)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("GPUJOB_")}
        self.env.update(
            GPUJOB_RUNTIME_DIR=self.root + "/r",
            GPUJOB_STATE_DIR=self.root + "/s",
            HOME=self.root,
            GPUJOB_PLATFORM="generic",
            # Found by vanish(), also on what has left every session and parent.
            GJ_TEST_MACHINE=self.root,
        )

    @property
    def log(self):
        return self.root + "/s/daemon.log"

    def popen(self, *args, **more):
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("bufsize", 0)  # what readline() read must not be missing from communicate()
        env = dict(self.env, **more.pop("env", {}))
        return subprocess.Popen([os.path.join(self.bin, "gpujob"), *args], env=env,
                                stdin=subprocess.DEVNULL, **more)

    def own_programs(self, dynamic=False):
        """Programs of this machine alone, which may be taken away. What ships is static; nothing can
        be preloaded into it. The same objects are there, linked dynamically."""
        self.bin = self.root + "/bin"
        os.mkdir(self.bin)
        for name in ("gpujob", "gpujobd", "gpujob-shim"):
            source = os.path.join(BIN, name + "-dynamic" if dynamic else name)
            # No symbolic link: the programs look beside what is really executed.
            try:
                os.link(source, os.path.join(self.bin, name))
            except OSError:
                shutil.copy(source, os.path.join(self.bin, name))

    def run(self, *args, timeout=60, **more):
        process = self.popen(*args, **more)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def ok(self, *args, **more):
        done = self.run(*args, **more)
        if done.returncode != 0:
            raise AssertionError(f"gpujob {args}: exit {done.returncode}\n{done.stderr.decode()}")
        return done

    def json(self, *args, **more):
        return json.loads(self.ok(*args, "--json", **more).stdout)

    def start(self, *args, **more):
        return self.ok("daemon", "start", *args, **more)

    def show(self, job):
        return self.json("show", job)

    def wait_state(self, job, *states, limit=60.0):
        return wait_until(lambda: (v := self.show(job))["state"] in states and v,
                          f"{job} is {' or '.join(states)}", limit)

    def daemon_pid(self):
        """The pid of a daemon that answers, or None; never starts one."""
        done = self.run("daemon", "status", "--json")
        return json.loads(done.stdout)["pid"] if done.returncode == 0 else None

    def kill_daemon(self):
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    def processes(self):
        mark = b"GJ_TEST_MACHINE=" + self.root.encode() + b"\0"
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != os.getpid():
                try:
                    with open(f"/proc/{entry}/environ", "rb") as f:
                        if mark in f.read():
                            found.append(int(entry))
                except OSError:
                    pass
        return found

    def vanish(self, keep_state=False):
        """KILL for everything at once, and the disk is gone."""
        for _ in range(200):
            pids = self.processes()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        if not keep_state:
            shutil.rmtree(self.root, ignore_errors=True)


class Case(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
        self.machines = []
        self.addCleanup(self._end)
        self.vm = self.machine()

    def machine(self, name="vm"):
        machine = Machine(self.root, name)
        self.machines.append(machine)
        return machine

    def _end(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", []))
        result = getattr(self._outcome, "result", None)
        failed = failed or bool(result and (result.failures or result.errors))
        for machine in self.machines:
            if failed and os.path.exists(machine.log):
                with open(machine.log, errors="replace") as f:
                    print(f"--- {machine.log}\n{f.read()}")
            machine.vanish()
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.root, name)


def main():
    """unittest.main(), but a skipped test is told to ctest (77), and fails where all must run."""
    program = unittest.main(module="__main__", exit=False)
    if not program.result.wasSuccessful() or program.result.testsRun == 0:
        sys.exit(1)
    if program.result.skipped:
        sys.exit(1 if os.environ.get("GPUJOB_TEST_STRICT") == "1" else 77)
