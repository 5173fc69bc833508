#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vanish.py DIR: SIGKILL for every process that has DIR in its environment or command line.

What happens to the processes of a notebook VM at its end. Runs until none is left: a shim may be
starting a daemon at this moment.
"""
import os
import signal
import sys
import time


def holders(folder):
    needle = os.fsencode(folder.rstrip("/") + "/")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in (os.getpid(), os.getppid()):
            continue
        try:
            for name in ("environ", "cmdline"):
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    if needle in f.read():
                        yield int(pid)
                        break
        except OSError:
            pass  # gone meanwhile, or not ours


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def main():
    if len(sys.argv) != 2 or not sys.argv[1].startswith("/"):
        sys.exit("usage: vanish.py DIR (absolute)")
    killed, quiet, end = set(), 0, time.monotonic() + 20
    while quiet < 2:
        found = [pid for pid in holders(sys.argv[1]) if not is_zombie(pid)]
        quiet = 0 if found else quiet + 1
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            except ProcessLookupError:
                pass
        if time.monotonic() > end:
            sys.exit(f"vanish: {found}: still alive after SIGKILL: look at them with ps")
        time.sleep(0.05)
    print(len(killed))


if __name__ == "__main__":
    main()
