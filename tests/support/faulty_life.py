# SPDX-License-Identifier: Apache-2.0
"""The life of a job, as a user leads it who says a line again when it failed, with one fault in it.

Life.lead() is the whole: start, run, save, stop, run on, end with 7, stop the daemon. Whatever does not
hold on the way or in the end is a Broken, with the reason. The fault strikes once.
"""
import collections
import glob
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess

import inject
from machine import PYTHON, SAVER, Machine, wait_until

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", "1"))
PATIENCE = 60 * SLOW
CODE = 7
# Calls a second that waiting may cost: ten looks through /proc at a tree that is being ended.
WAITING = 20000
# "what: which: why", and nothing that a library threw.
SAID = re.compile(rb"gpujob: [^\n:]+: [^\n]+")
CRASH = re.compile(rb"AddressSanitizer|LeakSanitizer|runtime error:|Assertion")


class Broken(AssertionError):
    pass


def hold(condition, what):
    if not condition:
        raise Broken(what)


def stat_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            state, ppid = f.read().rsplit(")", 1)[1].split()[:2]
            return state, int(ppid)
    except (OSError, ValueError, IndexError):
        return "", 0


class Life:
    def __init__(self, root, name, bin_dir, fault=None):
        self.fault = fault
        self.vm = Machine(root, name)
        self.vm.bin = bin_dir
        self.inj = inject.Injector(self.vm.root + "/i", fault)
        self.vm.env.update(self.inj.env)
        self.durable = self.vm.root + "/d"
        os.mkdir(self.durable)
        self.go = self.vm.root + "/go"
        self.starts = self.vm.root + "/starts"
        note = f'echo "$GPUJOB_ATTEMPT $$" >> {self.starts}; sleep 1000 & exec "$@"'
        self.line = ["run", "-d", "--name", "x", "--", "sh", "-c", note, "sh", PYTHON, "-ISE", SAVER,
                     "1000000", "--until", self.go, "--exit", str(CODE)]
        self.told = []  # (line, what it said) of each that failed
        self.seen = collections.OrderedDict()  # (attempt, state, exit) -> reason, each as shown

    def once(self, *args):
        try:
            done = self.vm.run(*args, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Broken(f"gpujob {args[0]}: no answer in {PATIENCE:.0f} s") from None
        if done.returncode != 0:
            self.told.append((args, done.stderr))
            hold(done.returncode > 0, f"gpujob {args} died: {done.returncode}")
            hold(SAID.search(done.stderr), f"gpujob {args}: exit {done.returncode}, said {done.stderr!r}")
        return done

    def insist(self, *args):
        return wait_until(lambda: (done := self.once(*args)).returncode == 0 and done, args, PATIENCE)

    def look(self):
        view = json.loads(self.insist("show", "x", "--json").stdout)
        self.seen[(view["attempt"], view["state"], view["exit"])] = view["reason"]
        return view

    def until(self, *states):
        """Says the line again whenever the job has come to an end that is none of these."""
        def there():
            view = self.look()
            if view["state"] in states:
                return view
            if view["state"] in ("held", "failed", "lost", "stopped", "parked", "done"):
                hold(view["reason"], f"{view['state']} without a reason")
                self.once(*self.line)
            return None
        return wait_until(there, f"it is {states}", PATIENCE)

    def running(self):
        return wait_until(lambda: (v := self.until("running"))["catches"] and v, "its handler is there", PATIENCE)

    def save(self):
        """Until one request is answered with a checkpoint that is confirmed."""
        def saved():
            self.running()
            return self.once("checkpoint", "x", "--wait").returncode == 0
        wait_until(saved, "it has saved", PATIENCE)
        view = self.look()
        good = [c for c in view["checkpoints"] if c["confirmed"]]
        hold(good, "checkpoint --wait returned 0, and none is confirmed")
        return max(c["step"] or 0 for c in good)

    def lead(self):
        self.insist("daemon", "start", "--durable", self.durable, "--session-limit", "1h")
        wait_until(lambda: self.once(*self.line).returncode == 0, "the line is taken", PATIENCE)
        step = self.save()
        view = self.look()
        self.insist("stop", "x")
        self.was_asked(view)
        wait_until(lambda: self.once(*self.line).returncode == 0, "the line is taken again", PATIENCE)
        view = self.running()
        self.goes_on_from(view, step)
        self.one_lives()
        with open(self.go, "w"):
            pass
        self.ends(step)
        self.daemon_is_well()
        wait_until(self.stopped, "the daemon stops", PATIENCE)
        wait_until(lambda: not self.vm.processes(), "all of it is gone", PATIENCE)
        self.check_states()
        self.check_disk()
        self.check_logs()

    def stopped(self):
        done = self.once("daemon", "stop")
        return done.returncode == 0 or b"not running" in done.stderr

    def said(self, word):
        """The numbers after that word in the newest attempt's output."""
        log = self.insist("logs", "x").stdout.decode(errors="replace")
        return [int(n) for n in re.findall(rf"^{word} (\d+)$", log, re.M)]

    def was_asked(self, before):
        """A job that is stopped is asked to save before it is ended."""
        view = self.look()
        hold(view["state"] in ("stopped", "lost", "held", "failed"), f"{view['state']} after stop")
        if (view["state"], view["attempt"]) == ("stopped", before["attempt"]):
            hold(len(self.said("saved")) >= 2, "stopped without having been asked to save")

    def goes_on_from(self, view, step):
        hold(view["resume_from"], "a job that had saved began anew")
        begun = wait_until(lambda: self.said("begin"), "its output is there", PATIENCE)
        hold(begun[-1] >= step, f"went on from {begun}, and {step} was confirmed")

    def one_lives(self):
        with open(self.starts) as f:
            pids = [int(line.split()[1]) for line in f]
        alive = [p for p in pids if stat_of(p)[0] not in ("", "Z", "X")]
        hold(len(alive) == 1, f"{len(alive)} processes run as the job")

    def ends(self, step):
        """With the code that is its own; or the end is said to be lost, and the line is said again."""
        def over():
            view = self.look()
            if view["state"] in ("held", "lost", "parked", "stopped") or \
                    (view["state"] == "failed" and view["exit"] != CODE):
                hold(view["reason"], f"{view['state']} without a reason")
                self.once(*self.line)
            return view["state"] == "failed" and view["exit"] == CODE and view["run_exit"] is not None and view
        view = wait_until(over, f"it ended with {CODE}", PATIENCE)
        hold(view["run_exit"] == CODE, f"run_exit {view['run_exit']}")
        good = [c for c in view["checkpoints"] if c["confirmed"]]
        hold(good and max(c["step"] or 0 for c in good) >= step, "what was confirmed is no longer")
        newest = lambda: [c for c in self.look()["checkpoints"] if c["confirmed"]][-1]
        self.checkpoint = wait_until(lambda: (c := newest())["durable"] and c, "it is stored", PATIENCE)

    def daemon_is_well(self):
        pid = json.loads(self.insist("daemon", "status", "--json").stdout)["pid"]
        children = lambda: [p for p in os.listdir("/proc") if p.isdigit() and stat_of(p)[1] == pid]
        wait_until(lambda: not children(), "the daemon has no child left, dead or alive", PATIENCE)
        # A helper that has begun since has its pipes: then it is counted again.
        self.descriptors = wait_until(lambda: (n := self.settled_descriptors(pid)) and not children() and n,
                                      "it answers", PATIENCE)

    def settled_descriptors(self, pid):
        """Those of a daemon that has closed what it had to: who asked before this connection has gone
        away before its first question, and with the third answer that has been heard of. None: the
        daemon did not answer."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(PATIENCE)
            try:
                asking.connect(self.vm.root + "/r/gpujobd.sock")
                with asking.makefile("rb") as answers:
                    hello = {"v": 1, "min_v": 1, "client": "faulty_life"}
                    for number, (method, params) in enumerate([("hello", hello)] + 3 * [("daemon.status", {})], 1):
                        question = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                        asking.sendall(json.dumps(question).encode() + b"\n")
                        if "result" not in json.loads(answers.readline() or b"{}"):
                            return None
                    return len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                return None

    def check_states(self):
        with open(self.starts) as f:
            attempts = collections.Counter(line.split()[0] for line in f)
        hold(max(attempts.values()) == 1, f"an attempt was started twice: {attempts}")
        by_shim = self.fault is not None and self.fault.who == "gpujob-shim"
        for (attempt, state, code), reason in self.seen.items():
            hold(state != "done" and code != 0, f"attempt {attempt}: {state}, exit {code}")
            hold(state != "lost" or by_shim, f"attempt {attempt} lost, and its shim had no fault: {reason}")
            known = code in (None, CODE, 128 + signal.SIGTERM) or (code == 126 and by_shim and reason)
            hold(known, f"attempt {attempt}: {state}, exit {code}: {reason}")
            hold(state != "stopped" or code is not None or by_shim, f"attempt {attempt}: its exit code is lost")

    def check_disk(self):
        for path in glob.glob(self.vm.root + "/[sd]/**/*.json", recursive=True):
            with open(path, "rb") as f:
                try:
                    json.load(f)
                except ValueError as e:
                    raise Broken(f"{path}: {e}") from None
        for path in glob.glob(self.vm.root + "/s/**/journal.jsonl", recursive=True):
            with open(path, "rb") as f:
                numbers = [json.loads(line)["seq"] for line in f]
            hold(numbers == list(range(1, len(numbers) + 1)), f"{path}: {numbers}")
        hold(not glob.glob(self.vm.root + "/s/gpujob.db.damaged-*"), "a good database was set aside")
        with sqlite3.connect(self.vm.root + "/s/gpujob.db") as db:
            hold(db.execute("PRAGMA integrity_check").fetchone() == ("ok",), "the database is damaged")
        manifests = glob.glob(self.durable + "/jobs/*/attempts/*/checkpoints/*/manifest.json")
        hold(manifests, "nothing is stored")
        for path in manifests:
            self.check_stored(os.path.dirname(path))
        hold(self.checkpoint["durable_path"] + "/manifest.json" in manifests, "what is shown as stored is not")
        hold(glob.glob(self.durable + "/jobs/*/attempts/*/end.json"), "its end is not stored")

    def check_stored(self, path):
        with open(path + "/manifest.json") as f:
            manifest = json.load(f)
        for entry in manifest["files"]:
            job = path.rsplit("/", 4)[0]  # an unchanged file lies in an earlier checkpoint
            where = f"{job}/{entry['at']}" if "at" in entry else f"{path}/data/{entry['path']}"
            with open(where, "rb") as f:
                bytes_there = f.read()
            hold(hashlib.sha256(bytes_there).hexdigest() == entry["sha256"], f"{path}: its bytes are others")

    def check_logs(self):
        # Before main() nobody can catch anything; the program did not start, and that was said.
        crashes = [c for c in self.inj.lines("crashed") if "main" in inject.functions(c)]
        hold(not crashes, "crashed: " + "; ".join(map(inject.describe, crashes)))
        for path in self.logs():
            with open(path, "rb") as f:
                found = CRASH.search(f.read())
            hold(not found, f"{path}: {found and found.group()}")

    def check_cost(self, plain, seconds):
        """More calls than this is a loop without a pause; more descriptors, one that was never closed."""
        most = 5 * plain.inj.passages + WAITING * seconds
        hold(self.inj.passages <= most, f"{self.inj.passages} calls in {seconds:.1f} s, {plain.inj.passages} without a fault")
        hold(self.descriptors <= plain.descriptors + 1, f"{self.descriptors} descriptors, {plain.descriptors} without a fault")

    def logs(self):
        return [self.vm.root + "/s/daemon.log", *sorted(glob.glob(self.vm.root + "/s/jobs/*/*/shim.log"))]

    def report(self):
        """For a person: what fired where, what was said, what the programs logged."""
        out = [f"fault {self.fault}"]
        out += ["at " + inject.describe(s) for s in self.inj.lines("fired")]
        out += [f"gpujob {' '.join(args)[:40]}: {said.decode(errors='replace').strip()}" for args, said in self.told]
        out += [f"seen {key}: {reason}" for key, reason in self.seen.items()]
        for path in self.logs():
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    out += [f"  {os.path.basename(path)} {line.rstrip()[:300]}" for line in f]
        return "\n".join(out)

    def end(self):
        self.vm.vanish()
