# SPDX-License-Identifier: Apache-2.0
"""That the figures of looking at GPUs are figures; what they are is not looked at."""
import json
import os
import subprocess
import sys
import unittest

from machine import main

GPU = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpu.py")


class Gpu(unittest.TestCase):
    def test_a_short_run_gives_every_figure(self):
        done = subprocess.run([sys.executable, "-B", GPU, "--seconds", "3", "--asks", "5", "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertGreater(found["snapshot_ms"], 0)
        self.assertGreater(found["sampling"]["daemon"], 0)
        self.assertGreater(found["sampling"]["probe"], 0)
        self.assertGreater(found["sampling"]["rate"], 0)
        self.assertGreater(found["end_to_end_ms"]["gpujob gpu"], 0)


if __name__ == "__main__":
    main()
