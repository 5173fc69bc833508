# SPDX-License-Identifier: Apache-2.0
"""Power is lost while a checkpoint is being stored: the older one is used, and the reason is told.

The manifest is written last. What lies there without one, or with one that is torn, never counted;
what has a whole manifest that its data does not match is found out when it is to be used.
"""
import os
import re

from machine import PYTHON, SAVER, Case, main, wait_until


def no_manifest(checkpoint):
    os.unlink(checkpoint + "/manifest.json")


def half_copied(checkpoint):
    no_manifest(checkpoint)
    os.truncate(checkpoint + "/data/count.txt", 0)
    os.rename(checkpoint, checkpoint + ".partial")


def torn_manifest(checkpoint):
    path = checkpoint + "/manifest.json"
    os.truncate(path, os.path.getsize(path) // 2)


def empty_manifest(checkpoint):
    os.truncate(checkpoint + "/manifest.json", 0)


def torn_data(checkpoint):
    os.truncate(checkpoint + "/data/count.txt", 0)


def other_hash(checkpoint):
    with open(checkpoint + "/manifest.json", "r+") as f:
        text = f.read()
        f.seek(0)
        f.write(re.sub('"sha256":"(.)', lambda m: m[0][:-1] + ("1" if m[1] == "0" else "0"), text))


def other_data(checkpoint):
    with open(checkpoint + "/data/count.txt", "r+") as f:
        f.write("x")


class Power(Case):
    def stored(self):
        """Two checkpoints of a job whose VM has gone without a word."""
        os.mkdir(self.path("d"))
        self.vm.start("--durable", self.path("d"))
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        for _ in range(2):
            self.vm.ok("checkpoint", "x", "--wait")
        older, newest = self.vm.show("x")["checkpoints"][-2:]
        self.assertLess(older["step"], newest["step"])
        self.vm.vanish()
        return older, newest

    def goes_on_from(self, checkpoint):
        vm = self.machine("next")
        vm.start("--durable", self.path("d"))
        self.assertEqual([(j["state"], j["attempt"]) for j in vm.json("ps")["jobs"]], [("parked", 1)])
        vm.ok("run", "-d", "--take-over", "--name", "x", "--", PYTHON, SAVER, "100000")
        said = wait_until(lambda: vm.run("logs", "x").stdout, "it began")
        self.assertEqual(said.split(b"\n")[0], b"begin %d" % checkpoint["step"])
        return vm

    def saves_again(self, vm, step):
        wait_until(lambda: vm.show("x")["catches"], "the handler is there")
        vm.ok("checkpoint", "x", "--wait")
        newest = vm.show("x")["checkpoints"][-1]
        self.assertEqual((newest["durable"], newest["attempt"], newest["note"]), ("stored", 2, None))
        self.assertGreater(newest["step"], step)

    def never_counted(self, harm, why):
        older, newest = self.stored()
        harm(newest["durable_path"])
        vm = self.goes_on_from(older)
        self.assertNotIn(newest["step"], [c["step"] for c in vm.show("x")["checkpoints"]])
        if why:
            with open(vm.root + "/s/daemon.log") as log:
                self.assertRegex(log.read(), f"durable: {re.escape(newest['durable_path'])}: .*{why}")
        self.saves_again(vm, older["step"])

    def found_out(self, harm):
        older, newest = self.stored()
        harm(newest["durable_path"])
        vm = self.goes_on_from(older)
        told = {c["durable_path"]: c["note"] for c in vm.show("x")["checkpoints"]}
        self.assertIn("does not match its manifest", told[newest["durable_path"]])
        self.assertIsNone(told[older["durable_path"]])
        self.assertIn(b"passed over", vm.ok("show", "x").stdout)
        self.saves_again(vm, older["step"])

    def test_a_copy_without_its_manifest_never_counted(self):
        self.never_counted(no_manifest, "manifest.json")

    def test_half_a_copy_never_counted(self):
        self.never_counted(half_copied, None)  # it is what a copy under way looks like

    def test_a_torn_manifest_never_counted(self):
        self.never_counted(torn_manifest, "not JSON")

    def test_an_empty_manifest_never_counted(self):
        self.never_counted(empty_manifest, "not JSON")

    def test_data_that_lacks_its_end_never_counted(self):
        self.never_counted(torn_data, "count.txt")

    def test_a_manifest_with_another_hash_is_found_out(self):
        self.found_out(other_hash)

    def test_data_of_other_bytes_is_found_out(self):
        self.found_out(other_data)


if __name__ == "__main__":
    main()
