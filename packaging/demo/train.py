#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LeNet-5 on Fashion-MNIST: a training script that can be stopped and continued at any step.

It runs by itself (`python3 train.py`), and it speaks gpujob's contract:
  SIGUSR1            please save: answered at the end of the current step
  $GPUJOB_CKPT_DIR   where to save
  $GPUJOB_RESUME     the checkpoint to continue from, or empty
  $NOTIFY_SOCKET     where to say "this file is saved"
An interrupted and continued run ends with the same weights, to the last bit, as one that never stopped.
"""
import argparse
import gzip
import os
import signal
import socket
import time

save_wanted = False


def want_save(signum, frame):
    global save_wanted
    save_wanted = True


# Before the slow import of torch, so that an early request is not lost.
signal.signal(signal.SIGUSR1, want_save)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from torch import nn


def tell(**facts):
    """Tells gpujob: one datagram of KEY=value lines (sd_notify). Does nothing without gpujob."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    text = "\n".join(f"{key}={value}" for key, value in facts.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(5)  # a listener that hangs must not hang the training
        try:
            s.sendto(text.encode(), address)
        except OSError as error:
            print(f"notify: {address}: {error}", flush=True)


def write_atomically(state, path):
    """After a crash at any moment, `path` is complete or absent."""
    folder = os.path.dirname(os.path.abspath(path))
    temporary = path + ".tmp"
    with open(temporary, "wb") as f:
        torch.save(state, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(temporary, path)
    folder_fd = os.open(folder, os.O_RDONLY)
    os.fsync(folder_fd)
    os.close(folder_fd)


def load_images(path):
    with gzip.open(path) as f:
        pixels = torch.frombuffer(bytearray(f.read()[16:]), dtype=torch.uint8)
    return pixels.reshape(-1, 1, 28, 28)


def load_labels(path):
    with gzip.open(path) as f:
        return torch.frombuffer(bytearray(f.read()[8:]), dtype=torch.uint8).long()


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(),
        nn.Dropout(0.2),  # draws random numbers: the generator's state belongs in a checkpoint
        nn.Linear(120, 84), nn.Tanh(),
        nn.Linear(84, 10))


def accuracy(model, data):
    model.eval()
    images = load_images(f"{data}/t10k-images-idx3-ubyte.gz").float() / 255
    labels = load_labels(f"{data}/t10k-labels-idx1-ubyte.gz")
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--print-every", type=int, default=200, metavar="STEPS")
    parser.add_argument("--max-rate", type=float, metavar="STEPS/S",
                        help="train no faster than this (for demonstrations)")
    parser.add_argument("--resume", default=os.environ.get("GPUJOB_RESUME", ""), metavar="FILE")
    parser.add_argument("--out", default="weights.pt", metavar="FILE")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    model = lenet5()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    images = load_images(f"{args.data}/train-images-idx3-ubyte.gz")
    labels = load_labels(f"{args.data}/train-labels-idx1-ubyte.gz")
    steps_per_epoch = len(images) // args.batch

    # Where we are in the data follows from `step` alone: epoch = step // steps_per_epoch, and the
    # order of an epoch follows from its number.
    step = 0
    if args.resume:
        state = torch.load(args.resume)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        step = state["step"]
        print(f"continuing from step {step} ({args.resume})", flush=True)
    else:
        print("starting from step 0", flush=True)

    folder = os.environ.get("GPUJOB_CKPT_DIR", "checkpoints")

    def save():
        os.makedirs(folder, exist_ok=True)
        path = os.path.abspath(f"{folder}/step-{step:06}.pt")
        write_atomically({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                          "rng": torch.get_rng_state(), "step": step}, path)
        tell(X_GPUJOB_CHECKPOINT=path, X_GPUJOB_STEP=step)
        print(f"saved step {step} to {path}", flush=True)

    global save_wanted
    epoch, order = -1, None
    started, first_step = time.monotonic(), step
    model.train()
    tell(READY=1)
    while step < args.steps:
        if step // steps_per_epoch != epoch:
            epoch = step // steps_per_epoch
            order = torch.randperm(len(images),
                                   generator=torch.Generator().manual_seed(args.seed + epoch))
        at = step % steps_per_epoch * args.batch
        rows = order[at:at + args.batch]
        optimizer.zero_grad()
        loss = loss_of(model(images[rows].float() / 255), labels[rows])
        loss.backward()
        optimizer.step()
        step += 1

        if step % args.print_every == 0:
            print(f"step {step}/{args.steps}  loss {loss.item():.4f}", flush=True)
            # A 1 would say "done", and the weights are not written yet.
            tell(X_GPUJOB_PROGRESS=min(0.999, step / args.steps),
                 STATUS=f"step {step}/{args.steps}")
        if save_wanted:
            save_wanted = False
            save()  # and go on: gpujob ends the job once the file is in a safe place
        if args.max_rate:
            ahead = (step - first_step) / args.max_rate - (time.monotonic() - started)
            time.sleep(max(0.0, ahead))

    write_atomically(model.state_dict(), args.out)
    print(f"done: {step} steps, weights in {args.out}, "
          f"accuracy on the test images {accuracy(model, args.data):.4f}", flush=True)
    tell(X_GPUJOB_PROGRESS=1, X_GPUJOB_DONE=1)


if __name__ == "__main__":
    main()
