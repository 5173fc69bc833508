# SPDX-License-Identifier: Apache-2.0
"""gpujob bench with Pythons that answer, and with Pythons that do not. None of them needs PyTorch."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from machine import BIN, PYTHON, main, wait_until

GPUJOB = os.path.abspath(BIN) + "/gpujob"
LIMIT = 100
GOOD = {"torch": "2.1.0+cu121", "cpu": {"best_s": 0.012, "median_s": 0.0125, "runs": 80, "threads": 2},
        "gpus": [{"name": "Tesla T4", "best_s": 0.0003, "median_s": 0.00031, "runs": 200, "launch_s": 8e-6}]}
KERNEL = "measured with gpujob's own plain kernel"
# Plays PyTorch: a product is there 20 ms after the GPU was asked for it.
TORCH = '''
import time
__version__ = "9.9"
done_at = 0
class backends:
    class cuda:
        class matmul:
            allow_tf32 = True
class Tensor:
    device = "cpu"
    def to(self, device):
        moved = Tensor()
        moved.device = device
        return moved
def rand(rows, columns):
    assert (rows, columns) == (800, 800)
    return Tensor()
def matmul(a, b):
    global done_at
    assert a.device == b.device
    if a.device != "cpu":
        assert not backends.cuda.matmul.allow_tf32
        done_at = max(done_at, time.perf_counter()) + 0.02
    return a
def get_num_threads():
    return 3
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    @staticmethod
    def get_device_name(index):
        if index == 1:
            raise RuntimeError("out of memory\\nand more")
        return "Fake GPU"
    @staticmethod
    def synchronize(index):
        while time.perf_counter() < done_at:
            pass
'''


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class BenchTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.env = {"PATH": self.dir + "/bin"}
        os.mkdir(self.dir + "/bin")

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def fake(self, *lines, name="python"):
        return self.write(name, "\n".join(["#!/bin/sh", "PATH=/usr/bin:/bin", *lines, ""]))

    def start(self, *args):
        return subprocess.Popen([GPUJOB, "bench", *args], env=self.env, cwd=self.dir,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def bench(self, *args, code=0):
        p = self.start(*args)
        out, err = (b.decode() for b in p.communicate(timeout=LIMIT))
        self.assertEqual(p.returncode, code, out + err)
        return out, err

    def by_own_kernel(self, *args):
        """The one note why, of a bench that came to measure by the kernel."""
        out, err = self.bench("--json", *args)
        document = json.loads(out)
        self.assertEqual((document["by"], document["python"]), ("plain kernel", None))
        (cpu,) = document["measured"]
        self.assertEqual((cpu["device"], cpu["threads"]), ("cpu", 1))
        self.assertLessEqual(0, cpu["seconds_best"])
        self.assertLessEqual(cpu["seconds_best"], cpu["seconds_median"])
        self.assertEqual(err, "".join(f"gpujob: {note}\n" for note in document["notes"]))
        return err

    def test_what_pytorch_measured_is_shown_beside_the_published(self):
        python = self.fake('[ "$1" = -c ] && [ "$(readlink /proc/$$/fd/0)" = /dev/null ] || exit 9',
                           "echo a library says hello", f"echo '{json.dumps(GOOD)}'")
        out, err = self.bench("--python", python)
        self.assertEqual(err, "")
        for part in ("PyTorch 2.1.0+cu121", "12.5 ms", "Tesla T4", "a launch only", "7.78 s"):
            self.assertIn(part, out)
        self.assertLessEqual(max(map(len, out.replace(python, "").split("\n"))), 80)
        document = json.loads(self.bench("--json", "--python", python)[0])
        self.assertEqual((document["by"], document["python"]), ("PyTorch", python))
        self.assertEqual([m["device"] for m in document["measured"]], ["cpu", "gpu"])

    def test_the_gpu_is_waited_for_and_one_that_fails_is_named(self):
        os.mkdir(self.dir + "/fake")
        self.write("fake/torch.py", TORCH)
        self.write("torch.py", "raise SystemExit('what lies in the current directory is not loaded')")
        self.env["PYTHONPATH"] = self.dir + "/fake"
        out, err = self.bench("--json", "--python", PYTHON)
        document = json.loads(out)
        cpu, gpu = document["measured"]
        self.assertEqual((document["torch"], cpu["threads"], gpu["name"]), ("9.9", 3, "Fake GPU"))
        self.assertGreaterEqual(gpu["seconds_best"], 0.02)
        self.assertLess(gpu["seconds_launch"], 0.02)
        self.assertEqual(err, "gpujob: GPU: cuda:1: RuntimeError: out of memory: not measured\n")

    def test_a_python_without_pytorch_is_said(self):
        self.env["PYTHONPATH"] = self.dir
        self.write("torch.py", "import no_such_library_of_torch")
        self.assertIn(f"python: {PYTHON}: its PyTorch does not load (ModuleNotFoundError: No module named "
                      f"'no_such_library_of_torch'): {KERNEL}", self.by_own_kernel("--python", PYTHON))
        python = self.fake("""echo '{"no_torch": ""}'""")
        self.assertEqual(self.by_own_kernel("--python", python),
                         f"gpujob: python: {python}: has no PyTorch: {KERNEL}\n")

    def test_what_is_no_answer_is_said(self):
        for lines, why in (
                ((), "it says nothing"),
                (("echo hello",), "its answer is not understood (it: not JSON)"),
                (("printf '\\377\\000\\033[2J'",), "its answer is not understood (it: not JSON)"),
                (("head -c 10000000 /dev/zero",), "it says too much to be an answer"),
                (("yes >&2 | head -c 10000000 >/dev/null & exit 1",), "it ended with exit code 1"),
                (("echo one >&2", "echo two >&2", "exit 7"), "it ended with exit code 7 (two)"),
                (("kill -KILL $$",), "it ended with exit code 137")):
            with self.subTest(why):
                self.assertIn(f": {why}", self.by_own_kernel("--python", self.fake(*lines)))

    def test_what_cannot_be_started_is_said(self):
        for python, why in ((self.dir + "/nosuch", "cannot be started (No such file or directory)"),
                            (self.dir, "cannot be started (Permission denied)"),
                            (self.write("text", "no program"), "cannot be started (Exec format error)"),
                            ("nosuch", "not found on PATH")):
            self.assertEqual(self.by_own_kernel("--python", python), f"gpujob: python: {python}: {why}: {KERNEL}\n")

    def test_one_that_hangs_is_ended_with_all_it_started(self):
        python = self.fake("sleep 1000 & echo $$ $! > pids", "wait")
        self.assertIn("no answer in 0.5s (--timeout)", self.by_own_kernel("--python", python, "--timeout", "500ms"))
        with open(self.dir + "/pids") as f:
            for pid in f.read().split():
                wait_until(lambda: not is_running(pid), "what hung is gone")

    def test_ctrl_c_ends_it_and_the_python(self):
        python = self.fake("echo $$ > pid.new; mv pid.new pid", "sleep 1000")
        p = self.start("--python", python)
        wait_until(lambda: os.path.exists(self.dir + "/pid"), "Python runs")
        p.send_signal(signal.SIGINT)
        out, _ = p.communicate(timeout=LIMIT)
        self.assertEqual((p.returncode, out), (130, b""))
        with open(self.dir + "/pid") as f:
            pid = int(f.read())
        wait_until(lambda: not is_running(pid), "Python is gone")

    def test_the_first_python_on_path_is_asked_first(self):
        self.fake("echo '" + json.dumps(dict(GOOD, gpus=[])) + "'", name="bin/python3")
        out, err = self.bench("--json")
        self.assertEqual(json.loads(out)["python"], self.dir + "/bin/python3")
        self.assertEqual(err, "gpujob: GPU: PyTorch sees none: only the CPU is measured\n")

    def test_cpu_starts_no_python(self):
        self.fake("touch started", name="bin/python3")
        self.assertEqual(self.by_own_kernel("--cpu"), "")
        self.env.clear()
        self.assertIn("one thread, no BLAS", self.bench("--cpu")[0])
        self.assertFalse(os.path.exists(self.dir + "/started"))

    def test_a_wrong_line_is_exit_2(self):
        self.assertIn("bench: --timeout: ", self.bench("--timeout", "0", code=2)[1])
        self.assertIn("bench: --timeout: ", self.bench("--timeout", "soon", code=2)[1])
        self.assertIn("--cpu excludes --python", self.bench("--cpu", "--python", "x", code=2)[1])


if __name__ == "__main__":
    main()
