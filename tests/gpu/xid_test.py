# SPDX-License-Identifier: Apache-2.0
"""Errors of a GPU, from the driver (a double) to who has a job on it."""
import os
import signal

from gpus import DRIVER, Gpus, t4
from machine import PYTHON, Case, main, wait_until

ADVICE = "what job vit had there cannot be saved: end this session (the VM must go)"


class Xid(Case):
    def setUp(self):
        super().setUp()
        self.gpus = Gpus(self.root, DRIVER + t4(1) + t4(2))
        self.vm.env.update(self.gpus.env)
        self.vm.start("--on-warning", f'echo "$GPUJOB_WARNING" >>{self.path("told")}')

    def told(self):
        try:
            with open(self.path("told"), encoding="utf-8") as f:
                return [line for line in f.read().splitlines() if "Xid" in line]
        except FileNotFoundError:
            return []

    def probes(self):
        found = []
        for pid in self.vm.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().split(b"\0")[0].endswith(b"gpujob-gpuprobe"):
                        found.append(pid)
            except OSError:
                pass
        return found

    def test_an_xid_is_told_once_to_everybody_who_should_know(self):
        self.vm.ok("run", "-d", "--name", "vit", "--gpus", "device=0", "--", "sh", "-c",
                   "echo begun; exec sleep 1000")
        follower = self.vm.popen("attach", "vit")
        self.assertEqual(follower.stdout.readline(), b"begun\n")  # it watches
        self.addCleanup(follower.communicate)
        self.addCleanup(follower.kill)
        self.gpus.write(DRIVER + t4(1) + "xid 79\nlost\n" + t4(2))
        wait_until(self.told, "the warning goes out")
        self.assertTrue(self.told()[0].startswith("GPU 0: Xid 79: it has fallen off the bus: "), self.told())
        self.assertIn(ADVICE, self.told()[0])
        self.assertIn("lost: GPU is lost, Xid 79: off the bus",
                      self.vm.ok("top", "--once", env={"LC_ALL": "C", "COLUMNS": "80"}).stdout.decode())
        # Another probe begins to count at 0, and another error is news.
        old = self.probes()
        os.kill(old[0], signal.SIGKILL)
        wait_until(lambda: self.probes() not in ([], old), "another probe has come")
        wait_until(lambda: self.vm.json("gpu", "--history")["sampling"]["why"] is None, "GPUs are seen again")
        self.gpus.write(DRIVER + t4(1) + "xid 79\nlost\n" + t4(2) + "xid 63\n")
        wait_until(lambda: len(self.told()) > 1, "the other error is told")
        self.assertTrue(self.told()[1].startswith("GPU 1: Xid 63: "), self.told())
        self.assertIn("no job is on it", self.told()[1])
        self.assertEqual(len(self.told()), 2)
        events = [e for e in self.vm.json("report")["events"] if "Xid" in e["text"]]
        self.assertEqual([(e["kind"], e["name"] or None) for e in events], [("warning", "vit"), ("warning", None)])
        self.assertIn("Xid 79", self.vm.ok("report", "-o", "-", "--format", "md").stdout.decode())
        with open(self.vm.log, encoding="utf-8") as f:
            self.assertEqual(f.read().count("Xid 79"), 1)
        follower.kill()
        self.assertIn(b"Xid 79", follower.communicate()[1])

    def test_two_jobs_on_one_gpu_are_one_call_of_the_command(self):
        for name in ("a", "b"):
            self.vm.ok("run", "-d", "--name", name, "--gpus", "device=0", "--gpu-memory", "1G", "--", "sleep", "1000")
            self.vm.wait_state(name, "running")
        self.gpus.write(DRIVER + t4(1) + "xid 31\n" + t4(2))
        wait_until(self.told, "the warning goes out")
        self.gpus.write(DRIVER + t4(1) + "xid 31\n" + t4(2) + "xid 63\n")
        wait_until(lambda: any("GPU 1" in line for line in self.told()), "the other error is told")
        self.assertEqual(len([line for line in self.told() if "GPU 0" in line]), 1, self.told())
        self.assertIn("jobs a, b are on it", self.told()[0])

    def test_gpujob_gpu_shows_what_the_daemon_has_seen(self):
        os.mkdir(self.path("dev"))
        device = self.path("dev/nvidia0")
        with open(device, "w", encoding="utf-8"):
            pass
        hold = "import sys, time; gpu = open(sys.argv[1]); time.sleep(1000)"
        self.vm.ok("run", "-d", "--name", "vit", "--gpus", "device=0", "--", PYTHON, "-c", hold, device)
        pid = self.vm.wait_state("vit", "running")["pid"]
        self.gpus.write(DRIVER + t4(1) + f"process {pid} 1000000\nxid 48\n" + t4(2))
        wait_until(self.told, "the warning goes out")
        self.assertIn("what job vit is computing there may be wrong: ", self.told()[0])
        env = {"GPUJOB_GPU_DEVICES": self.path("dev/nvidia")}
        self.assertIn(b"GPU 0: Xid 48: memory error that could not be corrected",
                      wait_until(lambda: (out := self.vm.ok("gpu", env=env).stdout) and b" vit " in out and out,
                                 "the job is seen on it"))
        self.assertEqual([d["xid"] for d in self.vm.json("gpu", env=env)["devices"]],
                         [{"last": 48, "count": 1}, {"last": None, "count": 0}])
        counts = [line for line in self.vm.ok("metrics").stdout.decode().splitlines()
                  if line.startswith("gpujob_gpu_xid_errors_total{")]
        self.assertEqual([line.rsplit(" ", 1)[1] for line in counts], ["1", "0"], counts)
        # Who died of it is on it no more, and asks why.
        self.vm.ok("stop", "--now", "vit")
        self.gpus.write(DRIVER + t4(1) + t4(2))
        self.assertIn(b"GPU 0: Xid 48: ", self.vm.ok("gpu", env=env).stdout)


if __name__ == "__main__":
    main()
