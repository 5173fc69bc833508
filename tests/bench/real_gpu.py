#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is otherwise tested with doubles, on a real NVIDIA GPU: the probe, a CUDA training under `--gpus 1`,
whose the process is, history, idleness, a checkpoint's snapshot.

GPUJOB_BIN_DIR=build/release/bin PYTHONPATH=tests/support tests/bench/real_gpu.py [--python PYTHON]

PYTHON has PyTorch with CUDA. Prints each check, and at last the row for README's table of GPUs. Exits
with 0 when all hold, 1 when one does not, 77 where there is no GPU, or nothing to train with: not run.
"""
import argparse
import csv
import datetime
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

from machine import BIN, Machine, wait_until
from measure import spawn_ms

NOT_RUN = 77
ASK_TORCH = "import torch; assert torch.cuda.is_available(), 'torch.cuda.is_available() says no'; print(torch.__version__)"
# Multiplies matrices; SIGUSR1 saves, SIGUSR2 rests and keeps its memory.
TRAINER = """
import json, os, signal, sys, time
import torch
saves, rests = [], []
signal.signal(signal.SIGUSR1, lambda *_: saves.append(1))
signal.signal(signal.SIGUSR2, lambda *_: rests.append(1))
x = torch.randn(4096, 4096, device="cuda")
step = 0
with open(sys.argv[1] + ".new", "w") as f:
    json.dump({"gpus": torch.cuda.device_count(), "name": torch.cuda.get_device_name(0),
               "visible": os.environ.get("CUDA_VISIBLE_DEVICES")}, f)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    if rests:
        time.sleep(0.1)
    else:
        x = torch.tanh(x @ x)
        torch.cuda.synchronize()
        step += 1
    if saves:
        saves.clear()
        path = os.path.join(os.environ["GPUJOB_CKPT_DIR"], "model.pt")
        torch.save({"x": x.cpu(), "step": step}, path + ".tmp")
        os.rename(path + ".tmp", path)
