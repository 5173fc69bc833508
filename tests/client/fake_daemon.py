#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gpujobd of a hundred lines for tests of the client: speaks the wire of daemon/ARCHITECTURE.md,
runs jobs as plain children, keeps what it knows in RUNTIME/fake.json so that the next one adopts.
A job's command line may ask for things: see FakeDaemon.start_job. Also stands in as `gpujobd`."""

import array, datetime, fcntl, json, os, socket, struct, subprocess, sys, threading, time

FAKE_ERRORS = {"usage": -32602, "refused": 1, "not_found": 2, "protocol": 4}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Refusal(Exception):
    def __init__(self, errc, text):
        super().__init__(text)
        self.errc = errc


class FakeDaemon:
    def __init__(self, runtime, protocol=1):
        self.runtime, self.protocol = runtime, protocol
        os.makedirs(runtime, mode=0o700, exist_ok=True)
        self.lock = open(runtime + "/daemon.lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.jobs, self.watchers, self.requests = {}, [], 0
        self.with_answer = []  # notifications that come in one packet with the answer
        self.adopted = os.path.exists(runtime + "/fake.json")
        self.mutex = threading.RLock()
        self.received = []  # (cmdline, sealed) of each run
        if os.path.exists(runtime + "/fake.json"):
            with open(runtime + "/fake.json") as f:
                self.jobs = json.load(f)
            for job in self.jobs.values():
                threading.Thread(target=self.adopt, args=(job,), daemon=True).start()
        path = runtime + "/gpujobd.sock"
        if os.path.exists(path):
            os.unlink(path)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(16)

    def serve(self):
        while True:
            peer, _ = self.server.accept()
            threading.Thread(target=self.converse, args=(peer,), daemon=True).start()

    def converse(self, peer):
        data, fds = b"", []
        while True:
            chunk, control, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(4 * 8))
            for level, kind, raw in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    got = array.array("i")
                    got.frombytes(raw[: len(raw) // 4 * 4])
                    fds += list(got)
            if not chunk:
                return
            data += chunk
            while b"\n" in data:
                line, data = data.split(b"\n", 1)
                assert len(line) < 65536, "frame too long"
                self.answer(peer, json.loads(line), fds)

    def answer(self, peer, request, fds):
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        with self.mutex:
            try:
                name = "do_" + request["method"].replace(".", "_")
                reply["result"] = getattr(self, name)(peer, request["params"], fds)
            except Refusal as e:
                reply["error"] = {"code": FAKE_ERRORS[e.errc], "message": str(e), "data": {"errc": e.errc}}
            words = [reply, *self.with_answer]
            self.with_answer = []
            peer.sendall(b"".join(json.dumps(w).encode() + b"\n" for w in words))
            if request["method"] == "watch":
                open(self.runtime + "/watched", "w").close()
            if request["method"] == "daemon.stop":
                open(self.runtime + "/stopped", "w").close()
                os._exit(0)

    # --- verbs -------------------------------------------------------------------------------
    def do_hello(self, _peer, params, _fds):
        if params["v"] < self.protocol:
            raise Refusal("protocol", "daemon: hello: speaks another protocol: update gpujob")
        return {"v": self.protocol, "min_v": self.protocol, "version": "fake", "pid": os.getpid()}

    def do_run(self, _peer, params, fds):
        spec, fd = params["spec"], fds.pop(0)
        raw = os.pread(fd, 64 << 20, 0)
        self.received.append((raw, fcntl.fcntl(fd, 1034)))  # F_GET_SEALS
        os.close(fd)
        fields = raw.split(b"\0")
        assert fields[0] == b"gpujob-cmdline 1"
        argc = int(fields[1])
        argv, cwd, envc = fields[2 : 2 + argc], fields[2 + argc], int(fields[3 + argc])
        env = fields[4 + argc : 4 + argc + envc]
        for job in self.jobs.values():
            if spec["name"] and job["name"] == spec["name"]:
                if job["run_exit"] is None:
                    return {"job": job, "disposition": "attached", "notes": []}
                if job["state"] == "done" and not params["again"]:
                    raise Refusal("refused", f"run: {job['name']}: is done: give --again")
        job_id = "j%07d" % (len(self.jobs) + 1)
        job = {"id": job_id, "name": spec["name"] or job_id, "state": "running", "reason": "",
               "attempt": 1, "exit": None, "signal": None, "run_exit": None, "argv": spec["argv"],
               "cwd": spec["cwd"], "created_at": now(), "started_at": now(), "ended_at": None,
               "pid": None, "log": f"{self.runtime}/{job_id}.1.log", "resume_from": None,
               "progress": None, "status": "", "catches": None, "interruptions": 0, "failures": 0,
               "no_progress": 0, "plan": {"request_at": None, "term_at": None, "ends_at": None},
               "checkpoints": []}
        self.jobs[job_id] = job
        self.start_job(job, argv, cwd, env)
        return {"job": job, "disposition": "started", "notes": ["nothing caught a checkpoint signal"]}

    def start_job(self, job, argv, cwd, env):
        """Its exit status goes to a file by a small shell, so that the next fake can adopt it."""
        shell = 'log=$1; shift; "$@" >>"$log" 2>&1; echo $? >"$log.exit.tmp"; mv "$log.exit.tmp" "$log.exit"'
        child = subprocess.Popen([b"/bin/sh", b"-c", shell.encode(), b"sh", job["log"].encode(), *argv],
                                 cwd=cwd, env=dict(e.split(b"=", 1) for e in env), start_new_session=True)
        threading.Thread(target=child.wait, daemon=True).start()
        job["pid"] = child.pid
        self.save()
        threading.Thread(target=self.adopt, args=(job,), daemon=True).start()

    def adopt(self, job):
        exit_file = job["log"] + ".exit"
        while not os.path.exists(exit_file):
            time.sleep(0.02)
        with self.mutex:
            if job["run_exit"] is not None:
                return
            code = int(open(exit_file).read())
            # 85 here: a second attempt follows, as after a requeue.
            if code == 85 and job["attempt"] == 1:
                job["attempt"], job["log"] = 2, job["log"].replace(".1.log", ".2.log")
                self.event(job, f"{job['name']} goes on: attempt 2")
                with open(job["log"], "w") as f:
                    f.write("second attempt\n")
                with open(job["log"] + ".exit", "w") as f:
                    f.write("0")
                self.changed(job)
                threading.Thread(target=self.adopt, args=(job,), daemon=True).start()
                return
            self.end(job, "done" if code == 0 else "failed", "" if code == 0 else f"exit {code}", code)

    def end(self, job, state, reason, code):
        job.update(state=state, reason=reason, exit=code, run_exit=code, pid=None, ended_at=now())
        self.changed(job)

    def find(self, word):
        for job in self.jobs.values():
            if word in (job["id"], job["name"]):
                return job
        raise Refusal("not_found", f"job: {word}: not known: see gpujob ps --all")

    def do_ps(self, _peer, params, _fds):
        jobs = sorted(self.jobs.values(), key=lambda j: j["id"])
        if os.path.exists(self.runtime + "/endless"):
            return {"jobs": [], "next": 7}
        start = params["cursor"] or 0
        more = start + 2 < len(jobs)
        return {"jobs": jobs[start : start + 2], "next": start + 2 if more else None}

    def do_show(self, _peer, params, _fds):
        return self.find(params["job"])

    def do_logs(self, _peer, params, _fds):
        job = self.find(params["job"])
        attempt = params.get("attempt", job["attempt"])
        return {"job": job["id"], "attempt": attempt, "live": job["run_exit"] is None,
                "path": f"{self.runtime}/{job['id']}.{attempt}.log"}

    def do_watch(self, peer, params, _fds):
        job = self.find(params["job"])
        # A slow machine: the first attempt has come and gone before its client watches.
        # Or it ends just after a daemon that came back has answered.
        hasty = job["name"] == "hasty" and self.adopted
        while (job["name"] == "late" or hasty) and job["run_exit"] is None:
            self.mutex.release()
            time.sleep(0.02)
            self.mutex.acquire()
        if hasty:
            self.with_answer = [{"jsonrpc": "2.0", "method": "job.state", "params": dict(job)}]
            return dict(job, state="running", exit=None, run_exit=None, ended_at=None)
        self.watchers.append((peer, job["id"]))
        return job

    def do_checkpoint(self, _peer, params, _fds):
        job = self.find(params["job"])
        self.requests += 1
        confirmed = "good" in job["name"]
        c = {"seq": self.requests, "path": "/tmp/model.pt", "confirmed": False, "state": "securing", "how": "notify",
             "durable": None, "durable_path": None, "at": now(), "attempt": 1, "step": 7,
             "bytes": 1000, "note": ""}
        job["checkpoints"].append(c)

        slow = "slow" in job["name"]
        if slow:
            c.update(stored_bytes=1200000000, total_bytes=2000000000, stored_per_s=310e6)

        def decide():
            time.sleep(12 if slow else 0.1)
            with self.mutex:
                c.update(confirmed=confirmed, state="verified" if confirmed else "unconfirmed")
                self.changed(job)

        self.changed(job)
        threading.Thread(target=decide, daemon=True).start()
        return {"job": job["id"], "request": self.requests}

    def do_stop(self, _peer, params, _fds):
        jobs = [self.find(w) for w in params.get("jobs", [])] if not params.get("all") else \
            [j for j in self.jobs.values() if j["run_exit"] is None]
        for job in jobs:
            if job["run_exit"] is None:
                os.killpg(job["pid"], 15)
                self.end(job, "stopped", "asked for", 143)
        return {"jobs": [{"id": j["id"], "name": j["name"], "state": j["state"], "note": ""} for j in jobs]}

    def do_rm(self, _peer, params, _fds):
        gone = [self.find(w) for w in params["jobs"]]
        for job in gone:
            del self.jobs[job["id"]]
        return {"jobs": [{"id": j["id"], "name": j["name"]} for j in gone]}

    def do_quota(self, _peer, _params, _fds):
        with open(os.path.dirname(os.path.realpath(__file__)) + "/../data/protocol/session_view.json") as f:
            return json.load(f)

    def do_gpu(self, _peer, params, _fds):
        """FAKE_GPUS of them, busy in a wave; their history in one page each."""
        count = int(os.environ.get("FAKE_GPUS", "-1"))
        if count < 0:
            raise Refusal("usage", "request: 'gpu': no such method")
        page, seconds = int(params["cursor"] or 0), int(time.time())

        def use(at):
            return min(100, at // 3 % 120)

        devices = [{"vendor": "nvidia", "index": i, "uuid": f"GPU-{i}", "name": "Tesla T4", "state": "ok",
                    "error": None, "use_percent": use(seconds), "memory_used": 9 << 30, "memory_total": 15 << 30,
                    "temperature_c": 61, "power_mw": 61500, "power_limit_mw": 70000, "throttle": [],
                    "idle_s": None, "others": 0, "jobs": [{"id": j["id"], "name": j["name"], "memory": 9 << 30}
                                                          for j in list(self.jobs.values())[i : i + 1]]}
                   for i in range(count)]
        points = [[at, use(at), (6 << 30) + (at // 2 % 100 << 25), 60, 61000]
                  for at in range(seconds - min(params["history_s"] or 0, 600), seconds)]
        history = [{"gpu": f"GPU-{page}", "step_s": 1, "points": points}] if page < count else []
        return {"at": now(), "sampling": {"every_s": 1.0, "why": None if count else "no NVIDIA library, no AMD GPU"},
                "devices": devices, "history": history, "next": str(page + 1) if page + 1 < count else None}

    def do_daemon_status(self, _peer, _params, _fds):
        return {"pid": os.getpid(), "version": "fake", "uptime_s": 1.5, "socket": self.runtime + "/gpujobd.sock",
                "state_dir": self.runtime, "durable": None, "jobs": {"running": 1}, "session": None}

    def do_daemon_stop(self, _peer, _params, _fds):
        return {"running": [j["name"] for j in self.jobs.values() if j["run_exit"] is None]}

    # --- telling -----------------------------------------------------------------------------
    def save(self):
        with open(self.runtime + "/fake.json.tmp", "w") as f:
            json.dump(self.jobs, f)
        os.rename(self.runtime + "/fake.json.tmp", self.runtime + "/fake.json")

    def changed(self, job):
        self.save()
        self.tell(job, "job.state", job)

    def event(self, job, text):
        self.tell(job, "job.event", {"job": job["id"], "at": now(), "text": text})

    def tell(self, job, method, params):
        frame = json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n"
        for peer, job_id in self.watchers:
            if job_id == job["id"]:
                try:
                    peer.sendall(frame)
                except OSError:
                    pass


def main(argv):
    ready = int(argv[argv.index("--ready-fd") + 1])
    runtime = argv[argv.index("--runtime") + 1] if "--runtime" in argv else os.environ["GPUJOB_RUNTIME_DIR"]

    def say(document):
        os.write(ready, json.dumps(document).encode() + b"\n")
        os.close(ready)

    if "0" in argv[argv.index("--session-limit") + 1 :][:1] if "--session-limit" in argv else False:
        say({"ok": False, "errc": "usage", "error": "session limit: 0: too short: give more than a minute"})
        return 2
    try:
        daemon = FakeDaemon(runtime, int(os.environ.get("FAKE_PROTOCOL", "1")))
    except BlockingIOError:
        say({"ok": False, "errc": "refused", "error": f"daemon: {runtime}: another one runs: use it"})
        return 1
    if os.path.exists(runtime + "/stopped"):
        os.unlink(runtime + "/stopped")
    with open(runtime + "/started.json", "w") as f:
        json.dump({"argv": argv, "env": dict(os.environ), "sid": os.getsid(0), "pid": os.getpid(),
                   "fds": sorted(os.listdir("/proc/self/fd"), key=int)}, f)
    say({"ok": True, "pid": os.getpid()})
    daemon.serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
