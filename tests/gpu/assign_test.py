# SPDX-License-Identifier: Apache-2.0
"""Jobs that are given GPUs of their own by the real daemon; the GPUs are a script's."""
import os

from gpus import A100_MIG, DRIVER, Gpus, t4
from machine import Case, main, wait_until

UUID = "GPU-5f1c1d6a-0000-0000-0000-00000000000{}"
FULL = "memory 16106127360 14000000000 268435456"
SHOW = 'echo "$CUDA_VISIBLE_DEVICES" >"$0.new"; mv "$0.new" "$0"; exec sleep 1000'


def idle(n):
    return t4(n).replace("util 37 12", "util 0 0")


class Assign(Case):
    def setUp(self):
        super().setUp()
        self.gpus = Gpus(self.root, DRIVER + t4(1) + t4(2))
        self.vm.env.update(self.gpus.env)

    def start(self, name, *options):
        self.vm.ok("run", "-d", "--name", name, *options, "--", "sh", "-c", SHOW, self.path(name))

    def seen_by(self, name):
        """What the job was told it may see, once it runs."""
        wait_until(lambda: os.path.exists(self.path(name)), f"{name} runs")
        with open(self.path(name), encoding="utf-8") as f:
            return f.read().strip()

    def reason(self, name, text):
        wait_until(lambda: text in (self.vm.show(name)["reason"] or ""), f"{name} says: {text}")

    def test_a_gpu_each_and_the_third_waits_for_one(self):
        self.start("a", "--gpus", "1")
        self.start("b", "--gpus", "1")
        self.assertEqual({self.seen_by("a"), self.seen_by("b")}, {UUID.format(1), UUID.format(2)})
        self.start("c", "--gpus", "1")
        self.reason("c", "waits for 1 GPU: GPU 0 is used by job")
        self.assertEqual(self.vm.show("a")["gpus"], [self.seen_by("a")])
        self.vm.ok("stop", "a", "--now")
        self.assertEqual(self.seen_by("c"), self.seen_by("a"))
        self.assertEqual(self.vm.show("a")["gpus"], [])
        self.assertIn(b"GPU", self.vm.ok("ps").stdout.splitlines()[0])

    def test_a_gpu_that_somebody_else_fills_is_waited_for(self):
        full = t4(1).replace("memory 16106127360 1073741824 268435456", FULL)
        self.gpus.write(DRIVER + full)
        self.start("a", "--gpus", "device=0")
        self.reason("a", "waits for 1 GPU: GPU 0 has 2.11 of 16.1 GB free")
        self.gpus.write(DRIVER + t4(1))
        self.assertEqual(self.seen_by("a"), UUID.format(1))

    def test_what_can_never_be_is_refused_and_says_why(self):
        self.start("a", "--gpus", "1")
        self.seen_by("a")  # now the GPUs are known
        for asked, why in (("4", "needs 4 GPUs, this machine has 2"), ("0,7", "asks for GPU 7, and this machine has"),
                           ("GPU-5f1c", "which 2 GPUs of this machine begin with")):
            done = self.vm.run("run", "-d", "--name", "never", "--gpus", asked, "--", "true")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(why, done.stderr.decode())

    def test_without_a_gpu_a_job_that_needs_one_says_so(self):
        self.vm.env.update(self.gpus.without_nvidia().env)
        self.vm.run("run", "-d", "--name", "a", "--gpus", "1", "--", "true")
        done = wait_until(lambda: (lambda d: d if d.returncode == 1 else None)(
            self.vm.run("run", "-d", "--name", "b", "--gpus", "1", "--", "true")), "the GPUs were looked for")
        self.assertIn(b"no GPU: ", done.stderr)

    def test_mig_devices_are_devices(self):
        self.gpus.write(DRIVER + A100_MIG.replace("process 501 1000000 3 0\n", "").replace(
            "process 502 2000000 4 1\n", "").replace("5100273664 1048576", "5100273664 0").replace("5100273664 2097152", "5100273664 0"))
        self.start("a", "--gpus", "1")
        self.start("b", "--gpus", "1")
        self.assertEqual({self.seen_by("a"), self.seen_by("b")}, {"MIG-one", "MIG-two"})
        done = self.vm.run("run", "--gpus", "device=0", "--", "true")
        self.assertIn(b"GPU 0 is split by MIG", done.stderr)

    def test_a_daemons_death_takes_no_gpu_away(self):
        self.start("a", "--gpus", "all")
        self.assertEqual(self.seen_by("a"), f"{UUID.format(1)},{UUID.format(2)}")
        self.vm.kill_daemon()
        self.start("b", "--gpus", "1")
        self.reason("b", "GPU 0 is used by job a")
        self.assertEqual(len(self.vm.show("a")["gpus"]), 2)

    def test_a_job_that_leaves_its_gpu_idle_is_warned_of_and_stopped(self):
        told = self.path("told")
        self.vm.start("--on-warning", f'echo "$GPUJOB_WARNING" >>{told}')
        self.gpus.write(DRIVER + idle(1))
        self.start("a", "--gpus", "1", "--idle-gpu", "1s", "--idle-gpu-stop", "3s")
        self.vm.wait_state("a", "stopped")
        self.assertIn("its GPU was idle for ", self.vm.show("a")["reason"])

        def warned():
            with open(told, encoding="utf-8") as f:
                return "GPU 0 has been idle for " in f.read()
        wait_until(lambda: os.path.exists(told) and warned(), "it was warned of")


if __name__ == "__main__":
    main()
