# SPDX-License-Identifier: Apache-2.0
"""A durable directory that is an rclone remote, through two VMs."""
import os
import shutil

from machine import PYTHON, SAVER, Case, main, wait_until


class Remote(Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("rclone"):
            self.skipTest("rclone is not there: apt-get install rclone")
        self.place = self.path("cloud")
        os.mkdir(self.place)
        with open(self.path("rclone.conf"), "w") as f:
            f.write(f"[cloud]\ntype = alias\nremote = {self.place}\n")

    def vm_with_rclone(self, vm):
        vm.env["RCLONE_CONFIG"] = self.path("rclone.conf")
        return vm

    def test_a_job_goes_on_in_the_next_vm(self):
        line = ["run", "-d", "--name", "digits", "--", PYTHON, SAVER, "100000"]
        self.vm_with_rclone(self.vm)
        self.vm.start("--session-limit", "1h", "--durable", "rclone:cloud:gpujob")
        self.assertEqual(self.vm.json("quota")["durable"]["path"], "rclone:cloud:gpujob")
        self.assertEqual(self.vm.json("quota")["durable"]["state"], "stored")
        self.vm.ok(*line)
        wait_until(lambda: self.vm.show("digits")["catches"], "its handler is there")
        self.vm.ok("checkpoint", "digits", "--wait")
        saved = self.vm.show("digits")["checkpoints"][-1]
        self.assertEqual(saved["durable"], "stored")
        self.assertTrue(saved["durable_path"].startswith("rclone:cloud:gpujob/jobs/"))
        self.vm.vanish()
        following = self.vm_with_rclone(self.machine("v2"))
        following.start("--session-limit", "1h", "--durable", "rclone:cloud:gpujob/")
        following.ok("run", "-d", "--take-over", *line[2:])
        wait_until(lambda: b"begin" in following.run("logs", "digits").stdout, "it began")
        began = following.run("logs", "digits").stdout.split(b"\n")[0]
        self.assertEqual(began, b"begin %d" % saved["step"])

    def test_a_remote_that_is_not_configured_is_refused(self):
        self.vm_with_rclone(self.vm)
        done = self.vm.run("daemon", "start", "--durable", "rclone:nobody:gpujob")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"rclone:nobody:gpujob", done.stderr)
        self.assertIn(b"rclone lsd nobody:gpujob", done.stderr)
        for bad in ("rclone:cloud", "rclone::local:/x", "rclone:s3,secret=x:y"):
            done = self.vm.run("daemon", "start", "--durable", bad)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"rclone listremotes", done.stderr)


if __name__ == "__main__":
    main()
