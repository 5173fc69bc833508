# SPDX-License-Identifier: Apache-2.0
"""Figure: how long the daemon keeps others waiting while a large checkpoint is stored."""
import os
import time

from copying import write_checkpoint
from measure import percentiles
from peers import Gpujob, wait_until
from report import Row

SAVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "linker.py")
PYTHON = "/usr/bin/python3"
EVERY_S = 0.002


def storing(bench):
    """Milliseconds (CLOCK_MONOTONIC) from a question to the daemon's answer, one at a time on one
    connection, every 2 ms, from before a checkpoint is asked for until it is durable.

    The job answers with a file of `checkpoint_bytes` that is there already, so that all of the time
    is the helper's: hashing, copying, reading back. What a question waits for is the loop's longest
    block before it, its commits (SQLite, synced) and the scheduler included; below it the same
    daemon with nothing to store.
    """
    source = bench.folder + "/checkpoint.bin"
    write_checkpoint(source, bench.sizes.checkpoint_bytes)
    with Gpujob(bench, "storing") as gpujob:
        durable = gpujob.root + "/durable"
        os.mkdir(durable)
        gpujob.begin("--durable", durable)
        gpujob.ok("run", "-d", "--name", "saver", "--", PYTHON, SAVER, source)
        wait_until(lambda: gpujob.show("saver")["catches"], "it catches the signal")
        quiet = asked(gpujob, lambda waited: waited > 2)
        gpujob.wire.call("checkpoint", job="saver")
        busy = asked(gpujob, lambda waited: waited > 300 or is_stored(durable))
        if not is_stored(durable):
            raise RuntimeError("the checkpoint was not stored within 300 s")
    os.unlink(source)
    what = f"{bench.sizes.checkpoint_bytes / 1e6:.0f} MB"
    mine, idle = (percentiles(times, 50, 99, 100) for times in (busy, quiet))
    return [
        Row("storing", f"an answer while {what} are stored, {len(busy)} asked, p50 / p99 / max", "ms",
            mine, None, "max ≤ 10", mine[2] <= 10),
        Row("storing", "  while nothing is", "ms", idle),
    ]


def is_stored(durable):
    for folder, _, files in os.walk(durable + "/jobs"):
        if "manifest.json" in files and os.path.basename(os.path.dirname(folder)) == "checkpoints":
            return True
    return False


def asked(gpujob, is_over):
    begin = time.perf_counter()
    times = []
    while not times or len(times) % 50 or not is_over(time.perf_counter() - begin):
        at = time.perf_counter_ns()
        gpujob.wire.call("daemon.status")
        times.append((time.perf_counter_ns() - at) / 1e6)
        time.sleep(EVERY_S)
    return times
