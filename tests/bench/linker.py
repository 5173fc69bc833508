# SPDX-License-Identifier: Apache-2.0
"""linker.py FILE: a job that answers a request with that file, as its checkpoint, at once."""
import os
import signal
import socket
import sys

link = os.environ["GPUJOB_CKPT_DIR"] + "/checkpoint.bin"
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGUSR1, lambda *_: None)  # seen to be caught
while True:
    signal.sigwait([signal.SIGUSR1])
    if not os.path.exists(link):
        os.link(sys.argv[1], link)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(f"X_GPUJOB_CHECKPOINT={link}".encode())
