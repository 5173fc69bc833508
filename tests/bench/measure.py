# SPDX-License-Identifier: Apache-2.0
"""Reading clocks, processes and the machine."""
import datetime
import math
import os
import platform
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def percentile(values, p):
    """Nearest rank: always a value that was measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]


def percentiles(values, *which):
    return [percentile(values, p) for p in which]


def spawn_ms(argv, env, errors):
    """Milliseconds (CLOCK_MONOTONIC) from before posix_spawn(3) of a program until it is reaped.

    Its stdin and stdout are /dev/null, its stderr is the file `errors`. Fails when it does.
    """
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
               (os.POSIX_SPAWN_OPEN, 2, errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)]
    begin = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter_ns() - begin
    if status != 0:
        with open(errors, errors="replace") as f:
            raise RuntimeError(f"{' '.join(argv)}: wait status {status}: {f.read().strip()}")
    return took / 1e6


def megabytes(path, *keys):
    """The sum of `Key:  N kB` lines in /proc; 1 MB is 10^6 bytes, the kernel's kB is 1024."""
    with open(path) as f:
        lines = dict(line.split(":", 1) for line in f if ":" in line)
    return sum(int(lines[key].split()[0]) for key in keys) * 1024 / 1e6


def rss_mb(pid):
    return megabytes(f"/proc/{pid}/status", "VmRSS")


def pss_mb(pid):
    return megabytes(f"/proc/{pid}/smaps_rollup", "Pss")


def private_mb(pid):
    """What would be freed if it ended."""
    keys = "Private_Clean", "Private_Dirty"
    return megabytes(f"/proc/{pid}/smaps_rollup", *keys)


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def cpu_ns(pid):
    """CPU time so far. schedstat counts nanoseconds; exact for a process that sleeps."""
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0])


def children_cpu_ns(pid):
    """CPU time of its children that have ended and been reaped; in steps of a clock tick."""
    with open(f"/proc/{pid}/stat") as f:
        after_name = f.read().rpartition(")")[2].split()
    ticks = int(after_name[13]) + int(after_name[14])  # cutime, cstime
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def fsync_ms(folder, count=20):
    """Median of appending 4 KiB to a file and fdatasync(2): the floor of a commit."""
    path = f"{folder}/fsync"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        os.write(fd, bytes(4096))
        os.fdatasync(fd)
        times.append((time.perf_counter_ns() - begin) / 1e6)
    os.close(fd)
    os.unlink(path)
    return statistics.median(times)


def first_line(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.splitlines()[0].strip() if done.stdout else "unknown"


def after(path, key):
    """What follows `key` and a separator in a file of such lines."""
    with open(path) as f:
        for line in f:
            if line.startswith(key):
                return line[len(key):].strip(' \t\n:="')
    return "unknown"


def describe(folder, gpujob, tsp):
    """What a reader needs to judge the numbers."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": after("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(megabytes("/proc/meminfo", "MemTotal") / 1000, 1),
        "kernel": platform.release(),
        "distribution": after("/etc/os-release", "PRETTY_NAME"),
        "filesystem": first_line("findmnt", "-no", "FSTYPE", "-T", folder),
        "fsync_ms": [],  # before each figure
        "processes": sum(name.isdigit() for name in os.listdir("/proc")),
        "load_before": round(os.getloadavg()[0], 2),
        "commit": first_line("git", "-C", ROOT, "describe", "--always", "--dirty"),
        "gpujob": first_line(gpujob, "version"),
        "tsp": first_line(tsp, "-V").partition(" - ")[0],
    }
