# SPDX-License-Identifier: Apache-2.0
"""What a job says reaches the daemon, whatever it says it with: systemd's own client, and a Python
that buffers what it prints unless somebody tells it not to."""
import shutil

from machine import PYTHON, Case, main, wait_until

# systemd-notify waits until the barrier's descriptor is closed, and fails when nobody does.
NOTIFIER = """
save() {
  echo weights > "$GPUJOB_CKPT_DIR/m.bin"
  systemd-notify "X_GPUJOB_CHECKPOINT=$GPUJOB_CKPT_DIR/m.bin" X_GPUJOB_STEP=7
  echo "told $?"
}
trap save USR1
systemd-notify --ready --status="epoch 1 of 9"
echo "ready $?"
while :; do sleep 0.05; done
"""

# Neither flushes anything.
PRINTER = """
import os, signal, time
def save(*_):
    path = os.environ["GPUJOB_CKPT_DIR"] + "/m.json"
    with open(path, "w") as f:
        f.write("{}")
    print("gpujob: checkpoint", path)
signal.signal(signal.SIGUSR1, save)
print("hello")
while True:
    time.sleep(0.05)
"""


def read(path):
    with open(path) as f:
        return f.read()


class Talk(Case):
    def said(self, line):
        wait_until(lambda: line in self.vm.run("logs", "x").stdout.decode().split("\n"), f"it says: {line}")

    def begin(self, *command, **more):
        self.vm.ok("run", "-d", "--name", "x", "--", *command, **more)

    def saves(self, how):
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        view = self.vm.show("x")
        newest = view["checkpoints"][-1]
        self.assertEqual((view["state"], newest["confirmed"], newest["how"]), ("running", True, how))
        return newest

    def test_systemd_notify_with_its_barrier(self):
        if not shutil.which("systemd-notify"):
            self.skipTest("systemd-notify is not installed")
        self.begin("sh", "-c", NOTIFIER)
        self.said("ready 0")
        wait_until(lambda: self.vm.show("x")["status"] == "epoch 1 of 9", "its status is known")
        self.assertEqual(self.saves("notify")["step"], 7)
        self.said("told 0")

    def test_systemd_notify_is_heard_without_a_daemon(self):
        if not shutil.which("systemd-notify"):
            self.skipTest("systemd-notify is not installed")
        self.begin("sh", "-c", "until [ -e go ]; do sleep 0.05; done;" + NOTIFIER, cwd=self.root)
        log = self.vm.show("x")["log"]
        self.vm.ok("daemon", "stop")
        wait_until(lambda: self.vm.daemon_pid() is None, "the daemon is gone")
        open(self.path("go"), "w").close()
        wait_until(lambda: read(log) == "ready 0\n", "nobody keeps it waiting")
        wait_until(lambda: self.vm.show("x")["status"] == "epoch 1 of 9", "its status is known")

    def test_what_python_prints_is_seen_while_it_runs(self):
        self.vm.env.pop("PYTHONUNBUFFERED", None)
        self.begin(PYTHON, "-c", PRINTER)
        self.said("hello")
        self.saves("stdout")

    def test_a_python_that_was_told_to_buffer_does(self):
        self.begin(PYTHON, "-c", PRINTER, env={"PYTHONUNBUFFERED": ""})
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x")
        found = wait_until(lambda: [c for c in self.vm.show("x")["checkpoints"] if c["confirmed"]], "it saved")
        self.assertEqual(found[-1]["how"], "files")  # its word is still in its buffer
        self.assertEqual(self.vm.run("logs", "x").stdout, b"")


if __name__ == "__main__":
    main()
