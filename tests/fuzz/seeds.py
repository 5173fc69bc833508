#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/fuzz anew from what the programs of GPUJOB_BIN_DIR say and write in two short
sessions: strace listens to daemon, shims, helpers and clients; files are taken as they lie there.
Paths and ids of the machine are replaced. By hand, after the wire has changed:

  GPUJOB_BIN_DIR=build/release/bin PYTHONPATH=tests/support tests/fuzz/seeds.py

What is not made here (named after what it once broke) stays: crash-*.
"""
import glob
import io
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import zipfile

from machine import BIN, PYTHON, Machine, wait_until

SEEDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/fuzz")
STRACE = ["strace", "-f", "-qq", "-xx", "-s", "100000",
          "-e", "trace=read,pread64,write,sendto,sendmsg,recvmsg,execve"]
JOB = r"""
import os, signal, socket, time
asked = []
signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(text.encode())
tell("READY=1\nSTATUS=epoch 1\nX_GPUJOB_PROGRESS=0.25")
while True:
    time.sleep(0.02)
    if asked:
        asked.clear()
        path = os.environ["GPUJOB_CKPT_DIR"] + "/1.bin"
        with open(path, "w") as f:
            f.write("0123456789abcdef")
        print("gpujob: checkpoint " + path, flush=True)
        tell(f"X_GPUJOB_CHECKPOINT={path}\nX_GPUJOB_STEP=100")
"""


class Recording:
    """What every traced program read and wrote, in order, as bytes."""

    def __init__(self, root):
        self.root = root
        self.logs = []

    def trace(self, machine, *command):
        log = os.path.join(self.root, f"strace.{len(self.logs)}")
        self.logs.append(log)
        return subprocess.Popen([*STRACE, "-o", log, os.path.join(BIN, "gpujob"), *command],
                                env=machine.env, stdin=subprocess.DEVNULL)

    def messages(self):
        for log in self.logs:
            with open(log) as f:
                for line in f:
                    if "execve(" in line:
                        continue
                    for text in re.findall(r'"((?:\\x[0-9a-f]{2})+)"', line):
                        yield bytes.fromhex(text.replace("\\x", ""))


def live(machine, recording):
    """Two attempts of a job, every verb once. Returns the durable directory, what stands for which
    id, and the job's row while it runs."""
    durable = os.path.join(recording.root, "durable")
    os.mkdir(durable)
    job = os.path.join(recording.root, "train.py")
    with open(job, "w") as f:
        f.write(JOB)
    daemon = recording.trace(machine, "daemon", "start", "--durable", durable, "--session-limit",
                             "9h", "--slots", "2")
    wait_until(machine.daemon_pid, "the daemon answers")
    line = ["run", "-d", "--name", "digits", "--env", "EPOCHS=3", "--lead", "1m",
            "--checkpoint-path", "/nowhere/*.pt", "--done-when", "/nowhere/done", "--",
            PYTHON, job]
    recording.trace(machine, *line).wait()
    wait_until(lambda: machine.show("digits")["catches"], "the job catches")
    attached = machine.popen("attach", "digits")
    machine.ok("checkpoint", "--wait", "digits")
    wait_until(lambda: machine.show("digits")["checkpoints"][-1]["durable"], "it is durable")
    for command in (["ps", "--all"], ["logs", "--path", "digits"], ["quota", "--explain"],
                    ["daemon", "status"], ["show", "digits"], ["daemon", "start", "--slots", "2"]):
        machine.ok(*command)
    db = sqlite3.connect(machine.root + "/s/gpujob.db")
    row = db.execute("select state_data, more from jobs").fetchone()
    db.close()
    ids = [(machine.show("digits")["id"], "digits1"), (machine.json("quota")["session"]["id"], "s1")]
    machine.ok("stop", "digits")
    attached.communicate()
    machine.ok("run", "--name", "brief", "--", "true")
    ids.append((machine.show("brief")["id"], "brief1"))
    machine.ok(*line)
    wait_until(lambda: machine.show("digits")["state"] == "running", "it runs again")
    machine.ok("stop", "--now", "digits")
    machine.ok("rm", "brief")
    machine.ok("daemon", "stop")
    daemon.wait()
    return durable, ids, row


