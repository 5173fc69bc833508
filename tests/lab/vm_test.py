# SPDX-License-Identifier: Apache-2.0
"""VMs as the kernel makes them: a PID, mount and time namespace each, ended by the death of PID 1."""
import json
import os
import re
import signal
import subprocess
import unittest

from machine import BIN, PYTHON, SAVER, Case, main, wait_until

# The host has been up for half a day when the container starts: no session is that old.
UPTIME_S = 45000
UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--time",
           "--boottime", str(UPTIME_S)]


class Vm(Case):
    def setUp(self):
        super().setUp()
        probe = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            self.skipTest("unshare: " + probe.stderr.decode().strip() + ": needs CAP_SYS_ADMIN")

    def boot(self, script, **env):
        """A new VM whose PID 1 runs the script. It lives until that ends or is killed."""
        return subprocess.Popen([*UNSHARE, "sh", "-c", script], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=dict(self.vm.env, PATH=BIN + ":" + os.environ["PATH"], **env))

    def ran(self, script, **env):
        vm = self.boot(script, **env)
        out, err = vm.communicate(timeout=90)
        self.assertEqual(vm.returncode, 0, err)
        return out

    def test_the_session_is_as_old_as_pid_1_not_as_the_host(self):
        out = self.ran("cut -d. -f1 /proc/uptime; gpujob quota --json", GPUJOB_PLATFORM="kaggle")
        uptime, quota = out.split("\n", 1)
        self.assertGreaterEqual(int(uptime), UPTIME_S)
        session = json.loads(quota)["session"]
        self.assertEqual(session["limit_s"], 12 * 3600)
        self.assertLess(session["elapsed_s"], 60)
        self.assertEqual(session["start_source"], "pid1")

    def test_a_job_goes_on_when_the_whole_vm_died_in_one_instant(self):
        durable = self.path("durable")
        os.makedirs(durable)
        line = f"gpujob run -d --name x --take-over -- {PYTHON} {SAVER} 100000 >/dev/null"
        begin = f"gpujob daemon start --durable {durable} && {line}"
        # Until its handler is there, a request is refused or goes unanswered.
        save = "until gpujob checkpoint x --wait >/dev/null; do :; done"
        vm = self.boot(f"{begin} && {save} && echo saved && sleep 1000")
        self.assertEqual(vm.stdout.readline(), "saved\n")
        self.assertIsNone(vm.poll())
        vm.send_signal(signal.SIGKILL)  # unshare's end is PID 1's end, and that is everybody's
        vm.communicate()

        out = self.ran(f"{begin} && gpujob show x --json && "
                       "until gpujob logs x | grep -m1 begin; do :; done")
        view, end = json.JSONDecoder().raw_decode(out)
        self.assertEqual((view["attempt"], view["failures"], view["interruptions"]), (2, 0, 1))
        step = max(c["step"] for c in view["checkpoints"] if c["confirmed"])
        self.assertEqual(out[end:].strip(), f"begin {step}")
        self.assertGreater(step, 0)

    def container_is_stopped(self, platform, *flags):
        durable = self.path("durable" + platform + str(len(flags)))
        os.makedirs(durable)
        vm = self.boot(f"gpujob daemon start --durable {durable} 2>/dev/null; "
                       f"exec gpujob run {' '.join(flags)} --name x -- {PYTHON} {SAVER} 100000",
                       GPUJOB_PLATFORM=platform)
        first = wait_until(lambda: self.first_of(vm), "there is a first process")
        wait_until(lambda: self.among(first, SAVER.encode(), "SigCgt", signal.SIGUSR1), "the job can be asked")
        os.kill(int(first), signal.SIGTERM)
        out, err = vm.communicate(timeout=60)
        self.assertEqual(vm.returncode, 85, out + err)
        self.assertIn("the container is stopped: saving first", err)

    def first_of(self, vm):
        """unshare's child: PID 1 of the container, as we see it."""
        with open(f"/proc/{vm.pid}/task/{vm.pid}/children") as f:
            return next(iter(f.read().split()), None)

    def among(self, first, words, mask=None, number=0):
        """Processes of the VM whose command line has these words and whose signal mask has that signal."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f, open(f"/proc/{pid}/status") as g:
                    status = g.read()
                    mine = os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{first}/ns/pid")
                    has = not mask or int(re.search(mask + r":\s*(\w+)", status)[1], 16) & (1 << (number - 1))
                    if mine and has and words in f.read():
                        found.append(int(pid))
            except (OSError, TypeError):
                pass
        return found

    def test_term_to_the_first_process_of_a_container_saves_first(self):
        self.container_is_stopped("kubernetes")

    def test_term_to_the_first_process_where_no_platform_says_how_soon(self):
        self.container_is_stopped("generic")

    def test_term_to_the_first_process_before_its_job_is_submitted(self):
        # The kernel throws away what a PID 1 does not catch yet.
        os.makedirs(self.path("durable"))
        stop = "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */gpujobd) kill -STOP ${p#/proc/};; esac; done"
        vm = self.boot(f"gpujob daemon start --durable {self.path('durable')} 2>/dev/null; {stop}; "
                       f"exec gpujob run --name x -- {PYTHON} {SAVER} 100000",
                       GPUJOB_PLATFORM="kubernetes")  # which gives it 30 s
        first = wait_until(lambda: self.first_of(vm), "there is a first process")
        wait_until(lambda: self.among(first, b"gpujob\0run\0", "SigBlk", signal.SIGTERM), "TERM waits for it")
        os.kill(int(first), signal.SIGTERM)
        for daemon in self.among(first, b"gpujobd\0"):
            os.kill(daemon, signal.SIGCONT)
        _, err = vm.communicate(timeout=60)
        self.assertIn("the container is stopped: saving first", err)
        self.assertEqual(vm.returncode, 85, err)

    def test_term_to_the_first_process_that_serves_metrics(self):
        vm = self.boot("exec gpujob metrics --listen 0")
        self.assertRegex(vm.stdout.readline(), "^http://127.0.0.1:")
        os.kill(int(self.first_of(vm)), signal.SIGTERM)
        _, err = vm.communicate(timeout=60)
        self.assertEqual(vm.returncode, 0, err)

    def test_term_to_the_first_process_that_prints_json(self):
        self.container_is_stopped("generic", "--json")


if __name__ == "__main__":
    main()
