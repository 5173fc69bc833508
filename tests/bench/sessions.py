#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions that end, with real processes and real PyTorch checkpoints of 100 MB.

Users of five sessions each, one VM after the other on one durable directory; each session is ended
by gpujob at its limit, and then its VM is gone. Counted: resumes from something that is not what was
saved (there must be none), and sessions that ended with nothing durable of their own, beside the
chance that gpujob had stated for that.

tests/bench/sessions.py [--sessions 200] [--at-once 4] [--cap 30]
Needs GPUJOB_BIN_DIR (default: build/release/bin) and /usr/bin/python3 with torch.
"""
import argparse
import concurrent.futures
import dataclasses
import glob
import json
import math
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GPUJOB_BIN_DIR", os.path.join(ROOT, "build/release/bin"))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))
import machine  # noqa: E402: needs the path and the environment above

TRAINER = os.path.join(HERE, "trainer.py")
MEGABYTES, SIGMA = 100, 0.5
SESSIONS_A_USER = 5


@dataclasses.dataclass
class Session:
    user: int
    number: int              # 1, 2, ... of the user
    resumed: bool = False
    corrupt: str = ""
    promised: float | None = None  # the stated chance that the last save is not durable in time
    saves: int = 0           # durable, of this session
    code: int = -1           # what `gpujob run` returned


def durable_saves(durable, session):
    return len(glob.glob(f"{durable}/jobs/*/attempts/*-{session}/checkpoints/*/manifest.json"))


def attend(vm, run, session):
    """Until `gpujob run` returns; what `show` says last of the plan is what was promised."""
    while run.poll() is None:
        done = vm.run("show", "vit", "--json")
        view = json.loads(done.stdout) if done.returncode == 0 else {}
        saving = view.get("saving") or {}
        if saving.get("samples") and saving.get("miss") is not None and session.promised is None:
            session.promised = saving["miss"]
        time.sleep(0.5)


def live(root, user, number, durable, cap):
    session = Session(user, number)
    vm = machine.Machine(root, f"vm{number}")
    try:
        vm.start("--session-limit", f"{cap}s", "--session-start", "now", "--durable", durable)
        ledger = vm.json("quota")["session"]["id"]
        with open(f"{root}/out{number}", "wb") as out:
            run = vm.popen("run", "--name", "vit", "--", machine.PYTHON, TRAINER, str(MEGABYTES),
                           str(SIGMA), stdout=out, stderr=out)
            attend(vm, run, session)
        session.code = run.returncode
        vm.vanish()
        session.saves = durable_saves(durable, ledger)
    finally:
        vm.vanish()
    with open(f"{root}/out{number}", encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    session.resumed = any(line.startswith("resumed ") for line in lines)
    session.corrupt = next((line for line in lines if line.startswith("CORRUPT")), "")
    return session


def user_life(folder, user, sessions, cap):
    root = os.path.join(folder, f"user{user}")
    durable = os.path.join(root, "durable")
    os.makedirs(durable)
    lived = [live(root, user, n, durable, cap) for n in range(1, sessions + 1)]
    shutil.rmtree(root, ignore_errors=True)
    return lived


def tail(expected, seen):
    """P(at least `seen`) of a Poisson variable: an upper bound for a sum of unlike chances is near."""
    below = sum(math.exp(-expected) * expected ** k / math.factorial(k) for k in range(seen))
    return 1 - below


@dataclasses.dataclass
class Result:
    sessions: list

    @property
    def corrupt(self):
        return [s for s in self.sessions if s.corrupt]

    @property
    def judged(self):
        return [s for s in self.sessions if s.promised is not None]

    @property
    def missed(self):
        return [s for s in self.judged if s.saves == 0]

    @property
    def forgotten(self):
        """A durable save was there, and the next session did not begin with it."""
        last = {(s.user, s.number): s for s in self.sessions}
        had = set()
        out = []
        for key in sorted(last):
            s = last[key]
            if s.user in had and not s.resumed:
                out.append(s)
            if s.saves:
                had.add(s.user)
        return out

    @property
    def expected(self):
        return sum(s.promised for s in self.judged)

    @property
    def kept(self):
        """As many as were promised, within what chance allows (1 in 1000)."""
        return tail(max(self.expected, 1e-9), len(self.missed)) > 0.001

    @property
    def good(self):
        return not self.corrupt and not self.forgotten and self.kept and bool(self.judged)

    def text(self):
        return "\n".join([
            f"{len(self.sessions)} sessions, {sum(s.saves for s in self.sessions)} durable saves, "
            f"{sum(s.resumed for s in self.sessions)} resumes",
            f"corrupt resumes: {len(self.corrupt)}",
            f"durable saves that the next session did not begin with: {len(self.forgotten)}",
            f"sessions that ended without a durable save: {len(self.missed)} of {len(self.judged)} "
            f"with a plan; promised: {self.expected:.2f}"])


def measure(sessions, at_once, cap):
    folder = tempfile.mkdtemp(prefix="gj-sessions-", dir="/var/tmp")
    users = max(1, sessions // SESSIONS_A_USER)
    try:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            lives = pool.map(lambda u: user_life(folder, u, min(sessions, SESSIONS_A_USER), cap),
                             range(users))
            return Result([s for life in lives for s in life])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--cap", type=int, default=30, help="seconds")
    args = parser.parse_args()
    result = measure(args.sessions, args.at_once, args.cap)
    for s in result.sessions:
        print(s)
    print(result.text())
    sys.exit(0 if result.good else 1)


if __name__ == "__main__":
    main()
