# SPDX-License-Identifier: Apache-2.0
"""The two that are measured: gpujob and task-spooler, each in a folder of its own.

Both get the same environment, PATH=/usr/bin:/bin, one slot unless said otherwise, and a state
folder on the same file system. tsp keeps all finished jobs, as gpujob does (TS_MAXFINISHED).
"""
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
os.environ.setdefault("GPUJOB_BIN_DIR", "")  # machine.py asks for it; here it is Gpujob.bin
from machine import Machine, wait_until  # noqa: E402
from measure import spawn_ms  # noqa: E402
from wire import Wire  # noqa: E402

TSP_QUEUE = 900  # a waiting job holds a connection, and tsp's server selects on fewer than 1024
PATH = "/usr/bin:/bin"


def remove(folder):
    """Many at once: where freed blocks are discarded, each unlink waits for the device."""
    jobs = os.path.join(folder, "s/jobs")
    names = os.listdir(jobs) if os.path.isdir(jobs) else []
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: shutil.rmtree(os.path.join(jobs, n), ignore_errors=True), names))
    shutil.rmtree(folder, ignore_errors=True)


class Peer(Machine):
    """A context: whatever it started is gone at the end, and so is its folder."""

    def __init__(self, root, name):
        super().__init__(root, name)
        self.errors = self.root + "/errors"
        self.hold = self.root + "/hold"
        for key in [k for k in self.env if k.startswith("TS_")]:
            del self.env[key]
        self.env["PATH"] = PATH
        os.mkfifo(self.hold)
        self.hold_fd = os.open(self.hold, os.O_RDWR | os.O_CLOEXEC)  # waits for no reader

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.hold_fd)
        self.vanish(keep_state=True)
        remove(self.root)

    def client_ms(self, argv):
        return spawn_ms(argv, self.env, self.errors)

    def hold_argv(self):
        """A job that runs until release()."""
        return ["/bin/sh", "-c", f"read x <{self.hold}"]

    def release(self):
        os.write(self.hold_fd, b"\n" * 100)  # a line for each


class Gpujob(Peer):
    def __init__(self, bench, name, bin_dir=None):
        super().__init__(bench.folder, name)
        self.bin = bin_dir or bench.bin
        self.submit_argv = [self.bin + "/gpujob", "run", "-d", "--", "true"]
        self.list_argv = [self.bin + "/gpujob", "ps", "--all"]
        self.wire = None
        self.pid = None

    def begin(self, *options):
        self.start(*options)
        self.pid = self.daemon_pid()
        self.wire = Wire(self.root + "/r/gpujobd.sock")
        return self

    def __exit__(self, *exception):
        if self.wire:
            self.wire.close()
        super().__exit__(*exception)

    def submit(self, argv, count=1, lead_s=None):
        return self.wire.submit(argv, count, self.root, self.env, lead_s)

    def wait_idle(self, limit=900):
        """Every job has ended and its shim is gone. Asked 200 times a second at the most."""
        wait_until(lambda: self.wire.busy() == 0, "every job of gpujob has ended", limit)

    def attempt_file(self, job, name):
        return f"{self.root}/s/jobs/{job}/1/{name}"


class Tsp(Peer):
    def __init__(self, bench, name="tsp"):
        super().__init__(bench.folder, name)
        self.program = bench.tsp
        os.mkdir(self.root + "/tmp")
        self.env.update(TS_SOCKET=self.root + "/socket", TMPDIR=self.root + "/tmp", TS_SLOTS="1",
                        TS_MAXFINISHED="100000", TS_MAXCONN=str(TSP_QUEUE + 10))
        self.submit_argv = [self.program, "true"]
        self.list_argv = [self.program, "-l"]
        self.pid = None

    def begin(self):
        self.call("-S", "1")
        self.pid = self.processes()[0]  # nothing but the server is left of it
        return self

    def __exit__(self, *exception):
        self.call("-K")
        super().__exit__(*exception)

    def call(self, *args):
        return subprocess.run([self.program, *args], env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True).stdout

    def submit(self, argv, count=1):
        for _ in range(count):
            self.call(*argv)

    def wait_idle(self):
        """The last job has ended; with one slot, so have all before it."""
        self.call("-w")
