# SPDX-License-Identifier: Apache-2.0
"""A trainer with workers is asked for a checkpoint: it alone is signalled.

DataLoader's workers are forked from the trainer and inherit its handler: a signal to one of them
would run the trainer's save in a process that has nothing to save, over the trainer's own files.
"""
import importlib.util
import json
import os
import re

from machine import PYTHON, Case, main, wait_until

# Whoever is signalled leaves a line; the trainer saves. The handler is there before the fork.
HANDLER = r"""
import os, signal, sys
TRAINER = os.getpid()
def on_signal(number, frame):
    with open(sys.argv[1], "a") as f:
        f.write(f"{'trainer' if os.getpid() == TRAINER else 'worker'} {os.getpid()}\n")
    if os.getpid() == TRAINER:
        path = os.environ["GPUJOB_CKPT_DIR"] + "/m.json"
        with open(path + ".tmp", "w") as f:
            f.write("{}")
        os.rename(path + ".tmp", path)
        print("gpujob: checkpoint", path, flush=True)
signal.signal(signal.SIGUSR1, on_signal)
"""

# As torch does it: daemonic processes by fork, which wait on a queue.
PLAIN = HANDLER + r"""
import multiprocessing, time
context = multiprocessing.get_context("fork")
def work(tasks, done):
    while True:
        done.put(tasks.get() ** 2)
tasks, done = context.Queue(), context.Queue()
workers = [context.Process(target=work, args=(tasks, done), daemon=True) for _ in range(2)]
for w in workers: w.start()
print("workers", *(w.pid for w in workers), flush=True)
while True:
    tasks.put(7)
    done.get()
    time.sleep(0.01)
"""

TORCH = HANDLER + r"""
import time, torch, torch.utils.data
class Numbers(torch.utils.data.Dataset):
    def __len__(self): return 100000
    def __getitem__(self, i):
        time.sleep(0.01)
        return torch.tensor([float(i)])
loader = iter(torch.utils.data.DataLoader(Numbers(), batch_size=2, num_workers=2))
next(loader)
print("workers", *(w.pid for w in loader._workers), flush=True)
for batch in loader: pass
"""


class Workers(Case):
    def asked(self, program):
        signalled = self.path("signalled")
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, "-c", program, signalled)
        said = wait_until(lambda: re.search(r"^workers (.*)$", self.vm.run("logs", "x").stdout.decode(), re.M),
                          "its workers are there")
        workers = [int(pid) for pid in said[1].split()]
        self.assertEqual(len(workers), 2)
        view = wait_until(lambda: (v := self.vm.show("x"))["catches"] and v, "the handler is there")
        for pid in workers:
            with open(f"/proc/{pid}/status") as f:
                caught = next(line for line in f if line.startswith("SigCgt"))
            self.assertTrue(int(caught.split()[1], 16) >> 9 & 1, "a worker that catches USR1 is the point")

        for n in (1, 2, 3):
            self.vm.ok("checkpoint", "x", "--wait")
            with open(signalled) as f:
                self.assertEqual(f.read(), f"trainer {view['pid']}\n" * n)
        with open(f"{self.vm.root}/s/jobs/{view['id']}/1/journal.jsonl") as f:
            targets = [r["targets"] for r in map(json.loads, f) if r["kind"] == "requested"]
        self.assertEqual(targets, [[view["pid"]]] * 3)
        view = self.vm.show("x")
        self.assertEqual((view["state"], view["checkpoints"][-1]["confirmed"]), ("running", True))
        self.vm.ok("stop", "x")
        for pid in workers:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), "the workers end with the job")

    def test_only_the_trainer_is_asked_not_the_workers_it_forked(self):
        self.asked(PLAIN)

    def test_only_the_trainer_is_asked_with_a_real_dataloader(self):
        if importlib.util.find_spec("torch") is None:
            self.skipTest("torch is not installed: apt-get install python3-torch")
        self.asked(TORCH)


if __name__ == "__main__":
    main()
