# SPDX-License-Identifier: Apache-2.0
"""Figure: how exactly a checkpoint request comes at its planned instant."""
import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from measure import percentiles
from peers import Gpujob, wait_until
from report import Row

ASKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "asked.py")
PROGRAMS = "gpujob", "gpujobd", "gpujob-shim"
APART_S = 0.1  # between the requests of two jobs
LAST_LEAD_S = 11.0  # a job without a lead may still start then: 10 s are asked of it
MARGIN_S = 5.0  # for a machine that is busy


def request(bench):
    """Milliseconds (CLOCK_BOOTTIME) from the planned instant of the final request to the job.

    Sessions of 25 jobs whose --lead differs by 0.1 s each, so that the requests come one by one;
    four a case, the cases in turn. Planned is request_at of the plan in the shim's launch.json
    (nanoseconds; the session does not change); real is the job's own clock on entry of its (Python)
    handler and, for the line below, the shim's when it begins to ask. Cases: a daemon that lives;
    one that was killed and whose program was moved away; one to which a client submits without a
    pause of more than 5 ms (each is committed; none starts, the slots are taken).
    """
    cases = {"daemon alive": alive, "daemon killed": killed, "daemon committing": committing}
    tasks = [(f"{name} {i}", case) for i in range(bench.sizes.sessions)
             for name, case in cases.items()]
    with ThreadPoolExecutor(bench.sizes.sessions_at_once) as pool:
        results = list(pool.map(lambda task: session(bench, *task), tasks))
    rows = []
    for i, name in enumerate(cases):
        sent = [error for part, _ in results[i::len(cases)] for error in part]
        handled = [error for _, part in results[i::len(cases)] for error in part]
        mine = percentiles(handled, 50, 99, 100)
        rows += [
            Row("request", f"{len(handled)} requests, {name}, p50 / p99 / max", "ms",
                mine, None, "p99 ≤ 10", mine[1] <= 10),
            Row("request", "  when the shim begins to ask", "ms", percentiles(sent, 50, 99, 100)),
        ]
    return rows


def session(bench, name, case):
    """One session: errors of the shims' asking and of the jobs' hearing, in milliseconds."""
    count = bench.sizes.requests
    leads = [LAST_LEAD_S + APART_S * i for i in range(count)]
    start_s = MARGIN_S + 0.08 * count
    with Gpujob(bench, name.replace(" ", "-")) as gpujob:
        programs, heard = gpujob.root + "/bin", gpujob.root + "/heard"
        os.mkdir(programs)
        os.mkdir(heard)
        for program in PROGRAMS:
            link_or_copy(os.path.join(gpujob.bin, program), os.path.join(programs, program))
        gpujob.bin = programs
        limit = f"{leads[-1] + 10 + start_s:.1f}s"
        gpujob.begin("--session-limit", limit, "--session-start", "now", "--slots", str(count))
        jobs = [gpujob.submit(["/usr/bin/python3", "-S", "-E", ASKED, heard], lead_s=lead)[0]
                for lead in leads]
        for job in jobs:
            wait_until(lambda: gpujob.wire.call("show", job=job)["catches"], "the job listens")
        planned = [read_json(gpujob.attempt_file(job, "launch.json"))["plan"]["request_at_ns"]
                   for job in jobs]
        if min(planned) < time.clock_gettime_ns(time.CLOCK_BOOTTIME):
            raise RuntimeError("request: the jobs took too long to start: is the machine busy?")
        case(gpujob, lambda: all(os.path.exists(f"{heard}/{job}") for job in jobs))
        handled = [read_json(f"{heard}/{job}") for job in jobs]
        # Written after the signal went out.
        sent = [wait_until(lambda: sent_at(gpujob, job), "it is journaled") for job in jobs]
        return [[(real - plan) / 1e6 for real, plan in zip(reals, planned)]
                for reals in (sent, handled)]


def link_or_copy(source, target):
    try:
        os.link(source, target)  # sanitized programs are large
    except OSError:
        shutil.copy2(source, target)


def read_json(path):
    with open(path) as f:
        return json.load(f)


def sent_at(gpujob, job):
    with open(gpujob.attempt_file(job, "journal.jsonl")) as f:
        return next((r["boot_ns"] for r in map(json.loads, f)
                     if r["kind"] == "requested" and r["final"]), None)


def alive(gpujob, all_heard):
    wait_until(all_heard, "every job is asked", 120)


def killed(gpujob, all_heard):
    os.rename(gpujob.bin + "/gpujobd", gpujob.bin + "/away")
    os.kill(gpujob.pid, signal.SIGKILL)
    wait_until(all_heard, "every job is asked", 120)
    if gpujob.daemon_pid() is not None:
        raise RuntimeError("request: a daemon came back")


def committing(gpujob, all_heard):
    begin = time.monotonic()
    while not all_heard():
        gpujob.submit(["true"], lead_s=0)
        time.sleep(0.005)  # without it the queue is full before the session ends
        if time.monotonic() > begin + 120:
            raise RuntimeError("request: not every job was asked")
