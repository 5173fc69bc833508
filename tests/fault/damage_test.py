# SPDX-License-Identifier: Apache-2.0
"""A database that the disk has damaged: said, set aside, and nothing that runs is lost."""
import glob
import os

from machine import PYTHON, SAVER, Case, main, wait_until


class Damage(Case):
    def damage(self, where, what):
        with open(self.vm.root + "/s/gpujob.db", "r+b") as f:
            f.seek(where)
            f.write(what)

    def scene(self):
        """A running job, an ended one, a session with a limit; the daemon has just stopped."""
        os.mkdir(self.path("d"))
        self.vm.start("--session-limit", "2h", "--durable", self.path("d"))
        self.vm.ok("run", "--name", "old", "--", "true")
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        for _ in range(4):
            self.vm.ok("checkpoint", "x", "--wait")
        before = self.vm.show("x")
        self.vm.ok("daemon", "stop")
        wait_until(lambda: not os.path.exists(self.vm.root + "/s/gpujob.db-wal"), "it is closed")
        return before

    def goes_on(self, before, aside=1):
        told = self.vm.start().stderr
        self.assertIn(b"kept as" if aside else b"is gone", told)
        self.assertEqual(len(glob.glob(self.vm.root + "/s/gpujob.db.damaged-*")), aside)
        view = wait_until(lambda: (v := self.vm.show("x"))["catches"] and v, "its journal is replayed")
        for key in ("id", "state", "pid", "attempt", "argv", "started_at"):
            self.assertEqual(view[key], before[key], key)
        wait_until(lambda: any(c["confirmed"] for c in self.vm.show("x")["checkpoints"]), "it is known")
        self.assertEqual(self.vm.json("quota")["session"]["limit_s"], 7200)
        self.vm.ok("checkpoint", "x", "--wait")
        newest = wait_until(lambda: (c := self.vm.show("x")["checkpoints"][-1])["durable"] and c, "it is stored")
        last = before["checkpoints"][-1]
        self.assertGreater((newest["seq"], newest["step"]), (last["seq"], last["step"]))
        stored = glob.glob(self.path("d") + "/jobs/*/attempts/*/checkpoints/*/manifest.json")
        # The very bytes may lie there already, under the number before.
        number = int(newest["durable_path"].split("/")[-1])
        self.assertEqual(max(int(p.split("/")[-2]) for p in stored), number)
        self.assertGreater(number, int(last["durable_path"].split("/")[-1]))
        self.vm.ok("stop", "x")
        self.assertEqual(self.vm.show("x")["state"], "stopped")
        self.assertIn(b"no longer listed", told)

    def test_a_page_that_is_no_page(self):
        before = self.scene()
        self.damage(4096, b"\xff" * 64)
        self.goes_on(before)

    def test_a_header_that_is_none(self):
        before = self.scene()
        self.damage(0, b"not a database at all")
        self.goes_on(before)

    def test_a_row_that_does_not_read(self):
        before = self.scene()
        with open(self.vm.root + "/s/gpujob.db", "rb") as f:
            text = f.read()
        self.damage(text.index(b'"begin_record"'), b'\\')
        self.goes_on(before)

    def test_a_database_that_is_gone(self):
        before = self.scene()
        os.unlink(self.vm.root + "/s/gpujob.db")
        self.goes_on(before, aside=0)


if __name__ == "__main__":
    main()
