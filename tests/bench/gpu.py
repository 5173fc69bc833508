#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of looking at GPUs, on GPUs that are a script's.

GPUJOB_BIN_DIR=build/release/bin PYTHONPATH=tests/support tests/bench/gpu.py [--seconds 120] [--gpus 2]
  [--gpustat CMD]

A snapshot of 8 GPUs in the probe; CPU of daemon and probe at 1 Hz, over so many seconds and scaled to
an hour; growth of the database with its log, scaled alike (a whole hour is fed to the store by
tests/store/gpu_store_test.cpp); `gpujob gpu` end to end, beside gpustat where that is (python3 -m venv V;
V/bin/pip install gpustat; --gpustat V/bin/gpustat), on the same eight. nvidia-smi wants more of NVIDIA's
library than is public: with a GPU it is compared by tests/bench/real_gpu.py.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../gpu"))
from gpus import DRIVER, NEW, PROBE, Gpus, t4  # noqa: E402
from machine import Machine, wait_until  # noqa: E402
from measure import cpu_ns, rss_mb, spawn_ms  # noqa: E402


def script(count, use):
    # As a training has it: two processes a GPU.
    return DRIVER + "".join(t4(n).replace("util 37", f"util {use}") + "process 4194302 1000\nprocess 4194303 2000\n"
                            for n in range(count))


def snapshot_ms(root, asks):
    """Milliseconds of one look at 8 GPUs, from the question to the end of the answer."""
    gpus = Gpus(root, script(8, 37))
    probe = subprocess.Popen([PROBE], env=dict(os.environ, **gpus.env), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    took = []
    for _ in range(asks + 1):
        begin = time.perf_counter_ns()
        probe.stdin.write(b'{"op":"snapshot"}\n')
        probe.stdin.flush()
        answer = probe.stdout.readline()
        took.append((time.perf_counter_ns() - begin) / 1e6)
    cpu = cpu_ns(probe.pid) / 1e6 / (asks + 1)
    if len(json.loads(answer)["devices"]) != 8:
        raise RuntimeError(f"not 8 GPUs: {answer[:200]}")
    probe.stdin.close()
    probe.wait()
    return statistics.median(took[1:]), cpu


def probe_of(vm):
    for pid in vm.processes():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if f.read().split(b"\0")[0].endswith(b"gpujob-gpuprobe"):
                    return pid
        except OSError:
            pass
    return None


def database_bytes(vm):
    return sum(os.path.getsize(vm.root + "/s/" + name) for name in ("gpujob.db", "gpujob.db-wal"))


def sampling(root, seconds, count):
    """CPU seconds an hour (daemon, probe), bytes an hour, looks a second, the daemon's RSS."""
    gpus = Gpus(root, script(count, 37))
    vm = Machine(root)
    vm.env.update(gpus.env)
    try:
        vm.start()
        daemon = vm.daemon_pid()
        probe = wait_until(lambda: probe_of(vm), "the probe is there")
        wait_until(lambda: vm.json("gpu", "--history")["devices"], "the GPUs are seen")
        before = cpu_ns(daemon), cpu_ns(probe), database_bytes(vm)
        begin, turn = time.monotonic(), 0
        while (left := begin + seconds - time.monotonic()) > 0:
            turn += 1  # something changes, so that it goes on at 1 Hz
            gpus.write(script(count, 37 if turn % 2 else 97))
            time.sleep(min(left, 5))
        elapsed = time.monotonic() - begin
        used = cpu_ns(daemon) - before[0], cpu_ns(probe) - before[1]
        grown = database_bytes(vm) - before[2]
        history = vm.json("gpu", "--history")["history"]
        points = len([p for p in history[0]["points"] if p[0] > time.time() - elapsed])
        hour = 3600 / elapsed
        return {"daemon": used[0] / 1e9 * hour, "probe": used[1] / 1e9 * hour, "bytes": grown * hour,
                "rate": points / elapsed, "rss": rss_mb(daemon)}
    finally:
        vm.vanish()


def shown_gpus(argv, env):
    """So many of the eight as a tool shows."""
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout.count("Tesla T4"), done.stdout + done.stderr


def end_to_end(root, times, gpustat):
    """Milliseconds of `gpujob gpu` and, where that is, of gpustat, by turns and on the same eight GPUs."""
    gpus = Gpus(root, script(8, 37))
    # What asks for the system's library by its name finds the double.
    env = dict(os.environ, **gpus.env, LD_LIBRARY_PATH=os.path.dirname(NEW))
    tools = {"gpujob gpu": [os.path.join(os.path.dirname(PROBE), "gpujob"), "gpu"]}
    if path := shutil.which(gpustat):
        tools["gpustat"] = [path]
    for name, argv in list(tools.items()):
        count, said = shown_gpus(argv, env)
        if count != 8:
            print(f"{name}: not measured: shows {count} of 8 GPUs: {said.strip()[-300:]}", file=sys.stderr)
            del tools[name]
    took = {name: [] for name in tools}
    for _ in range(times):
        for name, argv in tools.items():
            took[name].append(spawn_ms(argv, env, root + "/errors"))
    return {name: statistics.median(values) for name, values in took.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--gpus", type=int, default=2)
    parser.add_argument("--asks", type=int, default=500)
    parser.add_argument("--gpustat", default="gpustat", metavar="CMD")
    parser.add_argument("--only-end-to-end", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gj-", dir="/tmp") as root:
        figures = {"end_to_end_ms": end_to_end(root, 20, options.gpustat)}
        if not options.only_end_to_end:
            wall, cpu = snapshot_ms(root, options.asks)
            figures |= {"snapshot_ms": wall, "snapshot_cpu_ms": cpu,
                        "sampling": sampling(root, options.seconds, options.gpus)}
    if options.json:
        print(json.dumps(figures))
        return
    for name, took in figures["end_to_end_ms"].items():
        print(f"{name}: {took:.1f} ms")
    if pair := figures["end_to_end_ms"].get("gpustat"):
        print(f"gpujob gpu takes {figures['end_to_end_ms']['gpujob gpu'] / pair:.3f} of gpustat's time (≤ 0.1)")
    print("nvidia-smi: not run: it needs entry points of NVIDIA's library that are not public")
    if options.only_end_to_end:
        return
    s = figures["sampling"]
    total = s["daemon"] + s["probe"]
    print(f"a snapshot of 8 GPUs, median of {options.asks}: {wall:.2f} ms, {cpu:.2f} ms CPU (≤ 1)")
    print(f"1 Hz, {options.gpus} GPUs, {options.seconds:.0f} s scaled to an hour ({s['rate']:.2f} looks a second): "
          f"daemon {s['daemon']:.2f} s + probe {s['probe']:.2f} s = {total:.2f} s CPU (≤ 4)")
    print(f"database and its log: {s['bytes'] / 1e6:.2f} MB an hour (≤ 2); daemon's RSS {s['rss']:.1f} MB")


if __name__ == "__main__":
    main()
