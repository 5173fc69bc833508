# SPDX-License-Identifier: Apache-2.0
"""README.md names the tests that are there, and all of the fault and lab rooms."""
import glob
import os
import re
import unittest

from machine import main

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def named():
    """In the last column: `label: suite: title`, or `label: suite: *` for all of a suite."""
    names = []
    for line in read(HERE + "/README.md").splitlines():
        if line.startswith("| ") and not line.startswith("| when"):
            names += re.findall(r"`([^`]*)`", line.rsplit(" | ", 1)[1])
    return names


def python_tests(folder):
    for label, suites in re.findall(r"gpujob_python_tests\(([a-z]+) ([^)]*)\)", read(folder + "/CMakeLists.txt")):
        for suite in suites.split():
            for method in re.findall(r"^    def test_([a-z0-9_]+)", read(f"{folder}/{suite}_test.py"), re.M):
                yield f"{label}: {suite}: {method.replace('_', ' ')}"


def cpp_tests(folder):
    labels = re.findall(r"gpujob_test\([a-z_]+\s+LABEL ([a-z]+)", read(folder + "/CMakeLists.txt"))
    for path in glob.glob(folder + "/*_test.cpp"):
        for literals in re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', read(path)):
            title = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
            yield from (f"{label}: {title}" for label in labels)


class Matrix(unittest.TestCase):
    def setUp(self):
        self.there, self.ours = set(), set()
        for cmake in glob.glob(TESTS + "/*/CMakeLists.txt"):
            folder = os.path.dirname(cmake)
            single = re.findall(r'add_test\(NAME "([^"$]+)"', read(cmake))
            tests = {*python_tests(folder), *cpp_tests(folder), *single}
            self.there |= tests
            if os.path.basename(folder) in ("fault", "lab"):
                self.ours |= tests
        self.named = named()
        self.assertGreater(len(self.named), 60)

    def missing(self, name):
        suite = name.removesuffix("*")
        return not any(t.startswith(suite) for t in self.there) if suite != name else name not in self.there

    def test_every_test_named_here_exists(self):
        self.assertEqual([name for name in self.named if self.missing(name)], [])

    def test_every_test_of_these_rooms_is_named_here(self):
        whole = tuple(name[:-1] for name in self.named if name.endswith("*"))
        forgotten = {t for t in self.ours - set(self.named) if not t.startswith(whole)}
        self.assertEqual(sorted(forgotten), [])


if __name__ == "__main__":
    main()