def is_request(j):
    return "jsonrpc" in j and "method" in j


class Seeds:
    def __init__(self, replacements):
        self.replacements = replacements
        self.found = {}

    def clean(self, data):
        for old, new in self.replacements:
            data = data.replace(old.encode(), new.encode())
        return data

    def put(self, target, name, data):
        """The longest of a name stays: it says most."""
        data = self.clean(data)
        if len(data) > len(self.found.get((target, name), b"")):
            self.found[target, name] = data

    def of(self, target):
        return [data for (of, _), data in self.found.items() if of == target]

    def write(self):
        for (target, name), data in self.found.items():
            os.makedirs(os.path.join(SEEDS, target), exist_ok=True)
            with open(os.path.join(SEEDS, target, name), "wb") as f:
                f.write(data)
        print(f"{len(self.found)} seeds")


def parsed(message):
    """Its lines that are JSON objects."""
    for line in message.split(b"\n"):
        try:
            j = json.loads(line)
        except ValueError:
            continue
        if isinstance(j, dict):
            yield line, j


def put_wire(seeds, recording):
    asked, notifications = {}, {}
    for message in recording.messages():
        if message.startswith(b"gpujob-cmdline"):
            seeds.put("record", "cmdline", message)
        if message.startswith((b"READY=1\nS", b"X_GPUJOB_CHECKPOINT=/")):
            seeds.put("link", "notify-" + chr(message[0]).lower(), message)
        if message.startswith(b"gpujob: checkpoint"):
            seeds.put("link", "sentinel", message)
        for line, j in parsed(message):
            if is_request(j):
                if "id" not in j:
                    notifications[j["method"]] = line + b"\n"
                    continue
                asked[json.dumps(j["id"])] = j["method"]
                seeds.put("request", j["method"], line + b"\n")
            elif "jsonrpc" in j:
                method = asked.get(json.dumps(j["id"]), "ps")
                j["id"] = 1 if method == "hello" else 2
                text = json.dumps(j, separators=(",", ":")).encode()
                seeds.put("answer", method, method.encode() + b"\n" + text + b"\n")
                if method == "daemon.status":
                    seeds.put("answer", "daemon.start", b"daemon.start\n" + text + b"\n")
            elif "ok" in j and "pid" in j:
                seeds.put("answer", "ready", b"ready\n" + line)
            elif "ok" in j:
                kind = next((k for k in ("heartbeats", "verified", "rejected", "level") if k in j),
                            "done")
                seeds.put("helper", "reply-" + kind, line)
            elif j.get("op") in ("plan", "checkpoint") or (j.get("op") == "hello" and "from" in j):
                seeds.put("link", "op-" + j["op"], line + b"\n")
            elif "op" in j and "pid" not in j:
                seeds.put("helper", "request-" + j["op"], line)
    for line in notifications.values():
        seeds.found["answer", "watch"] += seeds.clean(line)
    stream = b"".join(seeds.of("request"))
    seeds.put("request", "stream", stream)
    seeds.put("frame", "stream", b"\x07" + stream)
    seeds.put("frame", "whole", b"\x00" + stream[:300])
    helped = [b for b in seeds.of("helper") if b'"op"' in b]
    seeds.put("helper", "requests", b"\n".join(helped))
    seeds.put("frame", "long", b"\x03{\"x\":\"" + b"\x01\xffx" * 5 + b"\"}\n{}\n")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def put_files(seeds, machine, row):
    state = machine.root + "/s"
    for attempt in glob.glob(state + "/jobs/*/1"):
        for name in ("launch.json", "start.json", "exit.json"):
            seeds.put("record", name, read(f"{attempt}/{name}"))
        seeds.put("link", "journal", read(attempt + "/journal.jsonl"))
    seeds.put("record", "session.json", read(state + "/session.json"))
    seeds.put("record", "row-state", row[0].encode())
    seeds.put("record", "row-more", row[1].encode())


