# SPDX-License-Identifier: Apache-2.0
"""Figure: how fast a checkpoint is stored."""
import json
import os
import shutil
import statistics
import subprocess
import time

from report import Row

BLOCK = 1 << 20


def write_checkpoint(path, size):
    """Bytes that no storage compresses; a block is told from the next by its number."""
    block = bytearray(os.urandom(BLOCK))
    with open(path, "wb") as f:
        for number in range(-(-size // BLOCK)):
            block[:8] = number.to_bytes(8, "little")
            f.write(block[:min(BLOCK, size - number * BLOCK)])
        f.flush()
        os.fsync(f.fileno())


def seconds_of(*argv, **kwargs):
    os.sync()  # neither waits for what the other has left to write
    begin = time.perf_counter()
    done = subprocess.run(argv, check=True, capture_output=True, text=True, **kwargs)
    return time.perf_counter() - begin, done.stdout


def store(bench, folder, source):
    """`gpujobd --helper` as the daemon asks it; seconds of the whole process, and its reply."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + "/durable")
    request = {"op": "secure", "job": "job1", "attempt": 1, "session": "s1", "seq": 1,
               "path": source, "how": "notify", "step": 1, "at_ns": 1, "dir": folder + "/durable",
               "level": "stored", "manifest": folder + "/manifests/1.json", "keep": 2}
    took, out = seconds_of(bench.bin + "/gpujobd", "--helper", input=json.dumps(request))
    reply = json.loads(out)
    if not reply["ok"] or not reply["durable"]:
        raise RuntimeError(f"secure: {reply}")
    shutil.rmtree(folder)
    return took, reply


def copying(bench):
    """Megabytes (10^6) per second of wall clock, one file of random bytes, its pages in memory.

    gpujob lists, checks, hashes and copies it, waits for the storage (fsync), reads the copy back
    past the page cache and hashes that; in the background (nice 5, best-effort 7). Beside it
    coreutils: cp, then sha256sum of the copy, which wait for no storage and read from memory. In
    turn, `repeats` times, os.sync() before each; medians.
    """
    source, copy = bench.folder + "/checkpoint.bin", bench.folder + "/copy.bin"
    size = bench.sizes.checkpoint_bytes
    write_checkpoint(source, size)
    mine, theirs, replies = [], [], []
    for _ in range(bench.sizes.repeats):
        took, reply = store(bench, bench.folder + "/store", source)
        mine.append(took)
        replies.append(reply)
        theirs.append(seconds_of("/bin/sh", "-c", f"cp {source} {copy} && sha256sum {copy}")[0])
        os.unlink(copy)
    os.unlink(source)
    speed, other = (size / 1e6 / statistics.median(t) for t in (mine, theirs))
    parts = [round(statistics.median(r[key] for r in replies), 6) for key in ("verify_s", "copy_s")]
    what = f"{size / 1e6:.0f} MB"
    return [
        Row("copying", f"storing {what}: copied, synced, read back, hashed", "MB/s", speed, None,
            "≥ 0.8 × cp, sha256sum", speed >= 0.8 * other),
        Row("copying", "  cp, then sha256sum, instead", "MB/s", other),
        Row("copying", f"  of storing {what}: verifying here / the rest", "s", parts),
    ]
