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
        self.uvm = self.path("dev/nvidia-uvm")  # who computes has it open, too
        for file in (self.device, self.uvm):
            with open(file, "w", encoding="utf-8"):
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
        self.assertIn("3:1 MIG 1g.5gb, instance 4/1 2.1 MB of 5.1 GB".split(), rows)
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

    def inside(self, openers, *commands):
        """In a pid namespace of its own: opens the device as each of `openers` (its environment, its job's
        or none), then runs `commands`. Their replies, and the openers' pids there."""
        script = ""
        for environment in openers:
            script += (f'env {environment} sleep 1000 <"$device" 3<"$uvm" & last=$!; pids="$pids $last"; '
                       'until [ "$(readlink /proc/$last/exe)" = "$(readlink -f "$(command -v sleep)")" ]; do :; done; ')
        script += "echo $pids; " + " ; ".join(commands) + "; kill $pids"
        done = subprocess.run(["/usr/bin/unshare", "--fork", "--pid", "--mount-proc", "--map-root-user", "/bin/sh", "-c", script],
                              env=dict(self.vm.env, device=self.device, uvm=self.uvm, gpujob=os.path.join(self.vm.bin, "gpujob")),
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        pids, rest = done.stdout.decode().split("\n", 1)
        return [int(pid) for pid in pids.split()], rest

    def inside_json(self, openers):
        pids, said = self.inside(openers, '"$gpujob" gpu --json')
        return pids, json.loads(said)["devices"][0]["processes"]

    JOB_A = "GPUJOB_JOB_ID=j17 GPUJOB_JOB_NAME=digits"
    JOB_B = "GPUJOB_JOB_ID=j18 GPUJOB_JOB_NAME=mnist"

    def test_the_only_process_that_a_driver_lists_is_the_only_one_that_has_the_gpu_open(self):
        self.gpus.write(DRIVER + t4(4) + f"minor 0\nprocess {NO_PID} 3000000\n")
        (pid,), (process,) = self.inside_json([self.JOB_A])
        self.assertEqual((process["pid"], process["pid_here"], process["seen_by"]), (NO_PID, pid, "device"))
        self.assertEqual((process["here"], process["job"]["name"], process["one_of"]), (True, "digits", []))

    def test_two_of_two_jobs_are_one_of_them_and_of_one_job_are_its(self):
        self.gpus.write(DRIVER + t4(4) + f"minor 0\nprocess {NO_PID} 3000000\nprocess {NO_PID - 1} 3000000\n")
        pids, processes = self.inside_json([self.JOB_A, self.JOB_B])
        self.assertEqual([(p["here"], p["job"], p["one_of"]) for p in processes], [(False, None, pids)] * 2)
        pids, processes = self.inside_json([self.JOB_A, self.JOB_A])
        self.assertEqual([(p["here"], p["job"]["id"], p["one_of"]) for p in processes], [(True, "j17", pids)] * 2)
        _, text = self.inside([self.JOB_A, self.JOB_B], '"$gpujob" gpu')
        rows = self.rows(text)
        self.assertIn(["0", str(NO_PID), "3", "MB", "?", "one", "of", "2"], [row[:8] for row in rows])
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_where_a_driver_lists_nobody_who_has_the_gpu_open_is_found(self):
        for list_ in ("", "private_list\n"):
            with self.subTest(list_):
                self.gpus.write(DRIVER + t4(4) + "minor 0\n" + list_)
                (pid,), (process,) = self.inside_json([self.JOB_A])
                self.assertEqual((process["pid"], process["pid_here"], process["seen_by"]), (None, pid, "memory"))
                self.assertEqual((process["memory"], process["job"]["name"]), (1073741824, "digits"))
                pids, processes = self.inside_json([self.JOB_A, self.JOB_B])
                self.assertEqual([(p["pid_here"], p["memory"], p["seen_by"]) for p in processes],
                                 [(pid, None, "device") for pid in pids])
        _, text = self.inside([self.JOB_A], '"$gpujob" gpu')
        self.assertIn("1.07 GB digits memory sleep 1000".split(), [row[2:] for row in self.rows(text)])
        # A GPU whose memory nobody uses is used by nobody.
        self.gpus.write(DRIVER + t4(4).replace(" 1073741824 ", " 0 ") + "minor 0\n")
        self.assertEqual(self.inside_json([self.JOB_A])[1], [])

    def test_who_only_looks_at_a_gpu_or_has_another_open_is_not_meant(self):
        uvm = self.path("dev/nvidia-uvm")
        for other in (uvm, self.path("dev/nvidia1"), self.path("dev/nvidiactl")):
            with open(other, "w", encoding="utf-8"):
                pass
        self.gpus.write(DRIVER + t4(4) + f"minor 0\nprocess {NO_PID} 3000000\n")
        # Monitors have no uvm device open, who computes has.
        script = ('sleep 1000 <"$device" 3<"$device" & a=$!; sleep 1000 <"$device" 3<"$uvm" & b=$!; sleep 1000 <"$uvm" 3<"$one" & c=$!; '
                  'for p in $a $b $c; do until [ "$(readlink /proc/$p/exe)" = "$(readlink -f "$(command -v sleep)")" ]; do :; done; done; '
                  'echo $b; "$gpujob" gpu --json; kill $a $b $c')
        done = subprocess.run(["/usr/bin/unshare", "--fork", "--pid", "--mount-proc", "--map-root-user", "/bin/sh", "-c", script],
                              env=dict(self.vm.env, device=self.device, uvm=uvm, one=self.path("dev/nvidia1"),
                                       gpujob=os.path.join(self.vm.bin, "gpujob")), capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid, said = done.stdout.decode().split("\n", 1)
        (process,) = json.loads(said)["devices"][0]["processes"]
        self.assertEqual((process["pid_here"], process["one_of"]), (int(pid), []))

    def test_instances_errors_and_what_each_process_does(self):
        text, _ = self.shown(DRIVER + t4(4) + f"process {NO_PID} 99999999999\nsample {NO_PID} 100 9 100\n"
                             + A100_MIG.replace("42505273344", "425052733440"))
        rows = self.rows(text)
        self.assertIn("GPU PID USE MEMORY JOB TOLD BY PROGRAM".split(), rows)
        self.assertIn(["0", str(NO_PID), "100", "%", "100", "GB", "-", "(has", "ended)"], rows)
        self.assertIn("1:0 MIG 1g.5gb, instance 3/0 1.05 MB of 5.1 GB".split(), rows)

    def test_who_uses_an_amd_gpu_and_which_job(self):
        self.vm.env.update(self.gpus.without_nvidia().env)
        self.gpus.add_amd(0, mem_info_vram_total=68702699520, mem_info_vram_used=10932224)
        stranger = subprocess.Popen(["/bin/sleep", "1000"], env={"GPUJOB_JOB_ID": "j17", "GPUJOB_JOB_NAME": "digits"})
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        wait_until(lambda: os.readlink(f"/proc/{stranger.pid}/exe").endswith("sleep"), "it sleeps")
        for kind in ("fd", "fdinfo"):
            os.makedirs(f"{self.gpus.env['GPUJOB_PROC']}/{stranger.pid}/{kind}")
        os.symlink("/dev/dri/renderD128", f"{self.gpus.env['GPUJOB_PROC']}/{stranger.pid}/fd/5")
        with open(f"{self.gpus.env['GPUJOB_PROC']}/{stranger.pid}/fdinfo/5", "w", encoding="utf-8") as f:
            f.write("drm-driver:\tamdgpu\ndrm-pdev:\t0000:00:00.0\ndrm-memory-vram:\t8192 KiB\n")
        (process,) = self.processes("")
        self.assertEqual((process["pid"], process["memory"], process["seen_by"]), (stranger.pid, 8388608, "fdinfo"))
        self.assertEqual(process["job"]["name"], "digits")

    def test_a_driver_that_names_no_process_is_no_reason_to_show_nothing(self):
        self.assertIn(["0", "?", "5", "B", "-", "(has", "ended)"], self.rows(self.shown(DRIVER + t4(4) + "process 0 5\n")[0]))

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
