# SPDX-License-Identifier: Apache-2.0
"""That the benchmark works: every figure gives its rows. What the numbers are is not looked at."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from machine import BIN, main

FIGURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "figures.py")
TSP = "/usr/bin/tsp"
# Figure, and the start of a row that it must give; "*" where tsp has one, too.
ROWS = [
    ("submit", "*submitting one of 3"),
    ("submit", "*  starting /bin/true"),
    ("finished", "*10 jobs submitted by clients and drained"),
    ("finished", "*server's RSS after its start"),
    ("finished", "*server's RSS with 10 finished jobs"),
    ("finished", "*listing 10 finished jobs"),
    ("queue", "*10 queued jobs drained, 1 slot"),
    ("queue", "10 queued jobs drained, 8 slots"),
    ("queue", "time per job, with 5 queued"),
    ("queue", "time per job, with 20 queued"),
    ("rest", "*idle server's RSS"),
    ("rest", "*private memory of a running job's guardian"),
    ("rest", "*threads of server / guardian"),
    ("rest", "idle server's CPU"),
    ("rest", "*  guardian of the running job"),
    ("request", "4 requests, daemon alive"),
    ("request", "4 requests, daemon killed"),
    ("request", "4 requests, daemon committing"),
    ("copying", "storing 3 MB: copied, synced"),
    ("copying", "  cp, then sha256sum"),
    ("copying", "  of storing 3 MB"),
    ("storing", "an answer while 3 MB are stored"),
    ("storing", "  while nothing is"),
]


def positive(value):
    values = value if isinstance(value, list) else [value]
    return all(isinstance(v, (int, float)) and v >= 0 for v in values)


class Figures(unittest.TestCase):
    def test_quick_runs(self):
        if not os.access(TSP, os.X_OK):
            self.skipTest(f"{TSP} is not there: apt-get install task-spooler")
        with tempfile.NamedTemporaryFile("r", prefix="gj-", suffix=".json") as out:
            done = subprocess.run([sys.executable, "-B", FIGURES, "--quick", "--bin", BIN, "--tsp",
                                   TSP, "--json", out.name], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=110)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = json.load(out)["rows"]
        for figure, start in ROWS:
            found = [row for row in rows if row["what"].startswith(start.lstrip("*"))]
            self.assertEqual([row["figure"] for row in found], [figure], f"{start}: {done.stderr}")
            self.assertIn(found[0]["what"], done.stdout)
            self.assertTrue(positive(found[0]["gpujob"]), found)
            self.assertEqual(positive(found[0]["tsp"]), start.startswith("*"), found)
        for row in rows:
            self.assertEqual(bool(row["target"]), row["met"] is not None, row)


if __name__ == "__main__":
    main()
