# SPDX-License-Identifier: Apache-2.0
"""A training with real PyTorch checkpoints, each of which can tell whether it is whole.

trainer.py MEGABYTES SIGMA: steps until it is ended; asked by USR1 it saves `step-N.pt`, in place, as
many scripts do, with a pause of a lognormal second (SIGMA) in the midst of it, and says so by
sd_notify. What it resumes from it looks at: "resumed N", or "CORRUPT" and why.
"""
import os
import random
import signal
import socket
import sys
import time

import torch

megabytes, sigma = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ["GPUJOB_CKPT_DIR"]
asked = False


def on_signal(number, frame):
    global asked
    asked = True


class Slow:
    """A file that takes its time in the midst of being written."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.written = 0
        self.slept = False

    def write(self, data):
        self.written += len(data)
        if self.written > megabytes * 500_000 and not self.slept:
            self.slept = True
            time.sleep(random.lognormvariate(-0.7, sigma))
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def save(step):
    path = f"{folder}/step-{step}.pt"
    out = Slow(path)
    values = torch.full((megabytes * 250_000,), float(step))
    torch.save({"step": step, "weights": values}, out)
    out.flush()
    os.fsync(out.file.fileno())
    out.file.close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(f"X_GPUJOB_CHECKPOINT={path}\nX_GPUJOB_STEP={step}".encode())
    older = sorted((int(n[5:-3]), n) for n in os.listdir(folder) if n.startswith("step-"))
    for _, name in older[:-2]:
        os.unlink(f"{folder}/{name}")


def load(path):
    try:
        state = torch.load(path)
        wanted = torch.full((megabytes * 250_000,), float(state["step"]))
        if not torch.equal(state["weights"], wanted) or f"step-{state['step']}.pt" not in path:
            raise ValueError("is not what was saved")
    except Exception as error:  # whatever it is, the test must hear of it
        print(f"CORRUPT {path}: {error}", flush=True)
        sys.exit(3)
    print(f"resumed {state['step']}", flush=True)
    return state["step"]


torch.set_num_threads(1)
signal.signal(signal.SIGUSR1, on_signal)
now = load(os.environ["GPUJOB_RESUME"]) if os.environ.get("GPUJOB_RESUME") else 0
while True:
    time.sleep(0.05)
    now += 1
    if asked:
        asked = False
        save(now)
