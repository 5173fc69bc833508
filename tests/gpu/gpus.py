# SPDX-License-Identifier: Apache-2.0
"""GPUs that are none: scripts for the double of NVIDIA's library (nvml_double.cpp), AMD's sysfs."""
import os

from machine import BIN

NEW = os.path.join(os.path.dirname(BIN), "nvml-double/new/libnvidia-ml.so.1")
OLD = os.path.join(os.path.dirname(BIN), "nvml-double/old/libnvidia-ml.so.1")
PROBE = os.path.join(BIN, "gpujob-gpuprobe")

DRIVER = "driver 550.54.15\nnvml 12.550.54.15\ncuda 12040\n"
T4 = """gpu Tesla T4
uuid GPU-5f1c1d6a-0000-0000-0000-00000000000{n}
pci 00000000:00:0{n}.0
util 37 12
memory 16106127360 1073741824 268435456
temperature 41
power 27500 70000
clocks 585 585 5000 540
clocks_max 1590 1590 5001 1470
throttle 4
ecc 0 3 1 7
pcie 1 8 3 16
"""


def t4(n):
    return T4.format(n=n)


A100_MIG = """gpu NVIDIA A100-SXM4-40GB
uuid GPU-a100
pci 00000000:07:00.0
memory 42505273344 0 0
temperature 33
mig 1
mig_device MIG-one 3 0 5100273664 1048576 1g.5gb
mig_device MIG-two 4 1 5100273664 2097152 1g.5gb
process 501 1000000 3 0
process 502 2000000 4 1
"""


class Gpus:
    """A script for one test's double, and the environment that makes the probe open it."""

    def __init__(self, root, script="", library=NEW):
        self.script = os.path.join(root, "gpus")
        self.sysfs = os.path.join(root, "sys")
        self.write(script)
        self.env = {"GPUJOB_NVML": library, "NVML_DOUBLE": self.script, "GPUJOB_SYSFS": self.sysfs,
                    "GPUJOB_PROC": os.path.join(root, "proc")}

    def write(self, script):
        # Renamed: a probe that reads it meanwhile must not meet half of it.
        with open(self.script + ".new", "w", encoding="utf-8") as f:
            f.write(script)
        os.rename(self.script + ".new", self.script)

    def without_nvidia(self):
        self.env["GPUJOB_NVML"] = self.script + ".none"
        return self

    def add_amd(self, card, driver="amdgpu", **files):
        device = f"{self.sysfs}/class/drm/card{card}/device"
        files = {"uevent": f"DRIVER={driver}\nPCI_ID=1002:740C\nPCI_SLOT_NAME=0000:0{card}:00.0", **files}
        for name, text in files.items():
            path = os.path.join(device, name.replace("__", "/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(f"{text}\n")
