# SPDX-License-Identifier: Apache-2.0
"""What other sessions of the account have written down of their use (daemon/durable/ledger.h), and
what comes of it, counted here anew."""
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

INTERVAL = 60


@dataclass(frozen=True)
class Use:
    """Instants are Unix seconds. A session that did not close may have lived until its next heartbeat."""
    session: str
    machine: str
    resource: str
    began: float
    last: float
    closed: bool = True

    @property
    def until(self):
        return self.last if self.closed else self.last + INTERVAL


def ns(seconds):
    return int(seconds * 1_000_000_000)


def heartbeat(platform, use, seq, at):
    return {"v": 1, "session": use.session, "seq": seq, "at_ns": ns(at), "ends_at_ns": None,
            "interval_s": INTERVAL, "jobs": [], "closed": use.closed, "platform": platform,
            "resource": use.resource, "machine": use.machine, "began_ns": ns(use.began)}


def write(durable, platform, uses):
    """As its owner would have."""
    for use in uses:
        folder = f"{durable}/ledger/{use.session}"
        os.makedirs(folder)
        first, last = heartbeat(platform, use, 1, use.began), heartbeat(platform, use, 7, use.last)
        files = {"1.json": first, "7.json": last}
        if use.closed:
            files = {"closed.json": {"v": 1, "session": use.session, "first": first, "last": last, "count": 7}}
        for name, content in files.items():
            with open(f"{folder}/{name}", "w") as f:
                f.write(json.dumps(content) + "\n")
    owner = os.stat(os.path.dirname(durable))
    for folder, _, names in os.walk(durable):
        for path in (folder, *(os.path.join(folder, n) for n in names)):
            os.chown(path, owner.st_uid, owner.st_gid)


def read(durable, besides=None):
    """What sessions that have not closed have written; without that of a view."""
    uses = []
    for session in os.listdir(durable + "/ledger") if os.path.isdir(durable + "/ledger") else ():
        if besides and session == besides["session"]["id"]:
            continue
        numbers = [n for n in os.listdir(f"{durable}/ledger/{session}") if n.removesuffix(".json").isdigit()]
        if numbers:
            with open(f"{durable}/ledger/{session}/{max(numbers, key=lambda n: int(n.removesuffix('.json')))}") as f:
                h = json.load(f)
            uses.append(Use(session, h["machine"], h["resource"], h["began_ns"] / 1e9, h["at_ns"] / 1e9, h["closed"]))
    return uses


def week_began(now):
    """Saturday 00:00 UTC."""
    day = datetime.fromtimestamp(now, timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day - timedelta(days=(day.weekday() - 5) % 7)).timestamp()


def used(uses, begin, end):
    """By machine, each instant of it once: seconds of every machine that used any."""
    sums = {}
    for machine in {u.machine for u in uses}:
        reached = begin
        for u in sorted((u for u in uses if u.machine == machine), key=lambda u: u.began):
            part = min(u.until, end) - max(u.began, reached)
            if part > 0:
                sums[machine] = sums.get(machine, 0) + part
                reached = max(reached, min(u.until, end))
    return sums
