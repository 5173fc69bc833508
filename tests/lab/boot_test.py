# SPDX-License-Identifier: Apache-2.0
"""The machine was started anew under a job: the session vanished, and the job goes on.

Nothing but the kernel's boot id differs: the daemon of each boot lives in a mount namespace of its
own in which another one is read. What the disk kept may be all, or nothing but the durable directory.
"""
import os
import subprocess

from machine import PYTHON, SAVER, Case, main, wait_until

BOOT_ID = "/proc/sys/kernel/random/boot_id"
LINE = ["run", "-d", "--take-over", "--name", "x", "--", PYTHON, SAVER, "100000"]


class Boot(Case):
    def setUp(self):
        super().setUp()
        probe = self.within("first", "cat", BOOT_ID)
        if probe.returncode != 0:
            self.skipTest("unshare: " + probe.stderr.decode().strip() + ": needs CAP_SYS_ADMIN")
        self.assertEqual(probe.stdout, b"first\n")
        self.durable = self.path("d")
        os.mkdir(self.durable)

    def within(self, boot_id, *command):
        with open(self.path(boot_id), "w") as f:
            f.write(boot_id + "\n")
        script = f'mount --bind "$0" {BOOT_ID} && exec "$@"'
        return subprocess.run(["unshare", "--mount", "sh", "-c", script, self.path(boot_id), *command],
                              env=self.vm.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False)

    def boot(self, boot_id, *settings):
        done = self.within(boot_id, self.vm.bin + "/gpujob", "daemon", "start", *settings)
        self.assertEqual(done.returncode, 0, done.stderr)

    def work(self, *settings):
        """Under the first boot id, until the power goes. Returns what was confirmed last."""
        self.boot("first", *settings)
        self.vm.ok(*LINE)
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        return self.vm.show("x")["checkpoints"][-1]

    def vanished(self):
        view = self.vm.wait_state("x", "parked")
        self.assertIn("vanished", view["reason"])
        self.assertEqual((view["attempt"], view["interruptions"], view["failures"], view["exit"]), (1, 1, 0, None))

    def goes_on_from(self, checkpoint):
        self.vm.ok(*LINE)
        view = wait_until(lambda: (v := self.vm.show("x"))["attempt"] == 2 and v["catches"] and v, "it runs again")
        self.assertEqual((view["state"], view["interruptions"], view["failures"]), ("running", 1, 0))
        said = self.vm.run("logs", "x").stdout
        self.assertEqual(said.split(b"\n")[0], b"begin %d" % checkpoint["step"])

    def test_with_all_that_the_disk_held(self):
        saved = self.work("--durable", self.durable)
        self.vm.vanish(keep_state=True)
        self.boot("second", "--durable", self.durable)
        self.vanished()
        self.goes_on_from(saved)

    def test_without_a_durable_directory_from_what_the_disk_held(self):
        saved = self.work()
        self.vm.vanish(keep_state=True)
        self.boot("second")
        self.vanished()
        self.goes_on_from(saved)

    def test_with_nothing_but_the_durable_directory(self):
        saved = self.work("--durable", self.durable)
        self.vm.vanish()
        os.mkdir(self.vm.root)
        self.boot("second", "--durable", self.durable)
        self.vanished()
        self.goes_on_from(saved)

    def test_under_the_same_boot_id_it_is_lost(self):
        self.work("--durable", self.durable)
        self.vm.vanish(keep_state=True)
        self.boot("first", "--durable", self.durable)
        view = self.vm.wait_state("x", "lost")
        self.assertEqual((view["interruptions"], view["failures"]), (0, 1))

    def test_an_exit_that_was_recorded_before_is_known(self):
        self.boot("first")
        script = f"until [ -e {self.path('go')} ]; do sleep 0.05; done; exit 7"
        self.vm.ok("run", "-d", "--name", "x", "--", "sh", "-c", script)
        self.vm.wait_state("x", "running")
        self.vm.ok("daemon", "stop")
        open(self.path("go"), "w").close()
        wait_until(lambda: not self.vm.processes(), "job and shim have ended")
        self.boot("second")
        view = self.vm.wait_state("x", "failed")
        self.assertEqual((view["exit"], view["failures"]), (7, 1))


if __name__ == "__main__":
    main()
