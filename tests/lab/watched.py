# SPDX-License-Identifier: Apache-2.0
"""A job in a VM with somebody looking on: a client that is attached, and a command for warnings."""
import os

from life import Life
from machine import PYTHON, wait_until
from world import SAVER

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", 1))
ON_WARNING = ("--on-warning", 'echo "$GPUJOB_WARNING" >>/tmp/warned')


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


class Watched(Life):
    def setUp(self):
        self.ends_with_its_vm = []
        self.addCleanup(lambda: [process.wait() for process in self.ends_with_its_vm])  # after the VMs' end
        super().setUp()

    def begin_job(self, vm, *options):
        """Named x; its handler is there, and vm.client stays attached."""
        with open(vm.root + "/client", "wb") as f:
            vm.client = vm.popen("run", *options, "--name", "x", "--", PYTHON, SAVER, "100000", stdout=f, stderr=f)
        self.ends_with_its_vm.append(vm.client)
        wait_until(lambda: "begin 0\n" in read(vm.root + "/client"), "it began")
        return wait_until(lambda: (v := vm.show("x"))["catches"] and v, "the handler is there")

    def is_told(self, vm, text):
        """Of the job in the log, to whoever watches it, and by the command: once each, beside what it says when
        that has ended the job."""
        for path, mark in ((vm.log, " job="), (vm.root + "/client", ""), (vm.inside("/tmp/warned"), "")):
            def told(path=path, mark=mark):
                lines = read(path).split("\n") if os.path.exists(path) else []
                return [l for l in lines if text in l and mark in l and "ended by a notice: " not in l]
            wait_until(told, f"{path} says: {text}")
            self.assertEqual(len(told()), 1, read(path))

    def went_on(self, vm, before):
        after = vm.show("x")
        same = ("state", "pid", "attempt", "interruptions", "failures")
        self.assertEqual([after[k] for k in same], [before[k] for k in same])

    def wait_saved(self, vm):
        return wait_until(lambda: next((c for c in vm.show("x")["checkpoints"] if c["confirmed"]), None),
                          "its checkpoint is confirmed", 60 * SLOW)
