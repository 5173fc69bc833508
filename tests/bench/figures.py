#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of gpujob, beside task-spooler's (tsp) where it has them, in one run.

A measurement, not a test: it says which targets were met, and fails for none. Needs /usr/bin/tsp
(Debian's task-spooler) and a Release build of gpujob; takes about ten minutes on two cores. What
each figure is, its unit, clock and way of measuring: the docstring of its function.
"""
import argparse
import dataclasses
import gc
import json
import os
import resource
import shutil
import sys
import tempfile

import copying
import finishing
import measure
import queueing
import report
import requesting
import resting
import storing
import submitting

FIGURES = {f.__name__: f for f in (submitting.submit, finishing.finished, queueing.queue,
                                   resting.rest, requesting.request, copying.copying,
                                   storing.storing)}


@dataclasses.dataclass
class Sizes:
    submits: int = 300
    jobs: int = 2000
    listings: int = 31
    part: int = 100
    long_queue: int = 10_000
    repeats: int = 3
    settle_s: int = 5
    idle_s: int = 60
    requests: int = 25  # at once: the shim looks at every process before it signals
    sessions: int = 4
    sessions_at_once: int = 1
    checkpoint_bytes: int = 2_000_000_000


QUICK = Sizes(submits=3, jobs=10, listings=2, part=5, long_queue=20, repeats=1, settle_s=0,
              idle_s=1, requests=4, sessions=1, sessions_at_once=3,
              checkpoint_bytes=3_000_000)


@dataclasses.dataclass
class Bench:
    folder: str
    bin: str
    tsp: str
    sizes: Sizes


def fail(text):
    sys.exit(f"figures: {text}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=os.path.join(measure.ROOT, "build/release/bin"),
                        metavar="DIR", help="where the programs are (default build/release/bin)")
    parser.add_argument("--tsp", default="/usr/bin/tsp", metavar="FILE")
    parser.add_argument("--dir", default="/tmp", metavar="DIR",
                        help="where the state is kept meanwhile; a short path (default /tmp)")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES), metavar="NAME",
                        help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true",
                        help="a few of each, to see that it works: the numbers mean nothing")
    parser.add_argument("--markdown", action="store_true", help="print it as for the README")
    parser.add_argument("--json", metavar="FILE", help="write it there, too")
    args = parser.parse_args()
    args.bin = os.path.abspath(args.bin)
    for program, remedy in ((f"{args.bin}/gpujob", "build it, or name its folder with --bin"),
                            (args.tsp, "apt-get install task-spooler")):
        if not os.access(program, os.X_OK):
            fail(f"{program}: not there: {remedy}")
    return args


def allow_files(names, sizes):
    """A queued job is a descriptor of the daemon: raises our limit, which is the daemon's."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if "queue" in names and hard < sizes.long_queue * 4 // 3 + 200:
        fail(f"open files: the hard limit is {hard}: too low for {sizes.long_queue} queued jobs: "
             f"raise it (ulimit -Hn {sizes.long_queue * 2})")


def measured(bench, names, machine):
    rows = []
    for name in names:
        machine["fsync_ms"].append(round(measure.fsync_ms(bench.folder), 2))
        print(f"figures: measuring {name} ...", file=sys.stderr, flush=True)
        try:
            rows += FIGURES[name](bench)
        except RuntimeError as e:  # the minutes of the others are not thrown away
            print(f"figures: {name}: {e}", file=sys.stderr)
            rows.append(report.Row(name, "not measured: see above", "", None, None, "", False))
    return rows


def main():
    args = arguments()
    sizes = QUICK if args.quick else Sizes()
    allow_files(args.only, sizes)
    folder = tempfile.mkdtemp(prefix="gj-", dir=args.dir)  # short: sockets live here
    gc.disable()
    try:
        machine = measure.describe(folder, args.bin + "/gpujob", args.tsp)
        bench = Bench(folder, args.bin, args.tsp, sizes)
        rows = measured(bench, args.only, machine)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    command = " ".join(["tests/bench/figures.py", *sys.argv[1:]])
    if args.json:
        with open(args.json, "w") as f:
            json.dump(report.as_json(machine, command, rows), f, indent=1, ensure_ascii=False)
            f.write("\n")
    print((report.markdown if args.markdown else report.text)(machine, command, rows))


if __name__ == "__main__":
    main()