"""


class NotRun(Exception):
    pass


def snapshot(env):
    """What the probe says."""
    done = subprocess.run([os.path.join(BIN, "gpujob-gpuprobe")], env=env, input=b'{"op":"snapshot"}\n',
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
    return json.loads(done.stdout)


class RealGpu:
    """The checks, in their order. `train` is the command line of a training, less the file that it tells in."""

    def __init__(self, vm, train):
        self.vm, self.train, self.failed, self.count = vm, train, [], 0
        self.told = os.path.join(vm.root, "told")

    def check(self, what, holds, seen=""):
        self.count += 1
        print(f"{'ok    ' if holds else 'FAILED'} {what}{f': {seen}' if seen != '' else ''}", flush=True)
        if not holds:
            self.failed.append(what)

    def until(self, what, condition, limit=60.0):
        """Waits; what never comes is a check that failed."""
        try:
            value = wait_until(condition, what, limit)
            self.check(what, True)
            return value
        except AssertionError as e:
            self.check(what, False, e)
            return None

    def device(self):
        """Of the GPU in question, as the daemon sees it."""
        found = [d for d in self.vm.json("gpu", "--history")["devices"] if d["uuid"] == self.uuid]
        return found[0] if found else None

    # Where the GPU is played these are overridden.
    def training_began(self, pid):
        pass

    def rest(self, pid):
        os.kill(pid, signal.SIGUSR2)

    def ended(self):
        pass

    def look(self, said):
        self.driver, self.cuda = said["driver"], said["cuda"]
        self.gpu = next(d for d in said["devices"] if d["vendor"] == "nvidia" and d["state"] == "ok"
                        and not d["mig"]["enabled"] and d["uuid"])
        self.uuid = self.gpu["uuid"]
        self.check("the probe tells driver and library", self.driver and said["library"], f"{self.driver}, {said['library']}")
        self.check("the GPU has a name, memory and a use", self.gpu["name"] and self.gpu["memory"]["total"] > 0
                   and self.gpu["utilization"]["gpu"] is not None, self.gpu["name"])
        self.check("Xids are told", self.gpu["xid"] is not None, self.gpu["xid"])

    def compare(self):
        """With NVIDIA's own tool: what it says, and how long it takes."""
        smi = shutil.which("nvidia-smi")
        if not smi:
            print("nvidia-smi: not there: not compared")
            return
        rows = subprocess.run([smi, "--query-gpu=uuid,name,memory.total", "--format=csv,noheader,nounits"], check=True,
                              capture_output=True, text=True).stdout
        rows = {row[0]: row[1:] for row in csv.reader(rows.splitlines(), skipinitialspace=True)}
        name, mib = rows.get(self.uuid, ("", "0"))
        self.check("nvidia-smi says the same", name == self.gpu["name"]
                   and abs(int(mib) * 1024 * 1024 - self.gpu["memory"]["total"]) < 2 << 20, f"{name}, {mib} MiB")
        errors = os.path.join(self.vm.root, "errors")
        tools = {"gpujob gpu": [os.path.join(BIN, "gpujob"), "gpu"], "nvidia-smi": [smi]}
        if stat := shutil.which("gpustat"):
            tools["gpustat"] = [stat]
        took = {name: [] for name in tools}
        for _ in range(10):
            for name, argv in tools.items():
                took[name].append(spawn_ms(argv, self.vm.env, errors))
        took = {name: statistics.median(times) for name, times in took.items()}
        print("        " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in took.items()))

    def run(self):
        self.vm.start("--on-warning", f'echo "$GPUJOB_WARNING" >>{self.vm.root}/warned')
        self.until("the daemon sees the GPU", self.device)
        self.vm.ok("run", "-d", "--name", "real", "--gpus", self.uuid, "--idle-gpu", "5s", "--", *self.train, self.told)
        if not self.until("the training has its GPU", lambda: os.path.exists(self.told), 180):
            print(self.vm.run("logs", "real").stdout.decode(errors="replace")[-2000:])
            return
        pid = self.vm.show("real")["pid"]
        self.training_began(pid)
        with open(self.told) as f:
            told = json.load(f)
        self.check("it sees that one alone", told["gpus"] == 1 and told["visible"] == self.uuid, told)
        self.check("show names its GPU", self.vm.show("real")["gpus"] == [self.uuid])
        self.attribute()
        self.until("its work is seen", lambda: (self.device()["use_percent"] or 0) >= 2)
        self.until("its work is in the history", lambda: any(
            h["gpu"] == self.uuid and any((p[1] or 0) >= 2 for p in h["points"])
            for h in self.vm.json("gpu", "--history")["history"]))
        self.save()
        self.be_idle(pid)
        self.vm.ok("stop", "--now", "real")
        self.ended()
        self.until("it has left the GPU", lambda: self.device()["jobs"] == [])

    def attribute(self):
        """By one look, and by the daemon's looks, which can tell more apart."""
        self.until("the daemon names the job", lambda: [j["name"] for j in self.device()["jobs"]] == ["real"])
        found = self.vm.json("gpu")
        self.namespace = found["pid_namespace"]
        mine = [p for d in found["devices"] if d["uuid"] == self.uuid for p in d["processes"] or []
                if p["job"] and p["job"]["name"] == "real"]
        self.check("gpujob gpu names the job", mine, ", ".join(f"{p['seen_by']}, {p['job']['told_by']}" for p in mine))
        memory = self.device()["jobs"][0]["memory"] if self.device()["jobs"] else None
        self.check("its memory is told", memory, memory)

    def save(self):
        self.until("it catches the signal", lambda: self.vm.show("real")["catches"])
        self.vm.ok("checkpoint", "--wait", "real")
        self.check("its checkpoint is confirmed", self.vm.show("real")["checkpoints"][-1]["confirmed"])

        def pictures():
            return [s for s in self.vm.json("gpu", "--snapshots", "real")["snapshots"] if s["reason"] == "checkpoint"]
        taken = self.until("the checkpoint has a snapshot", pictures)
        device = next((d for d in taken[0]["document"]["devices"] if d["uuid"] == self.uuid), None) if taken else None
        self.check("the snapshot is of this GPU at work", device and device["memory"]["used"] > 0)

    def be_idle(self, pid):
        self.rest(pid)

        def warned():
            try:
                with open(self.vm.root + "/warned") as f:
                    return [line for line in f if "been idle for" in line]
            except FileNotFoundError:
                return []
        self.until("a GPU that is left idle is warned of", warned)

    def row(self):
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        where = "in the first pid namespace" if getattr(self, "namespace", "") == "first" else "in a container"
        verdict = f"all {self.count} checks hold" if not self.failed else f"FAILED: {'; '.join(self.failed)}"
        return (f"| NVIDIA's library and a CUDA job | {self.gpu['name']}, driver {self.driver}, CUDA {self.cuda}, {where} "
                f"| {date}: {verdict} |")


def prepare(python, env):
    """The probe's word and the training's command line; NotRun where there is none."""
    said = snapshot(env)
    if not any(d["vendor"] == "nvidia" for d in said["devices"]):
        raise NotRun(f"no NVIDIA GPU here: not run ({said['why'] or 'others are'})")
    if not any(d["vendor"] == "nvidia" and d["state"] == "ok" and not d["mig"]["enabled"] and d["uuid"]
               for d in said["devices"]):
        raise NotRun("no NVIDIA GPU that answers and is whole (not split by MIG): not run")
    done = subprocess.run([python, "-c", ASK_TORCH], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise NotRun(f"{python}: no PyTorch with CUDA: {last}: not run: --python names one that has it")
    return said, [python, "-c", TRAINER]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="python3", metavar="PYTHON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gj-", dir="/tmp") as root:
        vm = Machine(root)
        try:
            said, train = prepare(options.python, vm.env)
            test = RealGpu(vm, train)
            test.look(said)
            test.compare()
            test.run()
        except NotRun as e:
            print(e)
            return NOT_RUN
        finally:
            vm.vanish()
    print(test.row())
    return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main())
