# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a shim: its job's whole tree is ended, the verdict is lost, and what was confirmed is
there to be resumed from, with a daemon alive and with none."""
import json
import os
import signal

from machine import PYTHON, SAVER, Case, main, wait_until

# A trainer with a child in a session of its own, and a grandchild whose parent has gone.
TREE = ('setsid sleep 1000 & (sh -c "sleep 1000 & echo $! > grandchild; exit 0") ; '
        'echo "$! $(cat grandchild)" > children; exec "$@"')


class Shim(Case):
    def begin(self, *durable):
        if durable:
            os.mkdir(self.path("d"))
        self.vm.start(*durable)
        self.line = ["run", "-d", "--name", "x", "--", "sh", "-c", TREE, "sh", PYTHON, SAVER, "100000"]
        self.vm.ok(*self.line, cwd=self.root)
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        view = self.vm.show("x")
        with open(self.path("children")) as f:
            self.tree = [view["pid"], *map(int, f.read().split())]
        self.assertEqual(len(self.tree), 3)
        with open(f"{self.vm.root}/s/jobs/{view['id']}/1/start.json") as f:
            self.shim = json.load(f)["shim_pid"]
        return view["checkpoints"][-1]

    def lost(self, saved):
        view = self.vm.wait_state("x", "lost")
        self.assertEqual((view["exit"], view["attempt"], view["failures"]), (None, 1, 1))
        self.assertEqual(self.vm.run("wait", "x").returncode, 125)
        for pid in self.tree:
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the whole tree is ended")
        self.assertEqual(view["checkpoints"][-1], saved)

    def goes_on_from(self, saved):
        self.vm.ok(*self.line, cwd=self.root)
        wait_until(lambda: self.vm.show("x")["attempt"] == 2 and self.vm.show("x")["catches"], "it runs again")
        said = self.vm.run("logs", "x").stdout
        self.assertEqual(said.split(b"\n")[0], b"begin %d" % saved["step"])

    def test_under_a_daemon(self):
        saved = self.begin()
        os.kill(self.shim, signal.SIGKILL)
        self.lost(saved)
        self.goes_on_from(saved)

    def test_with_what_is_stored(self):
        saved = self.begin("--durable", self.path("d"))
        self.assertEqual(saved["durable"], "stored")
        os.kill(self.shim, signal.SIGKILL)
        self.lost(saved)
        os.unlink(saved["path"])
        self.goes_on_from(saved)

    def test_at_the_same_time_as_its_daemon(self):
        saved = self.begin()
        daemon = self.vm.daemon_pid()
        os.kill(self.shim, signal.SIGSTOP)  # so that it cannot start another one between the two
        os.kill(daemon, signal.SIGKILL)
        os.kill(self.shim, signal.SIGKILL)
        self.lost(saved)  # the next daemon, which the client starts, ends the tree
        self.goes_on_from(saved)


if __name__ == "__main__":
    main()
