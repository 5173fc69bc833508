# SPDX-License-Identifier: Apache-2.0
"""A training in miniature: counts, and saves the count when asked. Speaks the contract.

saver.py END [--period S] [--every N] [--until FILE] [--exit CODE] [--mute] [--exit85]
  --every N   saves by itself every N counts, telling nobody
  --until F   ends as soon as that file is there, too
  --exit C    exits with C at the end, not with 0
  --mute      catches the signal and saves nothing
  --exit85    exits with 85 after a save
"""
import os
import signal
import socket
import sys
import time

args = sys.argv[1:]


def option(name, default):
    return type(default)(args[args.index(name) + 1]) if name in args else default


end, period, every = int(args[0]), option("--period", 0.05), option("--every", 0)
until = option("--until", "")
path = os.path.join(os.environ["GPUJOB_CKPT_DIR"], "count.txt")
asked = False


def on_signal(number, frame):
    global asked
    asked = True


def save(count):
    with open(path + ".tmp", "w") as f:
        f.write(str(count))
        f.flush()
        os.fsync(f.fileno())
    os.rename(path + ".tmp", path)


def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(text.encode())


signal.signal(signal.SIGUSR1, on_signal)
resume = os.environ["GPUJOB_RESUME"]
count = int(open(resume).read()) if resume else 0
print(f"begin {count}", flush=True)
while count < end and not (until and os.path.exists(until)):
    time.sleep(period)
    count += 1
    if every and count % every == 0:
        save(count)
    if asked and "--mute" not in args:
        asked = False
        save(count)
        tell(f"X_GPUJOB_CHECKPOINT={path}\nX_GPUJOB_STEP={count}")
        print(f"saved {count}", flush=True)
        if "--exit85" in args:
            sys.exit(85)
print(f"end {count}", flush=True)
sys.exit(option("--exit", 0))
