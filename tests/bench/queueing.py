# SPDX-License-Identifier: Apache-2.0
"""Figures of a queue that is full before it may move."""
import statistics
import time

from measure import cpu_ns
from peers import TSP_QUEUE, Gpujob, Tsp
from report import Row

NOISE = 1.1  # two runs of the same differ by this much


def queue(bench):
    """All that is measured by holding a queue, filling it and letting it go."""
    return drain(bench) + growth(bench)


def held(bench, slots, count):
    """A daemon whose slots are taken, with `count` x `true` behind; it, their ids, seconds to fill.

    They are sent over one connection, since as many client processes would take minutes.
    """
    gpujob = Gpujob(bench, "g")
    try:
        gpujob.begin("--slots", str(slots))
        gpujob.submit(gpujob.hold_argv(), slots)
        begin = time.monotonic()
        ids = gpujob.submit(["true"], count)
        return gpujob, ids, time.monotonic() - begin
    except BaseException:
        gpujob.__exit__()
        raise


def drain(bench):
    """Jobs per second (CLOCK_MONOTONIC) from letting the queue go to the end of the last job.

    tsp is asked to hold as many as it can (900), queued by client processes.
    """
    count = bench.sizes.jobs
    rates = {}
    for slots in (1, 8):
        gpujob, ids, filled = held(bench, slots, count)
        with gpujob:
            begin = time.monotonic()
            gpujob.release()
            gpujob.wire.wait_end(ids[-1])
            gpujob.wait_idle()
            rates[slots] = count / (time.monotonic() - begin)
    with Tsp(bench) as tsp:
        tsp.begin()
        tsp.submit(tsp.hold_argv())
        theirs = min(count, TSP_QUEUE)
        tsp.submit(["true"], theirs)
        begin = time.monotonic()
        tsp.release()
        tsp.wait_idle()
        rate = theirs / (time.monotonic() - begin)
    return [
        Row("queue", f"{count} queued jobs drained, 1 slot (tsp: {theirs})", "jobs/s",
            rates[1], rate, "≥ 500", rates[1] >= 500),
        Row("queue", f"{count} queued jobs drained, 8 slots", "jobs/s", rates[8], None,
            "≥ 500", rates[8] >= 500),
        Row("queue", "  queued over one connection", "jobs/s", count / filled),
    ]


def pace(gpujob, ids, part):
    """Milliseconds per job, and of the daemon's CPU, for each `part` of the jobs in turn."""
    times, busy = [], []
    before, cpu = time.monotonic(), cpu_ns(gpujob.pid)
    for i in range(part - 1, len(ids), part):
        gpujob.wire.wait_end(ids[i])
        now, used = time.monotonic(), cpu_ns(gpujob.pid)
        times.append((now - before) * 1000 / part)
        busy.append((used - cpu) / 1e6 / part)
        before, cpu = now, used
    return times, busy


def growth(bench):
    """Milliseconds per job (CLOCK_MONOTONIC), one slot: a queue of 100, and the first of 10 000.

    Medians of three: three queues of 100 that are drained; the first three hundreds of 10 000.
    The second line is the daemon's own CPU time per job (schedstat).
    """
    part, long = bench.sizes.part, bench.sizes.long_queue
    short_times, short_cpu = [], []
    for _ in range(bench.sizes.repeats):
        gpujob, ids, _ = held(bench, 1, part)
        with gpujob:
            gpujob.release()
            times, busy = pace(gpujob, ids, part)
            short_times += times
            short_cpu += busy
    gpujob, ids, _ = held(bench, 1, long)
    with gpujob:
        gpujob.release()
        times, busy = pace(gpujob, ids[:bench.sizes.repeats * part], part)
    small, large = statistics.median(short_times), statistics.median(times)
    return [
        Row("queue", f"time per job, with {part} queued", "ms", small),
        Row("queue", f"time per job, with {long} queued", "ms", large, None,
            f"no slower (+ {NOISE - 1:.0%})", large <= small * NOISE),
        Row("queue", f"  server's CPU per job, with {part} / {long} queued", "ms",
            [statistics.median(short_cpu), statistics.median(busy)]),
    ]
