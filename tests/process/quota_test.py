# SPDX-License-Identifier: Apache-2.0
"""Quotas: counted over machines, said by people, read from the platform's own tool."""
import os
import subprocess
import unittest
from datetime import datetime, timedelta, timezone

from machine import Case, main, wait_until

HOUR = 3600


class Quota(Case):
    def setUp(self):
        super().setUp()
        self.durable = self.path("durable")
        os.mkdir(self.durable)
        self.on_kaggle(self.vm)

    def on_kaggle(self, vm, durable=None):
        vm.env.pop("GPUJOB_PLATFORM", None)
        vm.env.update(KAGGLE_KERNEL_RUN_TYPE="Batch")
        vm.start("--session-start", "now", "--durable", durable or self.durable)

    def limit(self, vm=None, kind="window", name="gpu"):
        view = (vm or self.vm).json("quota")
        return next(x for x in view["limits"] if (x["type"], x["resource"]) == (kind, name))

    def say(self, *words, vm=None, **more):
        return (vm or self.vm).ok("quota", *words, **more)

    def test_what_is_said_counts_and_is_found_by_the_next_machine(self):
        said = self.say("set", "gpu=12h30m").stdout.decode()
        self.assertIn("at most 12h 30m left of 30h 00m", " ".join(said.split()))
        self.say("add", "gpu", "2h30m", "--at", "1h ago")
        self.assertEqual(self.limit()["left_s"], 12.5 * HOUR)  # it was used before that was said
        other = self.machine("other")
        self.on_kaggle(other)
        self.assertEqual(self.limit(other)["left_s"], 12.5 * HOUR)
        self.assertIn("17h 30m used", " ".join(other.ok("quota").stdout.decode().split()))

    def test_use_elsewhere_is_added_once_on_every_machine(self):
        # Within the week that is now, whatever day it is.
        self.say("add", "gpu", "1m", "--at", "now")
        self.assertEqual(self.limit()["used_s"], 60)
        other = self.machine("other")
        self.on_kaggle(other)
        self.assertEqual(self.limit(other)["used_s"], 60)

    def test_kaggles_own_numbers_win_and_the_difference_is_told(self):
        refresh = (datetime.now(timezone.utc) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        csv = f"resource,used,remaining,total,refreshAt\nGPU,17.5,22.5,40,{refresh}\nTPU,0,20,20,{refresh}\n"
        path = self.path("quota.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write(csv)
        self.say("import", "--kaggle", path)
        seen = self.limit()
        self.assertEqual((seen["amount_s"], seen["left_s"], seen["used_s"]), (40 * HOUR, 22.5 * HOUR, 17.5 * HOUR))
        self.assertEqual(seen["renews_at"][:19] + "Z", refresh)
        self.assertIn("17h 30m more used than was counted here", seen["stated"])

    def test_kaggles_tool_is_asked_when_no_file_is_given(self):
        bin_dir = self.path("bin")
        os.mkdir(bin_dir)
        tool = os.path.join(bin_dir, "kaggle")
        for script, words in (("echo resource,remaining; echo GPU,5", None), ("echo 401 >&2; exit 1", b"exit 1: 401"),
                              ("yes", b"said too much"), ("echo hello", b"no row of a GPU or TPU")):
            with self.subTest(script):
                with open(tool, "w", encoding="utf-8") as f:
                    f.write(f"#!/bin/sh\n[ \"$*\" = 'quota -v' ] || exit 9\n{script}\n")
                os.chmod(tool, 0o755)
                done = self.vm.run("quota", "import", "--kaggle", env={"PATH": bin_dir + ":" + os.environ["PATH"]})
                if words:
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(words, done.stderr)
                else:
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(self.limit()["left_s"], 5 * HOUR)

    def test_a_table_on_standard_input(self):
        done = subprocess.run([os.path.join(self.vm.bin, "gpujob"), "quota", "import", "--kaggle", "-"],
                              input=b"resource,remaining\nGPU,7\n", env=self.vm.env, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.limit()["left_s"], 7 * HOUR)

    def test_what_makes_no_sense_is_refused_and_nothing_of_it_is_kept(self):
        for words in (["set", "gpu"], ["set", "=3"], ["set", "gpu=soon"], ["set", "gpu=-3h"], ["set", "coal=3h"],
                      ["set", "gpu=3h", "coal=3h"], ["add", "gpu"], ["add", "gpu", "3"], ["add", "gpu", "0s"], ["add", "gpu", "1h", "--at", "yesterday"],
                      ["add", "application"], ["import"], ["import", "--kaggle", "/nowhere"]):
            with self.subTest(words):
                done = self.vm.run("quota", *words)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stderr.startswith(b"gpujob: "), done.stderr)
        self.assertFalse(os.path.exists(self.durable + "/said"))
        self.assertEqual(self.limit()["used_s"], 0)

    def test_without_a_durable_directory_it_is_kept_on_this_machine(self):
        self.vm.ok("daemon", "stop")
        self.on_kaggle(self.vm, "none")
        self.say("set", "gpu=9h")
        self.vm.ok("daemon", "stop")
        self.vm.start()
        self.assertEqual(self.limit()["left_s"], 9 * HOUR)
        self.assertEqual(os.stat(self.vm.root + "/s/said").st_mode & 0o777, 0o700)

    def test_a_saying_that_is_damaged_is_passed_over_and_the_others_count(self):
        self.say("set", "gpu=9h")
        with open(self.durable + "/said/zzz.json", "w", encoding="utf-8") as f:
            f.write('{"id": "zz')
        with open(self.durable + "/said/zzy.json", "w", encoding="utf-8") as f:
            f.write('{"id": "zzy", "platform": "kaggle", "kind": "left", "name": "gpu", "at_ns": -1, "span_ns": 5}')
        other = self.machine("other")
        self.on_kaggle(other)
        self.assertEqual(self.limit(other)["left_s"], 9 * HOUR)

    def test_squeue_tells_when_a_job_of_slurm_ends_and_plans_follow(self):
        self.vm.ok("daemon", "stop")
        bin_dir = self.path("bin")
        os.mkdir(bin_dir)
        self.squeue(bin_dir, 'echo "$@" >> ' + self.path("asked") + "; echo 2:30:00")
        slurm = self.machine("slurm")
        slurm.env.pop("GPUJOB_PLATFORM", None)
        slurm.env.update(SLURM_JOB_ID="77", PATH=bin_dir + ":" + os.environ["PATH"])
        slurm.start()
        left = wait_until(lambda: slurm.json("quota")["session"]["remaining_s"], "squeue has answered")
        self.assertAlmostEqual(left, 2.5 * HOUR, delta=30)
        self.assertEqual(slurm.json("quota")["session"]["source"], "squeue says so")
        with open(self.path("asked"), encoding="utf-8") as f:
            self.assertEqual(f.readline(), "-h -j 77 -o %L\n")
        slurm.ok("run", "-d", "--name", "x", "--", "sleep", "1000")
        wait_until(lambda: slurm.show("x")["plan"], "it is planned")

    def test_a_squeue_that_hangs_or_errs_delays_nothing(self):
        self.vm.ok("daemon", "stop")
        for name, script in (("hangs", "sleep 1000"), ("errs", "echo slurm_load_jobs error >&2; exit 1")):
            with self.subTest(name):
                bin_dir = self.path(name)
                os.mkdir(bin_dir)
                self.squeue(bin_dir, script)
                slurm = self.machine("vm-" + name)
                slurm.env.pop("GPUJOB_PLATFORM", None)
                slurm.env.update(SLURM_JOB_ID="77", PATH=bin_dir + ":" + os.environ["PATH"])
                slurm.start()
                slurm.ok("run", "--name", "x", "--", "true")
                self.assertIsNone(slurm.json("quota")["session"]["remaining_s"])

    def squeue(self, bin_dir, script):
        path = bin_dir + "/squeue"
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path, 0o755)

    def test_units_that_run_out_are_planned_to_and_what_is_said_moves_the_end(self):
        self.vm.ok("daemon", "stop")
        self.vm.env.pop("KAGGLE_KERNEL_RUN_TYPE")
        self.vm.start("--platform", "colab", "--plan", "pro_plus", "--session-start", "now", "--durable", self.durable)
        self.vm.ok("run", "-d", "--name", "x", "--", "sleep", "1000")
        before = wait_until(lambda: self.vm.show("x")["plan"], "it is planned")["ends_at"]
        self.say("set", "ccu=0.035")  # half an hour without a GPU, at 0.07 an hour
        view = self.vm.json("quota")
        self.assertEqual(view["session"]["ends_by"], "balance")
        self.assertAlmostEqual(view["session"]["remaining_s"], 1800, delta=30)
        self.assertEqual(self.limit(kind="balance", name="ccu")["binds"], True)
        moved = wait_until(lambda: (p := self.vm.show("x")["plan"])["ends_at"] != before and p, "the plan follows")
        self.assertLess(moved["ends_at"], before)
        self.say("set", "ccu=100")
        wait_until(lambda: self.vm.json("quota")["session"]["ends_by"] == "session_limit", "the limit is the end again")
        wait_until(lambda: self.vm.show("x")["plan"]["ends_at"] > moved["ends_at"], "the plan goes back")


if __name__ == "__main__":
    main()
