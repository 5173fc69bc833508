# SPDX-License-Identifier: Apache-2.0
"""That real_gpu.py says what it looks at: on a GPU that is played, and where there is none."""
import contextlib
import io
import os
import sys
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../gpu")]
from gpus import DRIVER, Gpus, t4  # noqa: E402
from machine import PYTHON, Case, main  # noqa: E402
import real_gpu  # noqa: E402

# What TRAINER is to daemon and probe, without PyTorch.
PLAYED = """
import json, os, signal, sys, time
gpu = open(sys.argv[1])
def save(*_):
    path = os.path.join(os.environ["GPUJOB_CKPT_DIR"], "model.safetensors")
    with open(path + ".tmp", "wb") as f:
        f.write((2).to_bytes(8, "little") + b"{}")
    os.rename(path + ".tmp", path)
signal.signal(signal.SIGUSR1, save)
with open(sys.argv[2] + ".new", "w") as f:
    json.dump({"gpus": 1, "name": "Tesla T4", "visible": os.environ.get("CUDA_VISIBLE_DEVICES")}, f)
os.rename(sys.argv[2] + ".new", sys.argv[2])
while True:
    time.sleep(1000)
"""


class Played(real_gpu.RealGpu):
    def __init__(self, vm, train, gpus):
        super().__init__(vm, train)
        self.gpus = gpus

    def play(self, use, more=""):
        self.gpus.write(DRIVER + t4(0).replace("util 37", f"util {use}") + more)

    def compare(self):
        pass

    def training_began(self, pid):
        self.play(90, f"process {pid} 1000000\n")

    def rest(self, pid):
        self.play(0, f"process {pid} 1000000\n")

    def ended(self):
        self.play(0)


class RealGpuTest(Case):
    def play(self):
        gpus = Gpus(self.root)
        os.mkdir(self.path("dev"))
        device = self.path("dev/nvidia0")
        with open(device, "w", encoding="utf-8"):
            pass
        self.vm.env.update(gpus.env, GPUJOB_GPU_DEVICES=self.path("dev/nvidia"))
        played = Played(self.vm, [PYTHON, "-c", PLAYED, device], gpus)
        played.play(0)
        return played

    def test_every_check_holds_on_a_gpu_that_is_played(self):
        played = self.play()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            played.look(real_gpu.snapshot(self.vm.env))
            played.run()
        self.assertEqual(played.failed, [], said.getvalue())
        self.assertGreater(played.count, 15)
        self.assertIn("| Tesla T4, driver 550.54.15, CUDA 12.4, in ", played.row())
        self.assertIn(f"all {played.count} checks hold", played.row())

    def test_where_there_is_none_it_is_said_and_not_passed(self):
        for script, said in ((None, "no NVIDIA GPU here: not run (no NVIDIA library"),
                             (t4(0) + "lost\n", "no NVIDIA GPU that answers"),
                             (t4(0), "/bin/false: no PyTorch with CUDA: ")):
            with self.subTest(said):
                gpus = Gpus(self.root, DRIVER + (script or ""))
                env = gpus.env if script else gpus.without_nvidia().env
                with self.assertRaises(real_gpu.NotRun) as seen:
                    real_gpu.prepare("/bin/false", dict(self.vm.env, **env))
                self.assertIn(said, str(seen.exception))
                self.assertIn("not run", str(seen.exception))
        with mock.patch.object(real_gpu, "prepare", side_effect=real_gpu.NotRun("not run")), \
                mock.patch.object(sys, "argv", ["real_gpu.py"]), contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(real_gpu.main(), 77)
        self.assertEqual(out.getvalue(), "not run\n")


if __name__ == "__main__":
    main()
