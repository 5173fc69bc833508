# SPDX-License-Identifier: Apache-2.0
"""Figure: how long a submission takes."""
from measure import percentiles
from peers import Gpujob, Tsp
from report import Row

WARM_UP = 2


def submit(bench):
    """Milliseconds (CLOCK_MONOTONIC) of a whole client process, from outside, n of each in turn.

    posix_spawn until reaped: `gpujob run -d -- true` has been committed to disk by then, `tsp true`
    has its job number. Who is first changes with each round. Before each one the servers are
    empty: the job before it has ended, so nobody is disturbed by what the other has started.
    /bin/true, started in the same way, is the floor; it is not subtracted.
    """
    with Gpujob(bench, "g") as gpujob, Tsp(bench) as tsp:
        gpujob.begin()
        tsp.begin()
        takers = [(gpujob, gpujob.submit_argv), (tsp, tsp.submit_argv), (tsp, ["/bin/true"])]
        times = [[] for _ in takers]
        for i in range(-WARM_UP, bench.sizes.submits):
            for which in (i % 3, (i + 1) % 3, (i + 2) % 3):
                peer, argv = takers[which]
                took = peer.client_ms(argv)
                peer.wait_idle()
                if i >= 0:
                    times[which].append(took)
    mine, theirs, floor = (percentiles(t, 50, 95, 99) for t in times)
    return [
        Row("submit", f"submitting one of {len(times[0])}, p50 / p95 / p99", "ms", mine, theirs,
            "p50 ≤ 1.5 × tsp", mine[0] <= 1.5 * theirs[0]),
        Row("submit", "  starting /bin/true instead", "ms", floor, floor),
    ]
