# SPDX-License-Identifier: Apache-2.0
"""Every call site of the daemon, of its helpers and of the shim fails once, each in its turn.

    row          error             calls
    descriptors  EMFILE            all that make a descriptor
    space        ENOSPC            write, fsync, rename, mkdir, creating, binding
    disk         EIO               read, write, fsync, metadata, close
    memory       ENOMEM            fork, exec, mmap, sockets; and malloc, the Nth of all
    short        half the bytes    read, write, send, recv

A life (support/faulty_life.py: start, run, save, stop, run on, end with 7, stop the daemon) is led once
without a fault; that counts the call sites, told apart by the whole stack. It is led again for each of
them, with the first and with the second passage failing. The fault is gone after that, the user says a
line that failed again, and what must hold is in faulty_life.py: the job ends with 7, no attempt starts
twice, nothing confirmed is lost, nothing on disk is half, nothing spins, hangs, leaks or crashes.

CI takes PER_ROW lives of each row, evenly over its calls and then over who makes them.
GPUJOB_INJECT_ALL=1 takes all: some 2 500 lives, 25 minutes on two cores (run the file by hand: ctest
gives a test 300 s).
"""
import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor

import faulty_life
import inject
from faulty_life import Life
from inject import Fault
from machine import Case, main

ALL = os.environ.get("GPUJOB_INJECT_ALL") == "1"
PER_ROW = {"descriptors": 24, "space": 12, "disk": 24, "memory": 12, "short": 12}
AT_ONCE = 4 if ALL else 3
ROWS = {
    "descriptors": ("EMFILE", "open open.create opendir socket accept4 pipe memfd_create epoll_create1 eventfd "
                              "timerfd_create signalfd pidfd_open fcntl.dup dup2"),
    "space": ("ENOSPC", "write.file pwrite.file fsync rename mkdir open.create ftruncate bind"),
    "disk": ("EIO", "read.file pread.file write.file pwrite.file fsync rename mkdir open opendir readdir stat fstat "
                    "access readlink chmod unlink close.file ftruncate flock chdir"),
    "memory": ("ENOMEM", "memory fork execve mmap open socket connect accept4 sendmsg recvmsg send.socket epoll_ctl "
                         "memfd_create"),
    "short": ("short", "read.file pread.file write.file pwrite.file send.socket recv.socket"),
}
MEMORY_LIVES = 200  # of all requests for memory, where all are taken
# Asio looks at no outcome in there: without its timer no wait of the daemon ends.
OUT_OF_REACH = ("epoll_ctl", "epoll_reactorC")


def evenly(groups, most):
    """The first of each group, then the second of each, and so on; `most` of them, or all."""
    turns = itertools.chain.from_iterable(itertools.zip_longest(*groups))
    return list(itertools.islice((f for f in turns if f is not None), most))


class Inject(Case):
    def setUp(self):
        super().setUp()
        self.bin = inject.make_bin(self.path("bin"))
        self.plain = Life(self.root, "plain", self.bin)
        self.addCleanup(self.plain.end)
        self.plain.lead()

    def faults_at(self, who, function, error):
        if function == "memory":
            passed = self.plain.inj.passed(who, function)
            lives = MEMORY_LIVES if ALL else 6
            return [Fault(who, function, error, nth=1 + i * passed // lives) for i in range(lives)]
        sites = [s for s in self.plain.inj.sites() if (s.who, s.function) == (who, function)]
        if function == OUT_OF_REACH[0]:
            sites = [s for s in sites if not any(OUT_OF_REACH[1] in f for f in inject.functions(s))]
        again = [s for s in sites if self.plain.inj.passed(who, function, s.hash) > 1]
        faults = [(s.caller(), Fault(who, function, error, s.hash, nth))
                  for nth, passed in ((1, sites), (2, again)) for s in passed]
        callers = sorted({caller for caller, _ in faults})
        return evenly([[f for c, f in faults if c == caller] for caller in callers], None)

    def lead(self, name, fault):
        """A report of what does not hold; "" when all does; None when the fault's place was not passed."""
        life = Life(self.root, name, self.bin, fault)
        try:
            begun = time.monotonic()
            life.lead()
            life.check_cost(self.plain, time.monotonic() - begun)
            return "" if life.inj.fired else None
        except AssertionError as e:
            return f"{e}\n{life.report()}\n"
        finally:
            life.end()

    def row(self, who, row):
        error, functions = ROWS[row]
        groups = [g for f in functions.split() if (g := self.faults_at(who, f, error))]
        faults = evenly(groups, None if ALL else PER_ROW[row])
        self.assertGreaterEqual(len(faults), 4, "hardly anything is called that could fail")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(self.lead, (str(i) for i in range(len(faults))), faults))
        broken = [r for r in results if r]
        self.assertFalse(broken, f"{len(broken)} of {len(faults)}\n\n" + "\n".join(broken))
        # A place that only a race leads to is not passed each time. A fault that never strikes proves nothing.
        silent = [str(f) for f, r in zip(faults, results) if r is None]
        self.assertLessEqual(len(silent), len(faults) // 5, f"never struck: {silent}")

    def test_the_daemon_out_of_descriptors(self):
        self.row("gpujobd", "descriptors")

    def test_the_daemon_out_of_space(self):
        self.row("gpujobd", "space")

    def test_the_daemon_on_a_bad_disk(self):
        self.row("gpujobd", "disk")

    def test_the_daemon_out_of_memory(self):
        self.row("gpujobd", "memory")

    def test_the_daemon_reads_and_writes_by_halves(self):
        self.row("gpujobd", "short")

    def test_a_helper_out_of_descriptors(self):
        self.row("helper", "descriptors")

    def test_a_helper_out_of_space(self):
        self.row("helper", "space")

    def test_a_helper_on_a_bad_disk(self):
        self.row("helper", "disk")

    def test_a_helper_out_of_memory(self):
        self.row("helper", "memory")

    def test_a_helper_reads_and_writes_by_halves(self):
        self.row("helper", "short")

    def test_a_shim_out_of_descriptors(self):
        self.row("gpujob-shim", "descriptors")

    def test_a_shim_out_of_space(self):
        self.row("gpujob-shim", "space")

    def test_a_shim_on_a_bad_disk(self):
        self.row("gpujob-shim", "disk")

    def test_a_shim_out_of_memory(self):
        self.row("gpujob-shim", "memory")

    def test_a_shim_reads_and_writes_by_halves(self):
        self.row("gpujob-shim", "short")


if __name__ == "__main__":
    main()
