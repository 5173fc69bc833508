#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gpujob simulate, the verb, by the real programs."""
import json
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET

GPUJOB = os.path.join(os.environ["GPUJOB_BIN_DIR"], "gpujob")


def simulate(*arguments):
    return subprocess.run([GPUJOB, "simulate", *arguments], capture_output=True, text=True, check=False)


class Simulate(unittest.TestCase):
    def test_a_table_fits_a_terminal(self):
        for more in ([], ["--matrix"]):
            said = simulate("--sessions", "30", *more)
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertLessEqual(max(map(len, said.stdout.splitlines())), 80)
            self.assertIn("planner", said.stdout)

    def test_json_says_the_same_for_the_same_seed_only(self):
        ask = ("--sessions", "60", "--mtbf", "6h", "--json")
        first = simulate(*ask)
        self.assertEqual(first.stdout, simulate(*ask).stdout)
        self.assertNotEqual(first.stdout, simulate(*ask, "--seed", "2").stdout)
        cell = json.loads(first.stdout)["cells"][0]
        self.assertEqual(cell["laws"]["mtbf_s"], 6 * 3600)
        self.assertEqual(cell["sessions"], 60)

    def test_a_picture_is_a_document_of_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "g.svg")
            said = simulate("--sessions", "30", "--matrix", "--svg", file)
            self.assertEqual(said.returncode, 0, said.stderr)
            root = ET.parse(file).getroot()
            text = "".join(root.itertext())
            self.assertIn("planner", text)
            self.assertIn("fuzzy end, a death every 6h", text)
            self.assertNotIn("href", ET.tostring(root, encoding="unicode"))

    def test_its_help_has_an_example_that_works(self):
        said = simulate("--help").stdout
        self.assertIn("Example: gpujob simulate ", said)
        example = said.split("Example: gpujob simulate ")[1].split()
        self.assertEqual(simulate("--sessions", "30", *example).returncode, 0)

    def test_a_wrong_argument_is_exit_code_2(self):
        for wrong in (["--cap", "soon"], ["--end", "blunt"], ["--nosuch"], ["--mtbf", "0s"]):
            said = simulate(*wrong)
            self.assertEqual(said.returncode, 2, wrong)
            self.assertNotEqual(said.stderr, "")
            self.assertEqual(said.stdout, "")

    def test_sessions_of_a_ledger_are_played_again(self):
        with tempfile.TemporaryDirectory() as folder:
            for i, hours in enumerate((2, 9, 9, 4)):
                session = os.path.join(folder, "ledger", f"s{i}")
                os.makedirs(session)
                began = (1_700_000_000 + 50_000 * i) * 10**9
                with open(os.path.join(session, "3.json"), "w", encoding="utf-8") as file:
                    json.dump({"v": 1, "session": f"s{i}", "seq": 3, "at_ns": began + hours * 3600 * 10**9,
                               "ends_at_ns": began + 9 * 3600 * 10**9, "interval_s": 60, "jobs": [],
                               "closed": False, "platform": "kaggle", "resource": "gpu", "machine": "m",
                               "began_ns": began}, file)
            said = simulate("--ledger", folder, "--sessions", "40", "--json")
            self.assertEqual(said.returncode, 0, said.stderr)
            cell = json.loads(said.stdout)["cells"][0]
            self.assertEqual(cell["sessions"], 40)
            self.assertAlmostEqual(cell["laws"]["mtbf_s"], (24 * 3600 + 120) / 2, delta=1)
        for nothing in (folder, "/proc"):
            said = simulate("--ledger", nothing)
            self.assertEqual(said.returncode, 1)
            self.assertIn(nothing, said.stderr)

    def test_a_picture_that_cannot_be_written_is_said(self):
        said = simulate("--sessions", "30", "--svg", "/nosuch/g.svg")
        self.assertEqual(said.returncode, 1)
        self.assertIn("/nosuch/g.svg", said.stderr)


if __name__ == "__main__":
    unittest.main()
