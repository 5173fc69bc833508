# SPDX-License-Identifier: Apache-2.0
"""What can be seen of a storm from outside: durable directory, side records, the daemon's answers."""
import collections
import fcntl
import hashlib
import json
import os
import re
import socket
import struct

# On disk: key is (attempt, seq); step is what its data holds; wrong is why it does not verify.
Stored = collections.namedtuple("Stored", "path key step wrong")


FLOCK = "hhqqi4x"  # struct flock


class DiskJob:
    """A job as the next VM would find it."""

    def __init__(self):
        self.has_spec = False
        self.name = None  # as its records say
        self.checkpoints = {}  # path -> Stored
        self.attempt = 0
        self.recorded = 0  # the last attempt of which more than its number is there
        self.budgets = []  # what each record counts: of any attempt, none of them may be forgotten
        self.ends = []     # what was said of the last attempt's end, by each session that had it


def read_json(path):
    """None when it is not there or not whole: it may be removed at this very moment."""
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def names_in(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def stored_file(path, entry):
    """Where the bytes of a file of the checkpoint at `path` lie: perhaps in an earlier one."""
    job = path.rsplit("/", 4)[0]
    return f"{job}/{entry['at']}" if "at" in entry else f"{path}/data/{entry['path']}"


def verify(path, manifest):
    """(step, why it is not what the manifest says)."""
    step = None
    for file in manifest["files"]:
        try:
            with open(stored_file(path, file), "rb") as f:
                data = f.read()
        except OSError as error:
            return None, str(error)
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            return None, f"{file['path']} has other bytes than its manifest says"
        step = int(data)
    named = re.fullmatch(r"step-(\d+)\.bin", manifest["name"])
    if named and int(named[1]) != step:
        return step, f"{manifest['name']} holds step {step}"
    if manifest.get("step") is not None and manifest["step"] > step:
        return step, f"said to be of step {manifest['step']}, holds {step}"
    return step, None


def read_disk(durable):
    """Every job of the durable directory. A checkpoint without a manifest is none."""
    jobs = {}
    for job in names_in(durable + "/jobs"):
        found = jobs[job] = DiskJob()
        for entry in names_in(f"{durable}/jobs/{job}/attempts"):
            attempt, folder = int(entry.split("-")[0]), f"{durable}/jobs/{job}/attempts/{entry}"
            spec, end = read_json(folder + "/spec.json"), read_json(folder + "/end.json")
            found.has_spec |= spec is not None
            found.name = spec["spec"]["name"] if spec else found.name
            found.recorded = max(found.recorded, attempt if spec else 0)
            found.budgets += [record["budgets"] for record in (spec, end) if record]
            if attempt > found.attempt:
                found.attempt, found.ends = attempt, []
            if attempt == found.attempt and end:
                found.ends.append(end)
            for seq in names_in(folder + "/checkpoints"):
                path = f"{folder}/checkpoints/{seq}"
                manifest = read_json(path + "/manifest.json") if seq.isdigit() else None
                if manifest:
                    step, wrong = verify(path, manifest)
                    # Removing begins with the manifest: what is half gone was no checkpoint any more.
                    if not wrong or os.path.exists(path + "/manifest.json"):
                        found.checkpoints[path] = Stored(path, (attempt, int(seq)), step, wrong)
    return jobs


class Records:
    """The jobs' own records, read as they grow."""

    def __init__(self, directory):
        self.directory = directory
        self.read = collections.Counter()

    def new(self):
        lines = []
        for name in names_in(self.directory):
            path = f"{self.directory}/{name}"
            if name.endswith(".jsonl") and os.path.getsize(path) > self.read[name]:
                with open(path, "rb") as f:
                    f.seek(self.read[name])
                    text = f.read()
                whole = text[:text.rfind(b"\n") + 1]
                self.read[name] += len(whole)
                lines += [json.loads(line) for line in whole.splitlines()]
        return sorted(lines, key=lambda line: line["at"])

    def lives(self, job):
        """The pid of the process that holds the job's lock, or 0. Asked for, never taken."""
        try:
            with open(f"{self.directory}/{job}.lock", "rb") as f:
                said = fcntl.fcntl(f, fcntl.F_GETLK, struct.pack(FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0))
        except FileNotFoundError:
            return 0
        kind, _, _, _, pid = struct.unpack(FLOCK, said)
        return 0 if kind == fcntl.F_UNLCK else pid


class Unreachable(Exception):
    pass


class Daemon:
    """One conversation with the daemon, over the wire of daemon/ARCHITECTURE.md. Starts none."""

    def __init__(self, runtime, patience):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        self.number = 0
        try:
            self.socket.connect(runtime + "/gpujobd.sock")
            self.file = self.socket.makefile("rb")
            self.pid = self.ask("hello", v=1, min_v=1, client="storm")["pid"]
        except OSError as error:
            self.close()
            raise Unreachable(str(error)) from error

    def close(self):
        self.socket.close()

    def ask(self, method, **params):
        """The result, or None when the daemon refuses."""
        self.number += 1
        question = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        try:
            self.socket.sendall(json.dumps(question).encode() + b"\n")
            answer = self.file.readline()
        except OSError as error:
            raise Unreachable(str(error)) from error
        if not answer.endswith(b"\n"):
            raise Unreachable("the connection was closed")
        return json.loads(answer).get("result")

    def jobs(self):
        """Short views of all jobs that are listed."""
        listed, page = [], {"next": None}
        while True:
            page = self.ask("ps", all=True, cursor=page["next"])
            listed += page["jobs"]
            if page["next"] is None:
                return listed
