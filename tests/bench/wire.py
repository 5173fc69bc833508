# SPDX-License-Identifier: Apache-2.0
"""The client's wire (daemon/ARCHITECTURE.md), as far as the benchmark needs it.

Ten thousand jobs are queued in seconds this way, and a question costs the daemon no new client.
"""
import array
import fcntl
import json
import os
import socket

SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
BUSY = ("queued", "held", "starting", "running", "ending", "parked")
WINDOW = 32  # requests under way at once


def command_line(argv, cwd, env):
    """A sealed memfd with what to execute (common/cmdline.h); the caller closes it."""
    words = ["gpujob-cmdline 1", str(len(argv)), *argv, cwd, str(len(env)),
             *(f"{k}={v}" for k, v in env.items())]
    fd = os.memfd_create("gpujob-cmdline", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, b"".join(os.fsencode(word) + b"\0" for word in words))
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    return fd


def job_spec(argv, cwd, env, lead_s=None):
    """What `gpujob run -d -- ARGV` says of itself; without a name the daemon makes one."""
    spec = {"name": "", "argv": argv, "cwd": cwd, "env_names": list(env),
            "checkpoint_signal": "auto", "checkpoint_target": "auto", "checkpoint_path": [],
            "resume_arg": "", "done_when": "", "max_interruptions": -1, "max_failures": 0,
            "max_no_progress": 3}
    return spec if lead_s is None else dict(spec, lead_ns=round(lead_s * 1e9))


class Wire:
    """One connection. Answers come in the order of the requests; notifications are kept apart."""

    def __init__(self, path, timeout=120):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.answers = self.socket.makefile("rb")
        self.notifications = []
        self.last_id = 0
        self.call("hello", v=1, min_v=1, client="gpujob bench")

    def close(self):
        self.answers.close()
        self.socket.close()

    def send(self, method, params, fd=None):
        self.last_id += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method,
                           "params": params}).encode() + b"\n"
        rights = [] if fd is None else [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        sent = self.socket.sendmsg([line], rights)
        self.socket.sendall(line[sent:])

    def message(self):
        line = self.answers.readline()
        if not line:
            raise ConnectionError("the daemon went away")
        return json.loads(line)

    def answer(self):
        while "method" in (message := self.message()):
            self.notifications.append(message)
        if "error" in message:
            raise RuntimeError(message["error"]["message"])
        return message["result"]

    def call(self, method, **params):
        self.send(method, params)
        return self.answer()

    def submit(self, argv, count, cwd, env, lead_s=None):
        """Queues the same line `count` times; the ids, in the order of the queue."""
        params = {"spec": job_spec(argv, cwd, env, lead_s), "again": False, "take_over": False}
        ids = []
        for i in range(count):
            fd = command_line(argv, cwd, env)
            self.send("run", params, fd)
            os.close(fd)
            if i >= WINDOW - 1:
                ids.append(self.answer()["job"]["id"])
        while len(ids) < count:
            ids.append(self.answer()["job"]["id"])
        return ids

    def busy(self):
        """How many jobs have not ended."""
        jobs = self.call("daemon.status")["jobs"]
        return sum(jobs.get(state, 0) for state in BUSY)

    def wait_end(self, job):
        """Returns when the job has ended, as soon as the daemon says so; its last view."""
        view = self.call("watch", job=job)
        while view["run_exit"] is None:
            message = self.notifications.pop(0) if self.notifications else self.message()
            if message.get("method") == "job.state" and message["params"]["id"] == view["id"]:
                view = message["params"]
        return view
