# SPDX-License-Identifier: Apache-2.0
"""Real sessions with real PyTorch checkpoints: a share of tests/bench/sessions.py, and its judge."""
import subprocess
import unittest

import machine
import sessions
from sessions import Result, Session


def lived(**facts):
    return Session(user=0, number=2, code=85, **facts)


class Sessions(unittest.TestCase):
    def setUp(self):
        done = subprocess.run([machine.PYTHON, "-c", "import torch"], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("/usr/bin/python3 has no torch: apt-get install python3-torch")

    def test_twenty_sessions_resume_from_what_was_saved_and_miss_no_more_than_was_said(self):
        result = sessions.measure(20, 4, 30)
        print(result.text())
        for s in result.sessions:
            print(s)
        self.assertTrue(result.good)

    def test_a_corrupt_resume_a_forgotten_save_and_too_many_misses_are_seen(self):
        fine = lived(promised=0.01, saves=1)
        self.assertTrue(Result([fine]).good)
        self.assertFalse(Result([fine, lived(corrupt="CORRUPT x", promised=0.01, saves=1)]).good)
        first = Session(user=0, number=1, saves=1, code=85)
        self.assertFalse(Result([first, lived(promised=0.01, saves=1, resumed=False)]).good)
        self.assertTrue(Result([first, lived(promised=0.01, saves=1, resumed=True)]).good)
        self.assertFalse(Result([lived(promised=0.001, saves=0, resumed=True)] * 3).good)
        self.assertFalse(Result([first]).good)  # nothing was promised, so nothing was tested


if __name__ == "__main__":
    machine.main()
