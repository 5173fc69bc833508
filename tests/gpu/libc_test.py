# SPDX-License-Identifier: Apache-2.0
"""What the probe, alone not static, asks of the machine that it is carried to."""
import re
import subprocess
import unittest

from gpus import PROBE
from machine import main

NEWEST = (2, 35)  # Ubuntu 22.04's, which is Colab's and Kaggle's


class Libc(unittest.TestCase):
    def asked(self, *args):
        return subprocess.run(["objdump", *args, PROBE], check=True, capture_output=True, text=True).stdout

    def test_it_starts_with_the_libc_of_colab(self):
        asked = self.asked("-T")
        versions = {tuple(map(int, v)) for v in re.findall(r"GLIBC_(\d+)\.(\d+)", asked)}
        self.assertIn((2, 34), versions)  # else nothing was read
        newer = [line for line in asked.splitlines() if re.search(r"GLIBC_2\.(3[6-9]|[4-9]\d)", line)]
        self.assertLessEqual(max(versions), NEWEST, newer)

    def test_it_brings_its_own_libstdcxx(self):
        needed = re.findall(r"NEEDED\s+(\S+)", self.asked("-p"))
        self.assertIn("libc.so.6", needed)
        self.assertLessEqual(set(needed), {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"})


if __name__ == "__main__":
    main()