def put_durable(seeds, durable):
    """An attempt with a checkpoint, and the ledger, as they lie there."""
    manifest = glob.glob(durable + "/jobs/*/attempts/*/checkpoints/*/manifest.json")[0]
    attempt = os.path.dirname(os.path.dirname(os.path.dirname(manifest)))
    heartbeat = read(glob.glob(durable + "/ledger/*/1.json")[0])
    close = dict(json.loads(heartbeat), op="heartbeat", dir=durable, closed=True, jobs=[])
    subprocess.run([os.path.join(BIN, "gpujobd"), "--helper"], input=json.dumps(close).encode(),
                   stdout=subprocess.DEVNULL, check=True)
    parts = {
        "spec": read(attempt + "/spec.json"),
        "end": read(attempt + "/end.json"),
        "manifest": read(manifest),
        "heartbeat": heartbeat,
        "closed": read(glob.glob(durable + "/ledger/*/closed.json")[0]),
    }
    for name, data in parts.items():
        seeds.put("manifest", name, data)
    seeds.put("manifest", "all", b"--\n".join(parts.values()))


def put_profile(seeds):
    seeds.put("profile", "config.json", json.dumps({
        "platform": "colab", "plan": "pro", "session_limit": "11h30m", "session_start": "30m ago",
        "durable": "/drive/gpujob", "state_dir": "/s", "runtime_dir": "/r", "slots": 2}).encode())
    for name, text in (("limit", "1h30m"), ("ago", "-2.5h"), ("unix", "1789999000.25"),
                       ("date", "2026-09-21T13:20:00+01:00"), ("clock", "14:30:10.5")):
        seeds.put("profile", name, text.encode())


def put_archives(seeds):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("w.npy", "0123456789abcdef")
        z.comment = b"a comment"
    seeds.put("archive", "zip", out.getvalue())
    header = json.dumps({"__metadata__": {"format": "pt"},
                         "w": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    seeds.put("archive", "safetensors", struct.pack("<Q", len(header)) + header + b"abcd")
    hdf5 = (b"\x89HDF\r\n\x1a\n" + bytes(5) + b"\x08\x08" + bytes(9) +
            struct.pack("<QQQQ", 0, 2**64 - 1, 96, 2**64 - 1))
    seeds.put("archive", "hdf5", hdf5.ljust(96, b"x"))
    seeds.put("archive", "hdf5-3", b"\x89HDF\r\n\x1a\n\x03\x08\x08\x00" +
              struct.pack("<QQQQ", 0, 2**64 - 1, 48, 48))
    seeds.put("archive", "index", json.dumps(
        {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}).encode())
    seeds.put("archive", "tracker", b"7\n")
    try:
        import torch
    except ImportError:
        print("no torch: its two seeds stay as they are")
        return
    for name, new in (("torch", True), ("torch-old", False)):
        out = io.BytesIO()
        torch.save({"w": torch.zeros(2)}, out, _use_new_zipfile_serialization=new)
        seeds.put("archive", name, out.getvalue())


def main():
    root = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
    machine = Machine(root)
    machine.env = {k: v for k, v in machine.env.items() if k.startswith(("GPUJOB_", "GJ_"))}
    machine.env.update(PATH="/usr/bin:/bin", HOME=machine.root, TOKEN="secret")
    recording = Recording(root)
    try:
        durable, ids, row = live(machine, recording)
        with open("/proc/sys/kernel/random/boot_id") as f:
            boot_id = f.read().strip()
        seeds = Seeds([*ids, (machine.root, "/vm"), (root, "/work"), (os.path.abspath(BIN), "/opt/bin"),
                       (boot_id, "00000000-0000-4000-8000-000000000000"),
                       (os.getcwd(), "/home/me")])
        put_wire(seeds, recording)
        put_files(seeds, machine, row)
        put_durable(seeds, durable)
        put_profile(seeds)
        put_archives(seeds)
        seeds.write()
    finally:
        machine.vanish()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
