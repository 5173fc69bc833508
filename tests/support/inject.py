# SPDX-License-Identifier: Apache-2.0
"""Faults in what gpujobd, its helpers and the dynamic shim ask of the C library.

tests/fault/inject/inject.cpp is preloaded into them. It counts every call, tells call sites apart by
the whole stack, and makes one call fail (Fault). What fired, and where, is in the log it writes.
"""
import bisect
import dataclasses
import errno
import functools
import mmap
import os
import shutil
import struct
import subprocess

from machine import BIN

LIBRARY = os.path.join(BIN, "libgpujob_inject.so")
HEAD, SLOTS = 16, 1 << 14
TABLE_SIZE = HEAD + 16 * SLOTS


@dataclasses.dataclass(frozen=True)
class Fault:
    """The nth passage of a site (or, without one, of a function) fails, and so do the next ones."""
    who: str
    function: str
    error: str  # a name of errno, or "short": half the bytes
    site: str = "*"
    nth: int = 1
    times: int = 1

    def order(self):
        number = self.error if self.error == "short" else getattr(errno, self.error)
        return f"{self.who} {self.function} {self.site} {self.nth} {self.times} {number}"

    def __str__(self):
        return f"{self.who} {self.function} {self.error} site {self.site} nth {self.nth}"


@dataclasses.dataclass(frozen=True)
class Site:
    who: str
    function: str
    hash: str
    frames: tuple

    def caller(self):
        """The innermost two places of our own: many stacks differ only in what lies below or above."""
        return tuple(f for f in self.frames if f.startswith("gpujob"))[:2]


# Under its name, what is built for it: a static program cannot be got into.
PROGRAMS = {"gpujob": "gpujob", "gpujobd": "gpujobd-dynamic", "gpujob-shim": "gpujob-shim-dynamic"}


def make_bin(path):
    """The programs, those that a fault gets into in their dynamic form."""
    os.mkdir(path)
    for name, source in PROGRAMS.items():
        try:
            os.link(os.path.join(BIN, source), os.path.join(path, name))
        except OSError:
            shutil.copy2(os.path.join(BIN, source), os.path.join(path, name))
    return path


class Injector:
    """What one run's processes share. arm() and disarm() while they run; the rest afterwards."""

    def __init__(self, path, fault=None, armed=True):
        self.path = path
        os.mkdir(path)
        with open(path + "/table", "wb") as f:
            f.truncate(TABLE_SIZE)
        open(path + "/log", "w").close()
        with open(path + "/table", "r+b") as f:
            self.table = mmap.mmap(f.fileno(), TABLE_SIZE)
        self.env = {"LD_PRELOAD": LIBRARY, "GJ_INJECT_DIR": path,
                    "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
        if fault:
            self.env["GJ_INJECT"] = fault.order()
        self.arm(armed)

    def arm(self, on=True):
        self.table[0:4] = struct.pack("=I", int(on))

    def disarm(self):
        self.arm(False)

    @property
    def fired(self):
        return struct.unpack("=I", self.table[4:8])[0]

    @property
    def passages(self):
        """Of everything that is counted, by all of them together."""
        return struct.unpack("=Q", self.table[8:16])[0]

    def lines(self, word):
        with open(self.path + "/log", errors="replace") as f:
            for line in f:
                first, *rest = line.split()
                if first == word:
                    yield Site(rest[0], rest[1], rest[2], tuple(rest[3:]))

    def sites(self):
        return sorted(set(self.lines("site")), key=lambda s: (s.who, s.function, s.hash))

    def passed(self, who, function, site=None):
        """How often, as the library's table has it."""
        key = int(site, 16) if site else _mix(_mix(_FNV, who), function) | 1
        for i in range(SLOTS):
            at = HEAD + 16 * ((key + i) % SLOTS)
            found, count = struct.unpack("=QQ", self.table[at:at + 16])
            if found == key:
                return count
            if found == 0:
                return 0
        return 0


_FNV = 1469598103934665603


def _mix(value, text):
    for byte in text.encode():
        value = ((value ^ byte) * 1099511628211) & 0xffffffffffffffff
    return value


@functools.lru_cache(maxsize=None)
def _symbols(path):
    """Offsets and mangled names, both ascending. (addr2line needs gigabytes where there is debug information.)"""
    out = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=False).stdout
    rows = sorted((int(row[0], 16), row[2]) for line in out.splitlines() if len(row := line.split()) == 3)
    return [r[0] for r in rows], [r[1] for r in rows]


def functions(site):
    """The functions of our own on its stack, mangled, innermost first."""
    names = []
    for frame in site.frames:
        program, offset = frame.rsplit("+", 1)
        if program in ("gpujobd", "gpujob-shim"):
            at, symbols = _symbols(os.path.join(BIN, PROGRAMS[program]))
            names.append(symbols[bisect.bisect_right(at, int(offset, 16) - 1) - 1])
    return names


def describe(site):
    """The stack in words, innermost first: what a person needs who has to mend it."""
    out = subprocess.run(["c++filt", "-p", *functions(site)], capture_output=True, text=True, check=False).stdout
    return f"{site.who} {site.function} {site.hash}: " + " < ".join(n[-70:] for n in out.splitlines()[:14])
