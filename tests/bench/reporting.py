# SPDX-License-Identifier: Apache-2.0
"""Figure: how long the report of a session of twelve hours takes, and how large it is.

    tests/bench/reporting.py [--bin DIR]

The database is filled by the daemon's own code (tests/store/record_day.cpp: twelve jobs, 1728 saves,
48 attempts); then `gpujob report` is run, as a user does: client, daemon, file, fsync. Wall clock of
the whole process, median of 20. `tests/client/report_test.cpp` makes the page of 40 jobs and 8 GPUs
with their history of a second and a minute.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=ROOT + "/build/release/bin", metavar="DIR")
    args = parser.parse_args()
    os.environ["GPUJOB_BIN_DIR"] = args.bin
    sys.path.insert(0, ROOT + "/tests/support")
    from machine import Machine, wait_until  # they look for the programs when they are read

    folder = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
    vm = Machine(folder)
    try:
        vm.start("--session-limit", "13h")
        session = vm.json("daemon", "status")["session"]
        vm.ok("daemon", "stop")
        wait_until(lambda: not vm.processes(), "the daemon has gone")
        subprocess.run([args.bin + "/record_day", vm.root + "/s/gpujob.db", session], check=True)
        vm.start()
        for form in ("html", "md", "json"):
            path = f"{folder}/report.{form}"
            took = []
            for _ in range(20):
                begin = time.perf_counter()
                vm.ok("report", "--last", "12h", "--format", form, "-o", path)
                took.append((time.perf_counter() - begin) * 1000)
            print(f"report of 12 h, {form:4}: {statistics.median(took):6.1f} ms (target 300), "
                  f"{os.path.getsize(path) / 1000:6.0f} kB (target 1000)")
    finally:
        vm.vanish()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
