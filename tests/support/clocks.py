# SPDX-License-Identifier: Apache-2.0
"""Clocks of a machine that a test may set: tests/fault/preload/clock.cpp under all its programs."""
import datetime
import os
import struct

from machine import BIN


class Clocks:
    def __init__(self, vm):
        self.file = vm.root + "/clock"
        self.ahead = 0
        self.shift(real=0, boot=0)
        vm.own_programs(dynamic=True)
        vm.env.update(LD_PRELOAD=BIN + "/libgpujob_test_clock.so", GJ_TEST_CLOCK=self.file,
                      ASAN_OPTIONS="verify_asan_link_order=0")

    def shift(self, real, boot):
        """By how many seconds the two clocks are ahead of the kernel's from now on."""
        self.ahead = real
        fd = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, struct.pack("qq", int(real * 1e9), int(boot * 1e9)))  # in one piece
        os.close(fd)


def seconds(instant):
    """RFC 3339 to Unix seconds."""
    return datetime.datetime.fromisoformat(instant).timestamp()
