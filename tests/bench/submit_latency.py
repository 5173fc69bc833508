#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long `gpujob run -d -- true` takes, beside task-spooler's `tsp true`.

Both are submitted in turn, in the same run, each to a server of its own in a temporary folder; the
time is that of the whole client process, and starting /bin/true in the same way is shown as the
floor. Needs /usr/bin/tsp (package task-spooler) and a build of gpujob. A measurement, not a test: it
passes no judgement.
"""
import argparse
import datetime
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PERCENTILES = (50, 95, 99)


def fail(text):
    sys.exit(f"submit_latency: {text}")


def percentile(values, p):
    """Nearest rank: always a value that was measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]


def run(argv, env):
    """Milliseconds of one client process."""
    begin = time.perf_counter()
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    took = (time.perf_counter() - begin) * 1000
    if done.returncode:
        fail(f"{' '.join(argv)}: exit status {done.returncode}: {done.stdout.decode().strip()}")
    return took


def first_line(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.splitlines()[0].strip() if done.stdout else "unknown"


def cpu_model():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown"


def machine(folder):
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "filesystem": first_line(["findmnt", "-no", "FSTYPE", "-T", folder]),
        "load_before": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def kill_leftovers(folder):
    """Whatever still carries our folder in its environment or command line."""
    needle = os.fsencode(folder)
    for _ in range(100):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as e, open(f"/proc/{pid}/cmdline", "rb") as c:
                    if int(pid) != os.getpid() and needle in e.read() + c.read():
                        found.append(int(pid))
            except OSError:
                continue
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def measure(args, folder):
    gpujob = os.path.join(args.bin, "gpujob")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GPUJOB_", "TS_"))}
    # The queue keeps every finished job; by default tsp forgets the older ones.
    env.update(GPUJOB_RUNTIME_DIR=folder + "/run", GPUJOB_STATE_DIR=folder + "/state",
               TS_SOCKET=folder + "/tsp.sock", TMPDIR=folder + "/tmp", TS_MAXFINISHED="5000")
    for name in ("run", "state", "tmp"):
        os.mkdir(f"{folder}/{name}", 0o700)
    clients = {
        "gpujob": [gpujob, "run", "-d", "--", "true"],
        "tsp": [args.tsp, "true"],
        "floor": ["/bin/true"],
    }
    run([gpujob, "daemon", "start", "--platform", "generic"], env)
    try:
        names = list(clients)
        for _ in range(args.warm_up):
            for name in names:
                run(clients[name], env)
        times = {name: [] for name in names}
        for i in range(args.count):
            for name in names[i % 3:] + names[:i % 3]:  # nobody is always the first
                times[name].append(run(clients[name], env))
        return times
    finally:
        subprocess.run([gpujob, "daemon", "stop"], env=env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        subprocess.run([args.tsp, "-K"], env=env, stdout=subprocess.DEVNULL)
        kill_leftovers(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="submissions of each (default 200)")
    parser.add_argument("--warm-up", type=int, default=10, help="not counted, of each (default 10)")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"), metavar="DIR",
                        help="where gpujob and gpujobd are (default build/release/bin)")
    parser.add_argument("--tsp", default="/usr/bin/tsp", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="everything, every single time too")
    args = parser.parse_args()
    if args.count < 1 or args.warm_up < 0:
        fail(f"--count {args.count} --warm-up {args.warm_up}: too small: give 1 and 0 or more")
    args.bin = os.path.abspath(args.bin)
    for program, remedy in ((f"{args.bin}/gpujob", "build it, or name its folder with --bin"),
                            (args.tsp, "apt-get install task-spooler")):
        if not os.access(program, os.X_OK):
            fail(f"{program}: not there: {remedy}")

    folder = tempfile.mkdtemp(prefix="gj-bench-", dir="/tmp")  # short: sockets live here
    try:
        where = machine(folder)
        times = measure(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    result = {
        "what": "submit latency, milliseconds, whole client process",
        "count": args.count,
        "versions": {"gpujob": first_line([f"{args.bin}/gpujob", "version"]),
                     "tsp": first_line([args.tsp, "-V"])},
        "machine": where,
        "percentiles_ms": {name: {f"p{p}": round(percentile(values, p), 3) for p in PERCENTILES}
                           for name, values in times.items()},
    }
    if args.json:
        result["times_ms"] = {n: [round(v, 3) for v in values] for n, values in times.items()}
        print(json.dumps(result, indent=1))
        return
    print(f"{args.count} submissions each, in turn; ms of the whole client process")
    print(f"{'':6}{'gpujob run -d -- true':>24}{'tsp true':>12}{'/bin/true (floor)':>20}")
    for p in PERCENTILES:
        row = [result["percentiles_ms"][name][f"p{p}"] for name in ("gpujob", "tsp", "floor")]
        print(f"p{p:<5}{row[0]:>24.2f}{row[1]:>12.2f}{row[2]:>20.2f}")
    print(f"gpujob  {result['versions']['gpujob']}\ntsp     {result['versions']['tsp']}")
    print("machine {cpu}, {cores} cores, kernel {kernel}, {filesystem}, load before "
          "{load_before:.2f}, {date}".format(**where))


if __name__ == "__main__":
    main()
