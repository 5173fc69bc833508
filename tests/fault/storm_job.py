# SPDX-License-Identifier: Apache-2.0
"""A job of the storm: counts, saves when asked, ends as its seed says.

storm_job.py RECORDS SEED TRAIT,...
  many     each save is a file of its own, the last three are kept (else one file, replaced)
  every    saves by itself, too, and tells nobody
  exit85   exits with 85 after it has told of a save
  mute     catches the signal and never saves
  child    has a child in a session of its own
  endless  never ends by itself
  brief    ends within a second or two

What it does goes to RECORDS/JOB.jsonl, which no death of a VM removes: each start, each save, and
how it is about to end. While it lives it holds the lock RECORDS/JOB.lock: a second process of the
same job finds it taken.
"""
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import zlib

PERIOD = 0.05
KEPT = 3
SIGNALS = [getattr(signal, "SIG" + name) for name in "SEGV KILL ABRT TERM INT HUP USR2 PIPE".split()]

records, seed, traits = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
job, attempt = os.environ["GPUJOB_JOB_ID"], int(os.environ["GPUJOB_ATTEMPT"])
directory = os.environ["GPUJOB_CKPT_DIR"]
journal = os.open(f"{records}/{job}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
asked = False


def on_signal(number, frame):
    global asked
    asked = True


def record(event, **more):
    line = dict(more, event=event, job=job, name=os.environ["GPUJOB_JOB_NAME"], attempt=attempt,
                pid=os.getpid(), at=time.monotonic())
    os.write(journal, json.dumps(line).encode() + b"\n")


def is_alone():
    lock = os.open(f"{records}/{job}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def chance(what, parts):
    """A number below parts that only the seed, the attempt and the question decide."""
    return zlib.crc32(f"{seed}/{attempt}/{what}".encode()) % parts


def save(count):
    path = f"{directory}/step-{count:06d}.bin" if "many" in traits else f"{directory}/count.bin"
    with open(directory + "/save.tmp", "w") as f:
        f.write(str(count))
        f.flush()
        os.fsync(f.fileno())
    os.rename(directory + "/save.tmp", path)
    record("saved", step=count)
    mine = sorted(name for name in os.listdir(directory) if name.startswith("step-") and name.endswith(".bin"))
    for name in mine[:-KEPT]:
        os.unlink(f"{directory}/{name}")
    return path


def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(text.encode())


def end(code=0, number=0):
    """Only KILL can still make it another end than the one that is recorded."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    record("ends", exit=128 + number if number else code)
    if not number:
        os._exit(code)
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    time.sleep(600)


signal.signal(signal.SIGUSR1, on_signal)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resume = os.environ["GPUJOB_RESUME"]
count = int(open(resume).read()) if resume else 0
record("start", step=count, alone=is_alone(), boot=os.environ["GJ_STORM_BOOT"])
if "child" in traits:
    subprocess.Popen(["sleep", "100000"], start_new_session=True)
last = count + 5 + chance("life", 30 if "brief" in traits else 200)
while "endless" in traits or count < last:
    time.sleep(PERIOD)
    count += 1
    if "every" in traits and count % 37 == 0:
        save(count)
    if asked and "mute" not in traits:
        asked = False
        tell(f"X_GPUJOB_CHECKPOINT={save(count)}\nX_GPUJOB_STEP={count}")
        if "exit85" in traits:
            end(85)
kind = chance("kind", 10)
if kind < 4:
    end(0)
elif kind < 8:
    end(1 + chance("code", 255))
else:
    end(number=SIGNALS[chance("signal", len(SIGNALS))])
