# SPDX-License-Identifier: Apache-2.0
"""Figures of what costs memory and time while nothing happens."""
import time

from measure import children_cpu_ns, cpu_ns, private_mb, pss_mb, rss_mb, threads
from peers import Gpujob, Tsp, wait_until
from report import Row

SHIMS = 8
# Catches the signal, as a training does, so that its shim has nothing left to look for.
JOB = ["/bin/sh", "-c", "trap : USR1; while :; do sleep 1000; done"]


def rest(bench):
    """All that is measured while jobs sleep: memory, threads, then CPU time, on the same servers.

    `bare` has no session limit and no job; `alone` has a session of 9 h and a durable directory,
    and no job; `busy` the same and one job; `eight` eight jobs.
    """
    with Gpujob(bench, "bare") as bare, Gpujob(bench, "alone") as alone, \
            Gpujob(bench, "busy") as busy, Gpujob(bench, "eight") as eight, Tsp(bench) as tsp:
        bare.begin()
        for peer in (alone, busy, eight):
            peer.begin("--session-limit", "9h", "--durable", peer.root + "/durable",
                       "--slots", str(SHIMS))
        jobs = {peer: sleeping(peer, count) for peer, count in ((busy, 1), (eight, SHIMS))}
        tsp.begin()
        tsp.submit(JOB)
        wait_until(lambda: len(tsp.processes()) > 2, "tsp's job runs")
        return memory(bare, alone, jobs[busy], jobs[eight], tsp) + \
            cpu(bench, bare, alone, busy, jobs[busy][0], tsp)


def sleeping(peer, count):
    """The pids of the shims of that many new jobs, which have been seen to catch the signal."""
    pids = []
    for job in peer.submit(JOB, count):
        view = wait_until(lambda: (v := peer.wire.call("show", job=job))["catches"] and v,
                          "the job catches the signal")
        with open(f"/proc/{view['pid']}/status") as f:
            status = dict(line.split(":", 1) for line in f)
        pids.append(int(status["PPid"]))
    return pids


def tsp_client(tsp):
    """The process of tsp that guards a job: the child of none, and not the server."""
    def is_client(pid):
        with open(f"/proc/{pid}/comm") as f:
            return pid != tsp.pid and f.read().strip().startswith("ts")
    return next(pid for pid in tsp.processes() if is_client(pid))


def memory(bare, alone, one, eight, tsp):
    """Megabytes (10^6) and threads, from /proc, of servers that rest.

    RSS counts what is shared, too; PSS a share of it; private memory (Private_Clean and
    Private_Dirty of smaps_rollup) would be free again. A single shim has its program to itself, so
    its pages count as private; with eight jobs they are shared, and the mean is what a job costs.
    """
    guard = tsp_client(tsp)
    mean = sum(private_mb(pid) for pid in eight) / len(eight)
    count = threads(alone.pid) + threads(one[0])
    return [
        Row("rest", "idle server's RSS", "MB", rss_mb(bare.pid), rss_mb(tsp.pid), "≤ 8",
            rss_mb(bare.pid) <= 8),
        Row("rest", "  with session limit and durable directory", "MB", rss_mb(alone.pid),
            None, "≤ 8", rss_mb(alone.pid) <= 8),
        Row("rest", "  PSS / private", "MB", [pss_mb(bare.pid), private_mb(bare.pid)],
            [pss_mb(tsp.pid), private_mb(tsp.pid)]),
        Row("rest", "private memory of a running job's guardian", "MB", private_mb(one[0]),
            private_mb(guard), "≤ 0.5", private_mb(one[0]) <= 0.5),
        Row("rest", f"  mean of {len(eight)}", "MB", mean, None, "≤ 0.5", mean <= 0.5),
        Row("rest", "threads of server / guardian", "", [threads(alone.pid), threads(one[0])],
            [threads(tsp.pid), threads(guard)], "1 / 1", count == 2),
    ]


def cpu(bench, bare, alone, busy, shim, tsp):
    """Percent of one core over 60 s, all in the same 60 s, from schedstat (nanoseconds).

    `with helpers` adds the children that the daemon has reaped, in clock ticks (10 ms here is
    0.017 % of a minute): the heartbeat to the durable directory is one process a minute.
    """
    pids = {"bare": bare.pid, "alone": alone.pid, "busy": busy.pid, "shim": shim,
            "tsp": tsp.pid, "guard": tsp_client(tsp)}
    time.sleep(bench.sizes.settle_s)
    begin = time.monotonic()
    before = {name: (cpu_ns(pid), children_cpu_ns(pid)) for name, pid in pids.items()}
    time.sleep(bench.sizes.idle_s)
    used = {name: (cpu_ns(pid) - before[name][0], children_cpu_ns(pid) - before[name][1])
            for name, pid in pids.items()}
    elapsed_ns = (time.monotonic() - begin) * 1e9
    own = {name: 100 * times[0] / elapsed_ns for name, times in used.items()}
    both = {name: 100 * sum(times) / elapsed_ns for name, times in used.items()}

    def row(what, mine, theirs=None):
        return Row("rest", what, "% of a core", mine, theirs, "≤ 0.05", mine <= 0.05)
    return [
        row(f"idle server's CPU over {bench.sizes.idle_s} s", own["bare"]),
        row("  with session limit and durable directory", own["alone"]),
        row("  and one running job", own["busy"], own["tsp"]),
        row("  and with helpers", both["busy"]),
        row("  guardian of the running job", own["shim"], own["guard"]),
    ]
