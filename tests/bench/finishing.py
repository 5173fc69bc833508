# SPDX-License-Identifier: Apache-2.0
"""Figures around 2 000 jobs that were submitted by client processes and have ended."""
import statistics
import time

from measure import percentiles, private_mb, rss_mb
from peers import Gpujob, Tsp
from report import Row


def finished(bench):
    """The three figures that need 2 000 finished jobs, on the same two servers (one slot each)."""
    with Gpujob(bench, "g") as gpujob, Tsp(bench) as tsp:
        peers = [gpujob.begin("--slots", "1"), tsp.begin()]
        fresh = [(rss_mb(peer.pid), private_mb(peer.pid)) for peer in peers]
        return drained(bench, peers) + memory(bench, peers, fresh) + listing(bench, peers)


def drained(bench, peers):
    """Jobs per second (CLOCK_MONOTONIC): n client processes one after the other, then waiting.

    From the start of the first client to the end of the last job; first all of gpujob's, then all
    of tsp's. The clients' own times, now that a job runs beside them, are the second line.
    """
    count = bench.sizes.jobs
    rates, latencies = [], []
    for peer in peers:
        begin = time.monotonic()
        latencies.append(percentiles([peer.client_ms(peer.submit_argv) for _ in range(count)],
                                     50, 95, 99))
        peer.wait_idle()
        rates.append(count / (time.monotonic() - begin))
    return [
        Row("finished", f"{count} jobs submitted by clients and drained", "jobs/s", *rates,
            "≥ 500", rates[0] >= 500),
        Row("finished", "  submitting meanwhile, p50 / p95 / p99", "ms", *latencies),
    ]


def memory(bench, peers, fresh):
    """Megabytes (10^6): VmRSS of the server when it has started, and with n finished jobs.

    And how much private memory a finished job has cost on the average.
    """
    count = bench.sizes.jobs
    later = [(rss_mb(peer.pid), private_mb(peer.pid)) for peer in peers]
    per_job = [(b[1] - a[1]) * 1000 / count for a, b in zip(fresh, later)]
    return [
        Row("finished", "server's RSS after its start", "MB", fresh[0][0], fresh[1][0], "≤ 8",
            fresh[0][0] <= 8),
        Row("finished", f"server's RSS with {count} finished jobs", "MB", later[0][0],
            later[1][0], "≤ 8", later[0][0] <= 8),
        Row("finished", "  private memory per finished job", "kB", *per_job),
    ]


def listing(bench, peers):
    """Milliseconds (CLOCK_MONOTONIC): median of a client process that lists every job, in turn."""
    times = [[], []]
    for i in range(bench.sizes.listings):
        for which in (i % 2, (i + 1) % 2):
            times[which].append(peers[which].client_ms(peers[which].list_argv))
    medians = [statistics.median(t) for t in times]
    return [Row("finished", f"listing {bench.sizes.jobs} finished jobs, median", "ms", *medians)]
