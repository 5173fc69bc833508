# SPDX-License-Identifier: Apache-2.0
"""gpujob-gpuprobe and a library of NVIDIA's that is ours: what it says, and what it does not say."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
import unittest

from gpus import A100_MIG, DRIVER, NEW, OLD, PROBE, Gpus, t4
from machine import BIN, main, wait_until

SNAPSHOT = b'{"op":"snapshot"}'


class Probe(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.root)
        self.assertTrue(os.path.exists(NEW) and os.path.exists(OLD), "the doubles are not built")

    def gpus(self, script="", library=NEW):
        return Gpus(self.root, script, library)

    def ask_all(self, gpus, requests):
        done = subprocess.run([PROBE], input=requests, env=gpus.env, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def look(self, script, library=NEW):
        reply = self.ask(self.stay(self.gpus(script, library)))
        self.assertTrue(reply["ok"], reply)
        return reply

    def stay(self, gpus):
        probe = subprocess.Popen([PROBE], env=gpus.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(probe.stdout.close)
        self.addCleanup(probe.stdin.close)
        self.addCleanup(probe.wait)
        self.addCleanup(probe.kill)
        return probe

    def ask_once(self, probe):
        probe.stdin.write(SNAPSHOT + b"\n")
        probe.stdin.flush()
        return probe.stdout.readline()

    def ask(self, probe):
        return json.loads(self.ask_until_owners_are_known(probe))

    def ask_until_owners_are_known(self, probe):
        """The line. A look waits a second for /proc, which on a loaded machine may be too little."""
        lines = []

        def known():
            lines.append(self.ask_once(probe))
            return json.loads(lines[-1]).get("owners_known", True)
        wait_until(known, "the owners are known")
        self.assertLess(len(lines), 10, "a search that goes on is found done by a later look")
        return lines[-1]

    def test_everything_that_two_gpus_say(self):
        said = self.look(DRIVER + t4(4) + "process 4194291 1000000\nprocess 4194292 -\ngraphics 4194293 5\n"
                         "mps 4194294 6\n" + t4(5))  # nobody's here: near the largest that the kernel gives
        self.assertEqual({k: said[k] for k in ("driver", "cuda", "nvml", "library", "why")},
                         {"driver": "550.54.15", "cuda": "12.4", "nvml": "12.550.54.15", "library": NEW, "why": None})
        self.assertEqual(len(said["devices"]), 2)
        self.assertEqual(said["devices"][0], {
            "vendor": "nvidia", "index": 0, "state": "ok", "error": None,
            "uuid": "GPU-5f1c1d6a-0000-0000-0000-000000000004", "name": "Tesla T4", "pci": "00000000:00:04.0",
            "utilization": {"gpu": 37, "memory": 12},
            "memory": {"total": 16106127360, "used": 1073741824, "free": 14763950080, "reserved": 268435456},
            "temperature_c": 41, "power_mw": 27500, "power_limit_mw": 70000,
            "clocks_mhz": {"graphics": 585, "sm": 585, "memory": 5000, "video": 540},
            "clocks_max_mhz": {"graphics": 1590, "sm": 1590, "memory": 5001, "video": 1470},
            "throttle": ["sw_power_cap"],
            "ecc": {"enabled": True, "corrected": 0, "uncorrected": 3, "corrected_ever": 1, "uncorrected_ever": 7},
            "pcie": {"generation": 1, "generation_max": 3, "width": 8, "width_max": 16},
            "minor": None, "xid": {"last": None, "count": 0}, "processes_left_out": 0,
            "mig": {"enabled": None, "devices": []},
            "processes": [{"pid": pid, "kind": kind, "memory": memory, "gpu_instance": None, "compute_instance": None,
                           "utilization": {"gpu": None, "memory": None}, "here": False, "pid_here": None,
                           "one_of": [], "seen_by": None, "program": None, "job": None}
                          for pid, kind, memory in ((4194291, "compute", 1000000), (4194292, "compute", None),
                                                    (4194293, "graphics", 5), (4194294, "mps", 6))]})
        self.assertEqual((said["devices"][1]["index"], said["devices"][1]["processes"]), (1, []))

    def test_what_a_gpu_does_not_support_is_unknown_and_never_zero(self):
        device = self.look("gpu Quadro\nfails nvmlDeviceGetComputeRunningProcesses_v3 4\n"
                           "fails nvmlDeviceGetGraphicsRunningProcesses_v3 4\n"
                           "fails nvmlDeviceGetMPSComputeRunningProcesses_v3 4\n"
                           "fails nvmlDeviceRegisterEvents 3\n")["devices"][0]

        def leaves(value):
            return [x for v in value.values() for x in leaves(v)] if isinstance(value, dict) else [value]
        told = {k: device.pop(k) for k in ("vendor", "index", "state", "name")}
        self.assertEqual(told, {"vendor": "nvidia", "index": 0, "state": "ok", "name": "Quadro"})
        self.assertEqual((device["mig"].pop("devices"), device.pop("processes_left_out")), ([], 0))
        self.assertEqual(set(leaves(device)), {None})

    def test_a_zero_that_is_said_is_a_zero(self):
        device = self.look("gpu idle\nutil 0 0\nthrottle 0\necc 0 0 0 0\n")["devices"][0]
        self.assertEqual((device["utilization"], device["throttle"], device["ecc"]["corrected"]),
                         ({"gpu": 0, "memory": 0}, [], 0))

    def test_an_old_library_without_the_newer_functions(self):
        said = self.look(DRIVER + t4(4) + "process 4711 1000000\nprocess 4712 2000000\n", OLD)
        self.assertEqual((said["driver"], said["cuda"]), ("550.54.15", None))
        device = said["devices"][0]
        self.assertEqual(device["memory"], {"total": 16106127360, "used": 1342177280, "free": 14763950080,
                                            "reserved": None})
        self.assertEqual((device["pci"], device["mig"]["enabled"]), ("0000:00:04.0", None))
        self.assertEqual((device["power_limit_mw"], device["throttle"]), (70000, ["sw_power_cap"]))
        self.assertEqual([(p["pid"], p["memory"], p["gpu_instance"]) for p in device["processes"]],
                         [(4711, 1000000, None), (4712, 2000000, None)])

    def test_entries_of_any_size_that_drivers_write(self):
        for size in (16, 24, 32):
            for count in (1, 2, 64, 200):  # more than asked for at first, too
                with self.subTest(size=size, count=count):
                    script = f"process_bytes {size}\ngpu x\n" + "".join(
                        f"process {100 + i} {5000 + i}\n" for i in range(count))
                    got = self.look(script)["devices"][0]["processes"]
                    self.assertEqual([(p["pid"], p["memory"], p["gpu_instance"]) for p in got],
                                     [(100 + i, 5000 + i, None) for i in range(count)])

    def test_who_computes_and_draws_is_listed_once(self):
        script = (DRIVER + t4(4) + "process 4711 1000000\nprocess 4712 -\nprocess 4713 7\nprocess 0 1\n"
                  "graphics 4711 1000000\ngraphics 4712 5\ngraphics 4714 3\ngraphics 0 2\nmps 4713 7\n")
        for library in NEW, OLD:
            with self.subTest(library):
                got = self.look(script, library)["devices"][0]["processes"]
                self.assertEqual([(p["pid"], p["kind"], p["memory"]) for p in got],
                                 [(4711, "compute", 1000000), (4712, "compute", 5), (4713, "compute", 7),
                                  (None, "compute", 1), (4714, "graphics", 3), (None, "graphics", 2)])

    def test_mig_devices_and_whose_they_are(self):
        for private in ("", "private_list\n"):
            with self.subTest(private):
                device = self.look(DRIVER + A100_MIG + private)["devices"][0]
                self.assertEqual(device["mig"]["enabled"], True)
                self.assertEqual([(m["index"], m["uuid"], m["gpu_instance"], m["compute_instance"],
                                   m["memory"]["used"]) for m in device["mig"]["devices"]],
                                 [(0, "MIG-one", 3, 0, 1048576), (1, "MIG-two", 4, 1, 2097152)])
                self.assertEqual([(p["pid"], p["gpu_instance"], p["compute_instance"]) for p in device["processes"]],
                                 [(501, 3, 0), (502, 4, 1)])
                self.assertIsNone(device["utilization"]["gpu"])

    def test_a_gpu_that_is_off_the_bus_hides_no_other(self):
        for how, name in (("lost\n", None), ("fails nvmlDeviceGetMemoryInfo 15\n", "Tesla T4")):
            with self.subTest(how):
                one, two = self.look(DRIVER + t4(4) + how + t4(5))["devices"]
                self.assertEqual((one["state"], one["error"], one["name"]), ("lost", "GPU is lost", name))
                self.assertIsNone(one["temperature_c"])
                self.assertEqual((two["state"], two["temperature_c"]), ("ok", 41))

    def test_a_gpu_that_falls_off_between_two_looks_is_still_known_by_name(self):
        gpus = self.gpus(DRIVER + t4(4) + t4(5))
        probe = self.stay(gpus)
        self.assertEqual([d["state"] for d in self.ask(probe)["devices"]], ["ok", "ok"])
        gpus.write(DRIVER + t4(4) + "lost\n" + t4(5))
        one, two = self.ask(probe)["devices"]
        self.assertEqual((one["state"], one["name"], one["pci"]), ("lost", "Tesla T4", "00000000:00:04.0"))
        self.assertEqual((one["utilization"]["gpu"], two["utilization"]["gpu"]), (None, 37))
        gpus.write(DRIVER + t4(5))
        self.assertEqual([d["uuid"][-1] for d in self.ask(probe)["devices"]], ["5"])

    def test_a_driver_that_comes_later_is_seen_then(self):
        gpus = self.gpus("init 9\n")
        probe = self.stay(gpus)
        said = self.ask(probe)
        self.assertEqual((said["ok"], said["devices"], said["why"]), (True, [], NEW + ": Driver Not Loaded"))
        gpus.write(DRIVER + "count_fails 18\n")
        self.assertEqual(self.ask(probe)["why"], NEW + ": Driver/library version mismatch")
        gpus.write(DRIVER + t4(4))
        said = self.ask(probe)
        self.assertEqual((len(said["devices"]), said["why"]), (1, None))

    def test_no_gpu_and_broken_libraries(self):
        gpus = self.gpus().without_nvidia()
        said = self.ask_all(gpus, SNAPSHOT)[0]
        self.assertIn(said.pop("pid_namespace"), ("first", "other"))
        self.assertTrue(said.pop("owners_known"))
        self.assertEqual(said, {
            "ok": True, "devices": [], "why": "no NVIDIA library, no amdgpu device",
            "driver": None, "cuda": None, "nvml": None, "library": None})
        self.assertEqual(self.look(DRIVER)["why"], NEW + ": sees no GPU")
        for name, bytes_ in (("text", b"not a library"), ("empty", b"")):
            path = os.path.join(self.root, name)
            with open(path, "wb") as f:
                f.write(bytes_)
            said = self.look("", path)
            self.assertEqual(said["devices"], [])
            self.assertIn(path, said["why"])
        found = [f"/lib/x86_64-linux-gnu/{n}" for n in ("libc.so.6", "libm.so.6")]
        said = self.look("", next(f for f in found if os.path.exists(f)))
        self.assertIn("is no NVML", said["why"])

    def test_an_amd_gpu_by_its_sysfs(self):
        gpus = self.gpus().without_nvidia()
        gpus.add_amd(1, gpu_busy_percent=63, mem_busy_percent=7, mem_info_vram_total=68702699520,
                     mem_info_vram_used=10932224, product_name="AMD Instinct MI210", unique_id="71d3a1",
                     hwmon__hwmon4__temp1_input=36000, hwmon__hwmon4__power1_average=40500000,
                     hwmon__hwmon4__power1_cap=300000000, hwmon__hwmon4__freq1_input=800000000,
                     current_link_speed="16.0 GT/s PCIe", current_link_width=16,
                     pp_dpm_sclk="0: 500Mhz\n1: 800Mhz *\n2: 1700Mhz", pp_dpm_mclk="nonsense\n:\n1:",
                     ras__umc_err_count="ue: 2\nce: 17")
        gpus.add_amd(0, hwmon__hwmon3__power1_input=9000000)
        gpus.add_amd(2, driver="i915", gpu_busy_percent=1)
        os.makedirs(gpus.sysfs + "/class/drm/card1-HDMI-A-1/device")
        said = self.ask_all(gpus, SNAPSHOT)[0]
        self.assertEqual((len(said["devices"]), said["why"]), (2, None))
        bare, full = said["devices"]
        self.assertEqual((full["vendor"], full["index"], full["name"], full["uuid"], full["pci"]),
                         ("amd", 1, "AMD Instinct MI210", "GPU-71d3a1", "0000:01:00.0"))
        self.assertEqual((full["utilization"], full["memory"]["used"], full["memory"]["free"]),
                         ({"gpu": 63, "memory": 7}, 10932224, 68691767296))
        self.assertEqual((full["temperature_c"], full["power_mw"], full["power_limit_mw"]), (36, 40500, 300000))
        self.assertEqual((full["clocks_mhz"]["graphics"], full["pcie"]["generation"], full["pcie"]["width"]),
                         (800, 4, 16))
        self.assertEqual((full["clocks_max_mhz"]["graphics"], full["clocks_max_mhz"]["memory"]), (1700, None))
        self.assertEqual((full["ecc"]["uncorrected"], full["ecc"]["corrected"], bare["ecc"]["enabled"]), (2, 17, None))
        self.assertIsNone(full["processes"])
        self.assertEqual((bare["name"], bare["power_mw"], bare["temperature_c"], bare["utilization"]["gpu"]),
                         ("AMD GPU 1002:740C", 9000, None, None))
        self.assertEqual(set(bare), set(full))

    def test_numbers_that_make_no_sense_are_unknown(self):
        """Nor do they keep a reader from all the rest: 2^63 bytes, a pid of 2^32 - 1, a pid of 0."""
        device = self.look("gpu x\nmemory 18446744073709551614 9223372036854775808 0\nutil 4294967295 101\n"
                           "ecc 18446744073709551615 1 2 3\n"
                           "process 4294967295 9223372036854775809\nprocess 0 5\n")["devices"][0]
        self.assertEqual((device["memory"]["total"], device["memory"]["used"]), (None, None))
        self.assertEqual(device["utilization"], {"gpu": None, "memory": None})
        self.assertEqual((device["ecc"]["corrected"], device["ecc"]["uncorrected"]), (None, 1))
        self.assertEqual([(p["pid"], p["memory"]) for p in device["processes"]], [(None, None), (None, 5)])

    def test_an_answer_fits_a_frame_however_many_use_the_gpus(self):
        script = "".join(t4(n % 10) + "".join(f"process {1000 * n + i} {i}\n" for i in range(250)) for n in range(16))
        line = self.ask_until_owners_are_known(self.stay(self.gpus(DRIVER + script)))
        self.assertLess(len(line), 64 * 1024)
        devices = json.loads(line)["devices"]
        self.assertEqual(len(devices), 16)
        for device in devices:
            kept = [p["memory"] for p in device["processes"]]
            self.assertGreater(len(kept), 0)
            self.assertEqual(len(kept) + device["processes_left_out"], 250)
            self.assertEqual(kept, list(range(249, 249 - len(kept), -1)), "who uses most is told of")

    def test_a_library_that_hangs_at_its_end_keeps_nobody(self):
        done = subprocess.run([PROBE], input=SNAPSHOT, env=self.gpus(t4(4) + "hangs_shutdown\n").env,
                              capture_output=True, timeout=20)
        self.assertEqual((done.returncode, json.loads(done.stdout)["devices"][0]["name"]), (0, "Tesla T4"))

    def test_a_gpu_that_falls_off_while_its_instances_are_asked_is_lost(self):
        device = self.look(DRIVER + A100_MIG + "fails nvmlDeviceGetGpuInstanceId 15\n")["devices"][0]
        self.assertEqual((device["state"], device["error"]), ("lost", "GPU is lost"))

    def test_what_a_process_does_is_its_newest_sample(self):
        gpus = self.gpus(t4(4) + "process 11 5\nprocess 12 5\nprocess 13 5\nprocess 14 5\nsample 11 10 1 900\n"
                         "sample 11 64 9 100\nsample 11 20 2 500\nsample 12 300 7 100\nsample 13 50 5 60000\n"
                         "sample 14 0 0 100\nsample 99 1 1 100\n")
        probe = self.stay(gpus)

        def used():
            return [(p["utilization"]["gpu"], p["utilization"]["memory"]) for p in self.ask(probe)["devices"][0]["processes"]]
        self.assertEqual(used(), [(64, 9), (None, 7), (None, None), (0, 0)])
        # Nothing newer than what was told is not told again.
        gpus.write(t4(4) + "process 11 5\nsample 11 64 9 1500\n")
        self.assertEqual(used(), [(None, None)])
        # A time that cannot be does not silence those that can.
        gpus.write(t4(4) + "process 11 5\nsample 11 33 3 0\n")
        self.assertEqual(used(), [(33, 3)])
        gpus.write(t4(4) + "process 11 5\nsample 11 34 4 1\n")
        wait_until(lambda: used() == [(34, 4)], "a sample of a millisecond ago is newer than the last look")

    def test_more_samples_than_there_is_room_for_at_first(self):
        device = self.look("gpu x\nprocess 11 5\n" + "sample 12 1 1 900\n" * 254 + "sample 11 5 6 100\n")["devices"][0]
        self.assertEqual(device["processes"][0]["utilization"], {"gpu": 5, "memory": 6})

    def test_xid_errors_since_the_probe_began(self):
        for library in (NEW, OLD):
            with self.subTest(library):
                gpus = self.gpus(t4(4) + "xid 13\n" + t4(5) + "fails nvmlDeviceRegisterEvents 3\n", library)
                probe = self.stay(gpus)
                self.assertEqual([d["xid"] for d in self.ask(probe)["devices"]], [{"last": None, "count": 0}, None])
                gpus.write(t4(4) + "xid 13\nxid 31\nxid 79\nlost\n" + t4(5) + "xid 43\n")
                one, two = self.ask(probe)["devices"]
                self.assertEqual((one["state"], one["xid"], two["xid"]), ("lost", {"last": 79, "count": 2}, None))
                self.assertEqual(self.ask(probe)["devices"][0]["xid"], {"last": 79, "count": 2})

    def test_the_names_of_instances_and_the_number_of_the_device(self):
        said = self.look(DRIVER + A100_MIG + "minor 3\n")["devices"][0]
        self.assertEqual([m["name"] for m in said["mig"]["devices"]], ["NVIDIA A100-SXM4-40GB MIG 1g.5gb"] * 2)
        self.assertEqual(said["minor"], 3)

    def amd_with(self, gpus, clients):
        """Processes of a /proc that is none, each with its open files: (where it leads, its fdinfo)."""
        for pid, files in clients.items():
            for kind in ("fd", "fdinfo"):
                os.makedirs(f"{self.root}/proc/{pid}/{kind}", exist_ok=True)
            for n, (target, info) in enumerate(files):
                os.symlink(target, f"{self.root}/proc/{pid}/fd/{n}")
                with open(f"{self.root}/proc/{pid}/fdinfo/{n}", "w", encoding="utf-8") as f:
                    f.write(info)
        gpus.env["GPUJOB_PROC"] = self.root + "/proc"

    def test_who_uses_an_amd_gpu_by_what_the_kernel_tells_of_open_files(self):
        def info(pdev, client, memory, key="drm-memory-vram", busy=0):
            return (f"pos:\t0\nflags:\t02100002\ndrm-driver:\tamdgpu\ndrm-client-id:\t{client}\ndrm-pdev:\t{pdev}\n"
                    f"{key}:\t{memory}\ndrm-engine-compute:\t{busy} ns\n")
        gpus = self.gpus().without_nvidia()
        gpus.add_amd(0, mem_info_vram_total=17163091968)
        gpus.add_amd(1, mem_info_vram_total=17163091968)
        node = "/dev/dri/renderD128"
        one, two = "0000:00:00.0", "0000:01:00.0"
        self.amd_with(gpus, {
            # The same client through two files counts once; a second client of the process is added.
            71: [(node, info(one, 5, "1024 KiB")), (node, info(one, 5, "1024 KiB")),
                 (node, info(one, 6, "2 MiB", "drm-resident-vram"))],
            72: [(node, info(two, 7, "4096"))],
            73: [("/dev/null", info(one, 8, "4096")), ("/dev/dri/card9", info("0000:09:00.0", 9, "1"))],
            74: [(node, info(one, 10, "much"))],
        })
        said = [[(p["pid"], p["memory"], p["kind"]) for p in d["processes"]] for d in self.ask_all(gpus, SNAPSHOT)[0]["devices"]]
        self.assertEqual(said, [[(71, 3145728, "compute"), (74, None, "compute")], [(72, 4096, "compute")]])

    def test_an_amd_driver_that_tells_nothing_of_open_files_is_unknown(self):
        gpus = self.gpus().without_nvidia()
        gpus.add_amd(0)
        self.amd_with(gpus, {71: [("/dev/dri/renderD128", "pos:\t0\nflags:\t02\n")]})
        self.assertIsNone(self.ask_all(gpus, SNAPSHOT)[0]["devices"][0]["processes"])

    def test_what_an_amd_process_does_is_its_engines_between_two_looks(self):
        gpus = self.gpus().without_nvidia()
        gpus.add_amd(0)
        line = "drm-driver:\tamdgpu\ndrm-client-id:\t5\ndrm-pdev:\t0000:00:00.0\ndrm-engine-compute:\t{} ns\n"
        self.amd_with(gpus, {71: [("/dev/dri/renderD128", line.format(1000))]})
        probe = self.stay(gpus)

        def used():
            return self.ask(probe)["devices"][0]["processes"][0]["utilization"]["gpu"]
        self.assertIsNone(used())
        self.assertEqual(used(), 0)
        with open(f"{self.root}/proc/71/fdinfo/0", "w", encoding="utf-8") as f:
            f.write(line.format(10**15))
        self.assertEqual(used(), 100)

    def test_a_request_that_is_none_is_answered_and_the_next_one_too(self):
        replies = self.ask_all(self.gpus(t4(4)), b'x\n{"op":"dance"}\n{}\n\n' + SNAPSHOT + b"\n" + SNAPSHOT)
        self.assertEqual([r["ok"] for r in replies], [False, False, False, False, True, True])
        self.assertEqual(replies[1]["error"], "gpu request: op: 'dance' is not known")

    def test_a_request_without_end_ends_it(self):
        done = subprocess.run([PROBE], input=b"x" * 100_000, env=self.gpus().env, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_a_call_that_hangs_is_ended_with_who_asked(self):
        gpus = self.gpus(t4(4) + "hangs nvmlDeviceGetTemperature\n")
        probe = self.stay(gpus)
        probe.stdin.write(SNAPSHOT + b"\n")
        probe.stdin.flush()
        self.assertEqual(select.select([probe.stdout], [], [], 1)[0], [])
        self.assertIsNone(probe.poll())
        # A shell tells its pid, waits for it, and is killed.
        request = os.path.join(self.root, "request")
        with open(request, "wb") as f:
            f.write(SNAPSHOT)
        shell = subprocess.Popen(["/bin/sh", "-c", f'"{PROBE}" <"{request}" & echo $!; wait'], env=gpus.env,
                                 stdout=subprocess.PIPE)
        self.addCleanup(shell.stdout.close)
        pid = int(shell.stdout.readline())

        def is_in_the_library():
            with open(f"/proc/{pid}/maps", encoding="utf-8") as f, open(f"/proc/{pid}/stat", encoding="utf-8") as s:
                return NEW in f.read() and s.read().rsplit(")", 1)[1].split()[0] == "S"
        wait_until(is_in_the_library, "it waits in a call of the library")
        shell.kill()
        shell.wait()
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the hung probe has gone with its parent")

    def test_it_is_no_static_program_and_links_no_gpu_library(self):
        with open(PROBE, "rb") as f:
            binary = f.read()
        self.assertIn(b"ld-linux", binary)
        needed = subprocess.run(["/usr/bin/readelf", "-d", PROBE], capture_output=True, check=True).stdout
        self.assertNotIn(b"nvidia", needed)
        for name in ("gpujob", "gpujobd", "gpujob-shim"):
            with open(os.path.join(BIN, name), "rb") as f:
                self.assertNotIn(b"nvmlInit", f.read())

    def test_eight_gpus_take_a_millisecond(self):
        gpus = self.gpus(DRIVER + "".join(t4(n) + f"process {4000 + n} 1000\n" for n in range(8)))
        probe = self.stay(gpus)
        self.assertEqual(len(self.ask(probe)["devices"]), 8)
        times = []
        for _ in range(300):
            begin = time.perf_counter()
            self.ask_once(probe)
            times.append(time.perf_counter() - begin)
        times.sort()
        print(f"one look at 8 GPUs, asked through two pipes and read: {times[150] * 1e3:.2f} ms in the middle, "
              f"{times[0] * 1e3:.2f} ms at best")
        # The best of 300, since others use this machine, too; sanitizers cost what they cost.
        self.assertLess(times[0], 0.001 if float(os.environ["GPUJOB_TEST_SLOW"]) == 1 else 0.02)


if __name__ == "__main__":
    main()
