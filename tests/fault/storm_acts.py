# SPDX-License-Identifier: Apache-2.0
"""What a storm does to a machine: users, strangers and killers. Each act tells the model."""
import json
import os
import signal
import socket
import subprocess
import time

from machine import BIN, PYTHON

HERE = os.path.dirname(os.path.abspath(__file__))
POINTS = ("before_commit", "after_commit", "before_launch", "after_launch", "after_secure", "after_perform")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP)
# What jobs of a name are like, and what is said on every line that runs them.
TRAITS = ("many", "every", "exit85", "mute", "child", "endless")
WEIGHTS = {"many": 4, "every": 3, "exit85": 1, "mute": 1, "child": 3, "endless": 2}
LEAD_S = 3
SLOTS = 3


class Client:
    """One command that runs beside the others. done(code, output) is called when it has ended."""

    def __init__(self, process, words, out, done, limit_s):
        self.process, self.words, self.out, self.done = process, words, out, done
        self.since, self.limit_s = time.monotonic(), limit_s
        self.killed = False

    def output(self, which=""):
        with open(self.out + which) as f:
            return f.read()


class Acts:
    """Part of Storm (the file storm), which holds what it works on."""

    def begin(self, *words, done=None, limit_s=90, env=None):
        """Starts a command; its end is seen by look_at_clients()."""
        self.client_number += 1
        out = f"{self.vm.root}/client-{self.client_number}"
        with open(out, "wb") as f, open(out + ".err", "wb") as err:
            process = self.vm.popen(*words, stdout=f, stderr=err, start_new_session=True,
                                    env=dict(env or {}, GJ_STORM_BOOT=str(self.boot)))
        self.clients.append(Client(process, words, out, done, limit_s * self.slow))

    def user_verb(self, verb, name, *words, done=None, **more):
        """One of those that the model must know of."""
        self.model.asked(verb, name)

        def ended(code, output):
            # 1 is the daemon's own word: nothing is under way any more. So is 0.
            self.model.answered(verb, name, time.monotonic(), code in (0, 1))
            if done:
                done(code, output)
        self.begin(*words, done=ended, **more)

    def some_name(self, *states):
        """Mostly of a job in one of these states; everything is also said of all others."""
        fitting = sorted({view["name"] for view in self.views.values() if view["state"] in states})
        return self.rng.choice(fitting if fitting and self.rng.random() < 0.8 else self.names)

    # Users.

    def line(self, name):
        traits = ",".join(self.traits[name]) or "-"
        return [*self.options[name], "--", PYTHON, "-I", "-S", "-B", HERE + "/storm_job.py",
                self.records.directory, f"{self.seed}/{name}", traits]

    def act_run(self):
        name = self.some_name("parked", "stopped", "held")
        known = [v for v in self.views.values() if v["name"] == name]
        again = bool(known) and known[-1]["state"] == "done" and self.rng.random() < 0.8
        flags = ["--again"] * again + ["--take-over"] * (self.rng.random() < 0.8)
        self.log(f"run {name} {' '.join(flags)}")

        def done(code, output):
            if code == 0:
                answer = json.loads(output)
                self.model.ran(name, answer["job"]["id"], again, time.monotonic())
        self.user_verb("run", name, "run", "-d", "--json", "--name", name, *flags, *self.line(name), done=done)

    def act_run_attached(self):
        name = self.some_name("parked", "stopped", "held")
        self.log(f"run {name}, attached")
        self.user_verb("run", name, "run", "--name", name, "--take-over", *self.line(name), limit_s=1e6,
                       done=lambda code, output: self.model.client_returned(name, code))

    def act_wait(self):
        name = self.some_name("running")
        self.log(f"wait {name}")
        self.begin("wait", name, limit_s=1e6, done=lambda code, output: self.model.client_returned(name, code))

    def act_checkpoint_wait(self):
        name = self.some_name("running")
        self.log(f"checkpoint {name} --wait")

        def done(code, output):
            if code == 0:
                answer = json.loads(output)
                self.counts["checkpoints waited for"] += answer["confirmed"]
                self.model.saw_checkpoints(answer["job_view"])
        self.begin("checkpoint", name, "--wait", "--json", done=done, limit_s=150)

    def act_checkpoint(self):
        name = self.some_name("running")
        self.log(f"checkpoint {name}")
        self.begin("checkpoint", name)

    def act_stop(self):
        name = self.some_name("running")
        words = ["--now"] * (self.rng.random() < 0.3)
        self.log(f"stop {name} {' '.join(words)}")
        self.user_verb("stop", name, "stop", name, *words, limit_s=150)

    def act_rm(self):
        name = self.some_name("done", "failed", "stopped", "lost")
        self.log(f"rm {name}")
        self.user_verb("rm", name, "rm", name)

    def act_ps(self):
        verb = self.rng.choice([["ps"], ["ps", "--all", "--json"], ["quota"], ["show", self.some_name()],
                                ["logs", self.some_name()]])
        self.log(" ".join(verb))
        self.begin(*verb)

    def act_daemon_stop(self):
        if self.spares_daemon():
            return False
        self.log("daemon stop")
        self.expect_another_daemon()
        self.begin("daemon", "stop")

    def daemon_flags(self):
        limit = ["--session-limit", f"{self.limit:.1f}s"] if self.limit else []
        return [*limit, "--durable", self.durable, "--slots", str(SLOTS)]

    def act_second_daemon(self):
        """Refused; or the only one there is, where the other has just been killed."""
        self.log("a second daemon")
        if self.rng.random() < 0.5:
            self.begin("daemon", "start", *self.daemon_flags())
            return
        out = open(self.vm.root + "/second.log", "ab")
        self.others.append(subprocess.Popen([BIN + "/gpujobd"], env=self.vm.env, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, start_new_session=True))
        out.close()

    # Killers.

    def command_lines(self):
        for pid in self.vm.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    yield pid, f.read().decode(errors="replace").split("\0")[:-1]
            except OSError:
                pass

    def daemons(self):
        return [pid for pid, words in self.command_lines()
                if words and words[0].endswith("/gpujobd") and "--helper" not in words]

    def helpers(self, daemons):
        """They live for milliseconds: nobody else is looked at."""
        found = []
        for daemon in daemons:
            try:
                with open(f"/proc/{daemon}/task/{daemon}/children") as f:
                    children = f.read().split()
                for child in children:
                    with open(f"/proc/{child}/cmdline", "rb") as f:
                        if b"\0--helper\0" in f.read():
                            found.append(int(child))
            except OSError:
                pass
        return found

    def shims(self):
        """(pid, job, attempt) of each: it is started with STATE/jobs/JOB/ATTEMPT."""
        found = [(pid, words[1].split("/")) for pid, words in self.command_lines()
                 if len(words) == 2 and words[0].endswith("/gpujob-shim")]
        return [(pid, path[-2], int(path[-1])) for pid, path in found]

    def living(self):
        """(start record, pid) of each process of a job."""
        return [(line, line["pid"]) for line in self.starts.values() if self.records.lives(line["job"]) == line["pid"]]

    def kill(self, pid, number=signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def spares_daemon(self):
        """One that has not answered yet is mostly left alone: on a slow machine none would ever."""
        return self.deaths_expected > 0 and self.rng.random() < 0.7

    def act_kill_daemon(self):
        if self.spares_daemon():
            return False
        pids = self.daemons()
        self.log(f"kill daemon {pids}")
        self.expect_another_daemon()
        for pid in pids:
            self.kill(pid)

    def act_kill_helper(self):
        self.act_checkpoint()  # which needs one
        daemons, until = self.daemons(), time.monotonic() + 0.5
        while not (pids := self.helpers(daemons)) and daemons and time.monotonic() < until:
            time.sleep(0.001)
        self.log(f"kill helpers {pids}")
        for pid in pids:
            self.kill(pid)
        return bool(pids)

    def act_crash_point(self):
        if self.spares_daemon():
            return False
        point = f"{self.rng.choice(POINTS)}:{self.rng.randint(1, 5)}"
        self.log(f"crash at {point}")
        self.expect_another_daemon()
        for pid in self.daemons():
            self.kill(pid)
        mark = f"{self.root}/crashed-{len(self.marks)}"
        self.marks.append(mark)
        self.begin("daemon", "start", *self.daemon_flags(),
                   env={"GPUJOB_TEST_CRASH_AT": point, "GPUJOB_TEST_CRASH_MARK": mark})

    def act_kill_shim(self):
        shims = self.shims()
        if not shims:
            return False
        pid, job, attempt = self.rng.choice(shims)
        also = self.daemons() if self.rng.random() < 0.3 else []
        self.log(f"kill shim {pid} of {job} attempt {attempt}, daemons {also}")
        self.model.killed_shim(job, attempt)
        if also:
            self.expect_another_daemon()
        for one in self.rng.sample([pid, *also], 1 + len(also)):
            self.kill(one)
        return True

    def act_freeze(self):
        """Stopped for a moment: thaw() ends it."""
        daemons = self.daemons()
        pids = [*daemons, *(pid for pid, _, _ in self.shims()), *(pid for _, pid in self.living())]
        if not pids:
            return False
        for pid in self.rng.sample(pids, self.rng.randint(1, len(pids))):
            self.frozen.append((time.monotonic() + self.rng.uniform(0.1, 3), pid, pid in daemons))
            self.kill(pid, signal.SIGSTOP)
        self.log(f"freeze {[pid for _, pid, _ in self.frozen]}")
        return True

    def act_kill_job(self):
        living = self.living()
        if not living:
            return False
        line, pid = self.rng.choice(living)
        number = self.rng.choice(SIGNALS)
        self.log(f"{signal.Signals(number).name} to {line['job']} attempt {line['attempt']} ({pid})")
        self.model.signalled(line["job"], line["attempt"], number)
        self.kill(pid, number)
        return True

    def act_kill_client(self):
        if not self.clients:
            return False
        client = self.rng.choice(self.clients)
        self.log(f"kill client {' '.join(client.words[:4])}")
        client.killed = True
        self.kill(client.process.pid, self.rng.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
        return True

    # Strangers.

    def garbage(self):
        hello = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"v":1,"min_v":1,"client":"rude"}}\n'
        return self.rng.choice((
            self.rng.randbytes(self.rng.randint(1, 3000)),
            b"\n" * 500,
            b'{"jsonrpc":"2.0","id":1,"meth',
            b"x" * 70000 + b"\n",
            hello.replace(b'"v":1,"min_v":1', b'"v":99,"min_v":98'),
            hello + b'{"jsonrpc":"2.0","id":2,"method":"ps","params":{"all":true,"cursor":null}}\n' * 300,
            hello + b'{"jsonrpc":"2.0","id":2,"method":"run","params":{"spec":{},"again":7}}\n',
            hello + b'{"jsonrpc":"2.0","id":2,"method":"watch","params":{"job":"%s"}}\n' % self.some_name().encode(),
            hello + b'{"jsonrpc":"2.0","id":2,"method":"stop","params":{"jobs":[null]}}\n[1,2',
        ))

    def act_garbage(self):
        """Some stay and never read what they are answered."""
        stranger = socket.socket(socket.AF_UNIX)
        stranger.settimeout(0.2)
        try:
            stranger.connect(self.vm.root + "/r/gpujobd.sock")
            stranger.sendall(self.garbage())
        except OSError:
            pass  # dropped, or nobody there
        self.log("garbage")
        self.strangers.append(stranger)
        if len(self.strangers) > 10 or self.rng.random() < 0.5:
            self.strangers.pop(0).close()

    ACTS = {"run": 26, "run_attached": 3, "wait": 2, "checkpoint_wait": 16, "checkpoint": 4, "stop": 5, "rm": 4,
            "ps": 5, "daemon_stop": 2, "second_daemon": 3, "kill_daemon": 5, "kill_helper": 8,
            "crash_point": 6, "kill_shim": 3, "kill_job": 4, "freeze": 3, "kill_client": 4, "garbage": 6}

    def act(self):
        if len(self.clients) > 12:
            return
        kind = self.rng.choices(list(self.ACTS), list(self.ACTS.values()))[0]
        # Chance alone sometimes leaves something out.
        missing = [act for act in self.ACTS if act.replace("_", " ") in self.never_happened()]
        if missing and time.monotonic() - self.began > self.minutes * 30 and self.rng.random() < 0.3:
            kind = self.rng.choice(missing)
        # None: done. False: there was nobody to do it to.
        if getattr(self, "act_" + kind)() is not False:
            self.counts[kind.replace("_", " ")] += 1
