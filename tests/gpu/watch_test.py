# SPDX-License-Identifier: Apache-2.0
"""What the daemon says of GPUs at which nobody could look."""
import os
import re
import shutil
import time

from clocks import Clocks, seconds
from gpus import DRIVER, PROBE, Gpus, t4
from machine import PYTHON, Case, main, wait_until

IDLE = DRIVER + t4(4).replace("util 37", "util 0").replace(" 1073741824 ", " 0 ")


class Watch(Case):
    def setUp(self):
        super().setUp()
        self.gpus = Gpus(self.root)
        self.vm.env.update(self.gpus.env)

    def gpu(self):
        return self.vm.json("top")["gpu"]

    def until(self, condition, what):
        return wait_until(lambda: (g := self.gpu()) and condition(g) and g, what)

    def log(self):
        with open(self.vm.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def test_while_a_driver_does_not_answer_no_gpu_is_shown_as_it_was(self):
        self.gpus.write(DRIVER + t4(4))
        self.vm.start()
        self.until(lambda g: g["devices"], "a GPU was seen")
        self.gpus.write(DRIVER + t4(4) + "hangs nvmlDeviceGetUtilizationRates\n")
        stuck = self.until(lambda g: g["sampling"]["why"], "it is given up")
        self.assertEqual(stuck["devices"], [])
        self.assertIn("no answer within", stuck["sampling"]["why"])
        self.gpus.write(DRIVER + t4(4))
        back = self.until(lambda g: g["sampling"]["why"] is None, "it answers again")
        self.assertEqual([d["use_percent"] for d in back["devices"]], [37])

    def test_a_minute_in_which_nobody_looked_is_no_idle_one(self):
        clocks = Clocks(self.vm)
        try:
            os.link(PROBE, self.vm.bin + "/gpujob-gpuprobe")
        except OSError:
            shutil.copy(PROBE, self.vm.bin + "/gpujob-gpuprobe")
        self.gpus.write(IDLE)
        self.vm.start()
        self.until(lambda g: g["devices"], "a GPU was seen")
        self.vm.ok("run", "-d", "--name", "vit", "--gpus", "1", "--idle-gpu", "90s", "--",
                   PYTHON, "-c", "import time; time.sleep(1000)")
        self.vm.wait_state("vit", "running")
        used = 0

        def sleep(s):
            """The machine sleeps; then a look comes that the core hears of."""
            nonlocal used
            clocks.shift(real=clocks.ahead + s, boot=clocks.ahead + s)
            woken = time.time() + clocks.ahead
            used += 2_000_000_000
            self.gpus.write(IDLE.replace(" 0 268435456", f" {used} 268435456"))
            return self.until(lambda g: g["devices"] and seconds(g["at"]) > woken and
                              g["devices"][0]["memory_used"] == used, "it has looked")
        self.assertLess(sleep(80)["devices"][0]["idle_s"], 60)
        self.assertGreater(sleep(50)["devices"][0]["idle_s"], 50)
        self.assertNotIn("has been idle", self.log())
        sleep(50)
        warned = wait_until(lambda: re.search("GPU 0 has been idle for ([^ ]+ [^ ]+) while", self.log()), "it is told")
        self.assertTrue(warned[1].startswith("1m "), warned[1]) # not the minute before


if __name__ == "__main__":
    main()
