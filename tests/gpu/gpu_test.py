# SPDX-License-Identifier: Apache-2.0
"""gpujob gpu: what a user sees of GPUs that are a script's, and which job is said to use them."""
import json
import os
import subprocess
import time

from gpus import A100_MIG, DRIVER, NEW, OLD, PROBE, Gpus, t4
from machine import PYTHON, Case, main, wait_until

# A trainer that has the GPU open, as has its child, which is not given the environment.
TRAINER = """
import os, subprocess, sys, time
gpu = open(sys.argv[1])
child = subprocess.Popen(["/bin/sleep", "1000"], env={}, stdin=gpu)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[2] + ".new", sys.argv[2])
time.sleep(1000)
"""
NO_PID = 4194303  # one less than the kernel's largest possible


class Gpu(Case):
    def setUp(self):
        super().setUp()
        self.gpus = Gpus(self.root)
        os.mkdir(self.path("dev"))
        self.device = self.path("dev/nvidia0")
        with open(self.device, "w", encoding="utf-8"):
            pass
        self.vm.env.update(self.gpus.env, GPUJOB_GPU_DEVICES=self.path("dev/nvidia"))

    def shown(self, script):
        self.gpus.write(script)
        done = self.vm.ok("gpu")
        text = done.stdout.decode()
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
        return text, done.stderr.decode()

    def rows(self, text):
        return [line.split() for line in text.splitlines()]

    def train(self, name="digits"):
        """Its pid and its child's, once they have the GPU open."""
        told = self.path(name)
        self.vm.ok("run", "-d", "--name", name, "--", PYTHON, "-c", TRAINER, self.device, told)
        wait_until(lambda: os.path.exists(told), "the trainer has the GPU")
        with open(told, encoding="utf-8") as f:
            return [int(pid) for pid in f.read().split()]

    def processes(self, script):
        self.gpus.write(script)
        return [p for d in self.vm.json("gpu")["devices"] for p in d["processes"]]

    def test_no_gpu_is_said_once_and_is_no_failure(self):
        self.vm.env.update(self.gpus.without_nvidia().env)
        done = self.vm.ok("gpu")
        self.assertEqual((done.stdout, done.stderr), (b"no GPU: no NVIDIA library, no amdgpu device\n", b""))
        self.assertEqual(self.vm.json("gpu")["devices"], [])
        self.assertFalse(os.path.exists(self.vm.root + "/r"), "a daemon was started")

    def test_a_library_without_a_driver_is_no_gpu_and_says_why(self):
        self.gpus.write("init 9\n")
        self.assertEqual(self.vm.ok("gpu").stdout.decode().split(), ["no", "GPU:", *f"{NEW}: Driver Not Loaded".split()])

    def test_gpus_in_eighty_columns(self):
        text, _ = self.shown(DRIVER + t4(4) + t4(5).replace("throttle 4", "throttle 72").replace("ecc 0 3", "ecc 0 0")
                             + "lost\n" + "gpu NVIDIA RTX PRO 6000 Blackwell Server Edition With A Name\nutil 100 99\n"
                             "memory 102641958912 102541958912 1\ntemperature 100\npower 600000 600000\n" + A100_MIG
                             + f"process {NO_PID} 99999999999 4 1\n")
        lines = text.splitlines()
        self.assertEqual(lines[0], "driver 550.54.15, CUDA 12.4")
        self.assertEqual(lines[1].split(), ["GPU", "NAME", "USE", "MEMORY", "TEMP", "POWER"])
        rows = self.rows(text)
        self.assertIn("0 Tesla T4 37 % 1.07 GB of 16.1 GB 41 C 27 of 70 W".split(), rows)
        self.assertIn("1 ? lost".split(), rows)
        self.assertIn("2 NVIDIA RTX PRO 6000 Bla~ 100 % 103 GB of 103 GB 100 C 600 of 600 W".split(), rows)
        self.assertIn("3 NVIDIA A100-SXM4-40GB ? 0 B of 42.5 GB 33 C ?".split(), rows)
        self.assertIn("3:1 MIG, instance 4/1 2.1 MB of 5.1 GB".split(), rows)
        self.assertTrue(any(row[:4] == ["3:1", str(NO_PID), "100", "GB"] for row in rows), text)
        self.assertIn("GPU 0: held back: sw_power_cap\nGPU 0: 3 uncorrected memory errors", text)
        self.assertIn("GPU 1: off the bus (GPU is lost)", text)

    def test_an_old_driver_shows_what_it_has(self):
        self.vm.env["GPUJOB_NVML"] = OLD
        text, _ = self.shown(DRIVER + t4(4))
        self.assertIn("0 Tesla T4 37 % 1.34 GB of 16.1 GB 41 C 27 of 70 W".split(), self.rows(text))
        self.assertTrue(text.startswith("driver 550.54.15\n"), text)

    def test_an_amd_gpu_does_not_tell_who_uses_it(self):
        self.vm.env.update(self.gpus.without_nvidia().env)
        self.gpus.add_amd(0, gpu_busy_percent=63, mem_info_vram_total=68702699520, mem_info_vram_used=10932224)
        text, _ = self.shown("")
        self.assertIn("0 AMD GPU 1002:740C 63 % 10.9 MB of 68.7 GB ? ?".split(), self.rows(text))
        self.assertIn("GPU 0: does not tell who uses it\n", text)

    def test_a_process_is_joined_with_its_job(self):
        self.vm.start()
        pid, child = self.train()
        stranger = subprocess.Popen(["/bin/sleep", "1000"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        script = DRIVER + t4(4) + "".join(f"process {p} 1000000000\n" for p in (pid, child, stranger.pid))
        one, two, other = self.processes(script)
        job = self.vm.show("digits")
        self.assertEqual(one["job"], {"id": job["id"], "name": "digits", "state": "running", "told_by": "environment"})
        self.assertEqual(two["job"], dict(one["job"], told_by=f"ancestor {pid}"))
        self.assertEqual((one["here"], one["seen_by"], two["program"]), (True, "device", "/bin/sleep 1000"))
        self.assertIsNone(other["job"])
        rows = self.rows(self.shown(script)[0])
        self.assertIn(["0", str(pid), "1", "GB", "digits", "environment"], [row[:6] for row in rows])
        self.assertIn(["0", str(child), "1", "GB", "digits", "ancestor", str(pid), "sleep", "1000"], rows)

    def test_without_a_daemon_the_environment_names_the_job(self):
        self.vm.start()
        pid, _ = self.train("mnist")
        job = self.vm.show("mnist")
        self.vm.ok("daemon", "stop")
        wait_until(lambda: self.vm.daemon_pid() is None, "the daemon has ended")
        found = self.processes(DRIVER + t4(4) + f"process {pid} 5\n")[0]["job"]
        self.assertEqual(found, {"id": job["id"], "name": "mnist", "state": None, "told_by": "environment"})
        self.assertIsNone(self.vm.daemon_pid(), "it was started")

    def test_in_a_container_the_hosts_pids_are_not_ours_to_name(self):
        """Pid 1 is there, but the driver means another one; only who has the GPU open is named."""
        self.gpus.write(DRIVER + t4(4) + f"process 1 1000000\nprocess 2 2000000\nprocess {NO_PID} 3000000\n")
        inside = ["/usr/bin/unshare", "--fork", "--pid", "--mount-proc", "--map-root-user", "/bin/sh", "-c",
                  'GPUJOB_JOB_ID=j17 GPUJOB_JOB_NAME=inside sleep 1000 <"$1" & shift; '
                  'until grep -qs GPUJOB_JOB_ID /proc/$!/environ; do sleep 0.02; done; '
                  '"$@" gpu --json && "$@" gpu; kill $!', "sh", self.device, os.path.join(self.vm.bin, "gpujob")]
        done = subprocess.run(inside, env=self.vm.env, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        said, at = json.JSONDecoder().raw_decode(done.stdout.decode())
        shell, sleeper, nobody = said["devices"][0]["processes"]
        self.assertEqual(said["pid_namespace"], "other")
        self.assertEqual([p["here"] for p in (shell, sleeper, nobody)], [False, True, False])
        self.assertEqual((shell["program"], shell["job"], sleeper["seen_by"]), (None, None, "device"))
        self.assertEqual(sleeper["job"]["name"], "inside")
        text = done.stdout.decode()[at:]
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        rows = self.rows(text)
        self.assertIn("0 1 1 MB - (not ours to name)".split(), rows)
        self.assertIn("0 2 2 MB inside environment sleep 1000".split(), rows)
        self.assertIn("a container: the driver may report the host's pids", text)

    def test_a_driver_that_hangs_hangs_nobody(self):
        self.gpus.write(DRIVER + t4(4) + "hangs nvmlDeviceGetUtilizationRates\n")
        begin = time.monotonic()
        done = self.vm.run("gpu")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"gpu: the driver did not answer within 3 s: ", done.stderr)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(self.vm.processes(), [], "the probe is still there")
        self.assertEqual(json.loads(self.vm.run("gpu", "--json").stdout)["error"]["errc"], "io")

    def test_a_library_that_takes_the_probe_down_is_told(self):
        self.gpus.write("this is no line of a script\n")  # the double aborts
        done = self.vm.run("gpu")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"gpu: gpujob-gpuprobe: ended with 134: nvml double: this is no line", done.stderr)

    def test_without_the_probe_it_says_what_to_do(self):
        self.assertTrue(os.path.exists(PROBE))
        self.vm.own_programs()
        self.vm.env["PATH"] = "/bin"
        done = self.vm.run("gpu")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"gpujob-gpuprobe: neither beside gpujob nor on PATH: reinstall gpujob", done.stderr)


if __name__ == "__main__":
    main()
