# SPDX-License-Identifier: Apache-2.0
"""What the daemon sees of GPUs that are a script's: the real daemon, the real probe, the double."""
import csv
import json
import os
import signal
import socket
import subprocess

from gpus import A100_MIG, DRIVER, Gpus, t4
from machine import PYTHON, Case, main, wait_until

TRAINER = """
import os, signal, sys, time
gpu = open(sys.argv[1])
def save(*_):
    os.makedirs(os.environ["GPUJOB_CKPT_DIR"], exist_ok=True)
    path = os.path.join(os.environ["GPUJOB_CKPT_DIR"], "model.safetensors")
    with open(path + ".tmp", "wb") as f:
        f.write((2).to_bytes(8, "little") + b"{}")
    os.rename(path + ".tmp", path)
signal.signal(signal.SIGUSR1, save)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(os.getpid()))
os.rename(sys.argv[2] + ".new", sys.argv[2])
while True:
    time.sleep(1000)
"""
UUID4 = "GPU-5f1c1d6a-0000-0000-0000-000000000004"


class Wire:
    """The daemon's own words, for what no verb shows."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rwb")
        self.call("hello", v=1, min_v=1, client="test")

    def call(self, method, **params):
        self.file.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        self.file.flush()
        line = self.file.readline()
        assert len(line) <= 65536, len(line)
        return json.loads(line)


class Sampler(Case):
    def setUp(self):
        super().setUp()
        self.gpus = Gpus(self.root)
        os.mkdir(self.path("dev"))
        self.device = self.path("dev/nvidia0")
        with open(self.device, "w", encoding="utf-8"):
            pass
        self.vm.env.update(self.gpus.env, GPUJOB_GPU_DEVICES=self.path("dev/nvidia"))

    def begin(self, script, *args):
        self.gpus.write(script)
        self.vm.start(*args)
        self.addCleanup(lambda: self.wire.socket.close())
        self.wire = Wire(self.vm.root + "/r/gpujobd.sock")

    def gpu(self, **params):
        answer = self.wire.call("gpu", **params)
        self.assertIn("result", answer)
        return answer["result"]

    def until(self, condition, what, **params):
        """The first answer of which this holds."""
        return wait_until(lambda: (g := self.gpu(**params)) and condition(g) and g, what)

    def probes(self):
        """The probes that live; a zombie has no command line."""
        found = []
        for pid in self.vm.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().split(b"\0")[0].endswith(b"gpujob-gpuprobe"):
                        found.append(pid)
            except OSError:
                pass
        return found

    def train(self, name="digits", *args):
        told = self.path(name)
        self.vm.ok("run", "-d", "--name", name, *args, "--", PYTHON, "-c", TRAINER, self.device, told)
        wait_until(lambda: os.path.exists(told), "the trainer has the GPU")
        with open(told, encoding="utf-8") as f:
            return int(f.read())

    def daemon_log(self):
        with open(self.vm.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def test_where_there_is_no_gpu_it_is_said_once_and_no_probe_stays(self):
        self.vm.env.update(self.gpus.without_nvidia().env)
        self.begin("")
        seen = self.until(lambda g: g["at"], "somebody has looked")
        self.assertEqual(seen["sampling"], {"every_s": None, "why": "no NVIDIA library, no amdgpu device"})
        self.assertEqual(seen["devices"], [])
        wait_until(lambda: not self.probes(), "the probe has ended")
        self.assertEqual(self.daemon_log().count("gpu: no NVIDIA library, no amdgpu device"), 1)
        done = self.vm.ok("gpu", "--history")
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"no history of a GPU: no NVIDIA library, no amdgpu device", done.stderr)

    def test_it_looks_every_second_while_something_changes_and_then_seldom(self):
        self.begin(DRIVER + t4(4))
        fast = self.until(lambda g: g["devices"], "a GPU was seen")
        self.assertEqual(fast["sampling"], {"every_s": 1.0, "why": None})
        one = self.probes()
        self.assertEqual(len(one), 1)
        slow = self.until(lambda g: g["sampling"]["every_s"] == 10.0, "it has calmed down")
        self.assertEqual(slow["devices"][0]["use_percent"], 37)
        self.assertEqual(slow["devices"][0]["idle_s"], 0.0)
        self.gpus.write(DRIVER + t4(4).replace("util 37", "util 0"))
        idle = self.until(lambda g: g["devices"][0]["use_percent"] == 0, "it is idle")
        self.assertEqual(idle["sampling"]["every_s"], 1.0)
        self.until(lambda g: g["devices"][0]["idle_s"] > 1, "it has been idle for a while")
        self.assertEqual(self.probes(), one, "the probe was replaced")

    def test_a_job_on_a_gpu_is_named_and_strangers_are_counted(self):
        self.begin(DRIVER + t4(4))
        stranger = subprocess.Popen(["/bin/sleep", "1000"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        pid = self.train()
        self.gpus.write(DRIVER + t4(4) + f"process {pid} 1000000\nprocess {stranger.pid} 2000\n")
        seen = self.until(lambda g: g["devices"] and g["devices"][0]["jobs"], "the job was seen")["devices"][0]
        job = self.vm.show("digits")["id"]
        self.assertEqual(seen["jobs"], [{"job": job, "name": "digits", "memory": 1000000}])
        self.assertEqual(seen["others"], 1)
        self.assertEqual(seen["uuid"], UUID4)
        self.assertEqual(self.gpu()["sampling"]["every_s"], 1.0)
        self.gpus.write(DRIVER + t4(4))
        self.until(lambda g: g["devices"][0]["jobs"] == [], "it has gone")

    def test_a_gpu_that_falls_off_the_bus_is_lost_and_hides_no_other(self):
        self.begin(DRIVER + t4(4) + t4(5))
        self.until(lambda g: len(g["devices"]) == 2, "both are there")
        self.gpus.write(DRIVER + t4(4) + t4(5) + "lost\n")
        seen = self.until(lambda g: g["devices"][1]["state"] == "lost", "it is lost")["devices"]
        self.assertEqual(seen[0]["state"], "ok")
        self.assertEqual((seen[1]["error"], seen[1]["use_percent"], seen[1]["idle_s"]), ("GPU is lost", None, None))

    def test_a_driver_that_hangs_is_given_up_replaced_and_told_once(self):
        self.begin(DRIVER + t4(4))
        self.until(lambda g: g["devices"], "a GPU was seen")
        old = self.probes()
        self.gpus.write(DRIVER + t4(4) + "hangs nvmlDeviceGetUtilizationRates\n")
        stuck = self.until(lambda g: g["sampling"]["why"], "it is given up")
        self.assertIn("no answer within 3.0s: does the GPU's driver hang?", stuck["sampling"]["why"])
        self.assertIsNone(stuck["sampling"]["every_s"])
        # Nobody waited for it.
        self.vm.ok("run", "--name", "other", "--", "/bin/true")
        wait_until(lambda: not self.probes(), "it is killed")
        self.gpus.write(DRIVER + t4(4))
        back = self.until(lambda g: g["sampling"]["why"] is None, "it is replaced")
        self.assertEqual(back["sampling"]["every_s"], 1.0)
        self.assertNotEqual(self.probes(), old)
        self.assertEqual(self.daemon_log().count("no answer within 3.0s"), 1)

    def test_a_probe_that_dies_is_replaced(self):
        self.begin(DRIVER + t4(4))
        self.until(lambda g: g["devices"], "a GPU was seen")
        old = self.probes()
        self.assertEqual(len(old), 1)
        os.kill(old[0], signal.SIGKILL)
        wait_until(lambda: self.probes() not in ([], old), "another one has come")
        self.until(lambda g: g["sampling"]["why"] is None, "GPUs are seen again")

    def test_without_the_probe_the_daemon_says_what_to_do(self):
        self.vm.own_programs()
        self.begin("")
        seen = self.until(lambda g: g["at"], "somebody has looked")
        self.assertIn("gpujob-gpuprobe: is not there: reinstall gpujob", seen["sampling"]["why"])

    def test_the_history_outlives_the_daemon_in_every_form(self):
        self.begin(DRIVER + t4(4) + t4(5))
        points = self.until(lambda g: g["history"] and len(g["history"][0]["points"]) >= 2, "there are samples",
                            history_s=3600)["history"]
        self.assertEqual([(p["gpu"], p["step_s"]) for p in points], [(UUID4, 1), (UUID4[:-1] + "5", 1)])
        at, *rest = points[0]["points"][0]
        self.assertEqual(rest, [37, 1073741824, 41, 27500])
        only = self.gpu(history_s=3600, gpu=UUID4)["history"]
        self.assertEqual({p["gpu"] for p in only}, {UUID4})
        self.vm.ok("daemon", "stop")
        wait_until(lambda: self.vm.daemon_pid() is None, "the daemon has ended")
        self.assertEqual(self.probes(), [], "the probe has not ended with it")
        self.gpus.write("init 9\n")
        self.vm.start()
        kept = self.vm.json("gpu", "--history", "30m")["history"]
        self.assertIn([at, *rest], kept[0]["points"])
        rows = list(csv.DictReader(self.vm.ok("gpu", "--history", "--csv").stdout.decode().splitlines()))
        self.assertEqual((rows[0]["gpu"], rows[0]["use_percent"], rows[0]["power_mw"]), (UUID4, "37", "27500"))
        for locale in ("C", "C.UTF-8"):
            text = self.vm.ok("gpu", "--history", "5m", env={"LC_ALL": locale}).stdout.decode()
            self.assertIn("37 % on average", text)
            self.assertEqual(text.isascii(), locale == "C")
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_a_history_comes_in_pages_that_fit_a_frame(self):
        """Three hours of four GPUs, written into the database of a daemon that is not there."""
        self.begin(DRIVER + t4(4))
        self.vm.ok("daemon", "stop")
        wait_until(lambda: self.vm.daemon_pid() is None, "the daemon has ended")
        fill = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1])
now = int(time.time())
for gpu in range(4):
    db.execute("INSERT INTO gpus VALUES (?, ?)", (gpu + 50, f"GPU-old-{gpu}"))
    for at in range(now - 3500, now):
        db.execute("INSERT INTO gpu_samples VALUES (1, ?, ?, 97, 16000000000, 71, 68000)", (at, gpu + 50))
    for at in range(now - 3 * 3600, now, 60):
        db.execute("INSERT INTO gpu_samples VALUES (60, ?, ?, NULL, NULL, NULL, NULL)", (at, gpu + 50))
db.commit()
"""
        subprocess.run([PYTHON, "-c", fill, self.vm.root + "/s/gpujob.db"], check=True)
        self.vm.start()
        wire = Wire(self.vm.root + "/r/gpujobd.sock")
        self.addCleanup(wire.socket.close)
        seen, cursor, pages = {}, None, 0
        while True:
            page = wire.call("gpu", history_s=4 * 3600, gpu=None, cursor=cursor)["result"]
            pages += 1
            for series in page["history"]:
                seen.setdefault((series["gpu"], series["step_s"]), []).extend(p[0] for p in series["points"])
            cursor = page["next"]
            if cursor is None:
                break
        self.assertGreater(pages, 5)
        for gpu in range(4):
            seconds, minutes = seen[f"GPU-old-{gpu}", 1], seen[f"GPU-old-{gpu}", 60]
            self.assertEqual(seconds, sorted(set(seconds)))
            self.assertGreaterEqual(len(seconds), 3400)
            self.assertEqual(minutes, sorted(set(minutes)))
            self.assertLessEqual(abs(len(minutes) - 120), 2)  # of the last hour there are seconds
        told = {(h["gpu"], h["step_s"]): h["points"] for h in self.vm.json("gpu", "--history", "4h")["history"]}
        self.assertEqual(len(told["GPU-old-0", 60]), len(seen["GPU-old-0", 60]))
        bad = wire.call("gpu", history_s=60, cursor="9:7:x")
        self.assertEqual(bad["error"]["data"]["errc"], "bad_data")

    def test_a_jobs_start_checkpoint_and_end_each_have_a_snapshot(self):
        self.begin(DRIVER + t4(4) + A100_MIG)
        self.until(lambda g: g["devices"], "a GPU was seen")
        self.train()

        def reasons():
            return [s["reason"] for s in self.vm.json("gpu", "--snapshots", "digits")["snapshots"]]
        wait_until(lambda: reasons() == ["start"], "its start was seen")
        wait_until(lambda: self.vm.show("digits")["catches"], "it catches the signal")
        self.vm.ok("checkpoint", "digits", "--wait")
        wait_until(lambda: reasons() == ["start", "checkpoint"], "its checkpoint was seen")
        self.vm.ok("stop", "--now", "digits")
        wait_until(lambda: reasons()[-1] == "end", "its end was seen")
        snapshot = self.vm.json("gpu", "--snapshots")["snapshots"][0]
        self.assertEqual((snapshot["job"], snapshot["attempt"]), (self.vm.show("digits")["id"], 1))
        self.assertEqual([d["uuid"] for d in snapshot["document"]["devices"]], [UUID4, "GPU-a100"])
        text = self.vm.ok("gpu", "--snapshots", "digits").stdout.decode()
        self.assertIn("0: 37 % 1.07 GB; 1: ?", text)
        self.vm.ok("rm", "digits")
        self.assertEqual(self.vm.json("gpu", "--snapshots")["snapshots"], [])

    def test_a_snapshot_says_which_job_and_keeps_no_command_line(self):
        self.begin(DRIVER + t4(4))
        pid = self.train("digits", "--env", "UNUSED=1")
        self.gpus.write(DRIVER + t4(4) + f"process {pid} 1000000000\n")
        self.until(lambda g: g["devices"][0]["jobs"], "the job is seen on the GPU")
        self.vm.ok("stop", "--now", "digits")
        snapshots = wait_until(lambda: [s for s in self.vm.json("gpu", "--snapshots", "digits")["snapshots"]
                                        if s["document"]["devices"][0]["processes"]], "one has processes")
        process = snapshots[0]["document"]["devices"][0]["processes"][0]
        self.assertEqual((process["job"]["name"], process["program"]), ("digits", None))

    def test_a_warning_of_the_sessions_end_has_a_snapshot(self):
        self.begin(DRIVER + t4(4), "--session-limit", "9h")
        self.until(lambda g: g["devices"], "a GPU was seen")
        self.train()
        self.vm.ok("notice", "--in", "10m", "maintenance")
        wait_until(lambda: "warning" in [s["reason"] for s in self.vm.json("gpu", "--snapshots")["snapshots"]],
                   "the warning was seen")

    def test_the_options_that_cannot_be_are_usage_errors(self):
        for args in (("--csv",), ("--history", "soon"), ("--history", "0"), ("--history", "--snapshots")):
            self.assertEqual(self.vm.run("gpu", *args).returncode, 2, args)


if __name__ == "__main__":
    main()
