# SPDX-License-Identifier: Apache-2.0
"""Each platform, rebuilt: gpujob knows where it is and how long that lasts, saves where it is kept,
and the next VM goes on. The table at the end says what came out."""
import os
import time
from dataclasses import replace

import ledger
import table
from life import Life, instant, windows_of
from machine import PYTHON, main, wait_until
from machine_of import COLAB, COLAB_ENV, HOUR, MACHINES, METADATA, MINUTE, kaggle
from world import SAVER

CREDENTIALS = {"KAGGLE_API_TOKEN": "none", "KAGGLE_USERNAME": "me", "KAGGLE_KEY": "none", "PS_API_KEY": "none",
               "AISTUDIO_API_KEY": "none"}


def tearDownModule():
    table.show(list(MACHINES))


class Platforms(Life):
    def trap(self, name):
        return table.cell(name, "trap")

    def test_every_profile_has_its_vm(self):
        known = {p["id"] for p in self.vm.json("platforms")["platforms"]}
        self.assertEqual(known, {of.asks or of.platform for of in MACHINES.values()})

    def test_a_kaggle_notebook(self):
        self.lives("kaggle")

    def test_a_kaggle_batch_run(self):
        self.lives("kaggle, batch")

    def test_a_kaggle_tpu(self):
        self.lives("kaggle, tpu")

    def test_kaggle_mounts_the_output_of_a_notebook(self):
        self.lives("kaggle, as output")

    def test_kaggle_mounts_a_dataset(self):
        self.lives("kaggle, as dataset")

    def test_google_colab(self):
        self.lives("colab")

    def test_drive_where_older_notebooks_mount_it(self):
        self.lives("colab, gdrive")

    def test_drive_mounted_by_ocamlfuse(self):
        self.lives("colab, ocamlfuse")

    def test_drive_given_by_hand_is_taken_wherever_it_is(self):
        for name in ("colab, gdrive", "colab, ocamlfuse"):
            of = MACHINES[name]
            of = replace(of, given=("--durable", of.durable))
            vm = self.boot(of)
            self.starts(vm)
            vm.ok(*self.run_line())
            saved = self.saves(vm)
            vm.vanish()
            with table.cell(name, "trap") as said:
                self.goes_on(of, saved)
                said.append("works when it is given")

    def test_colab_for_companies(self):
        self.lives("colab-enterprise")

    def test_paperspace_gradient(self):
        self.lives("paperspace")

    def test_baidu_ai_studio_asks_the_user(self):
        self.lives("aistudio")

    def test_a_sagemaker_notebook_instance(self):
        self.lives("sagemaker-notebook")
        with self.trap("sagemaker-notebook") as said:
            said.append("metadata without DomainId: not Studio")

    def test_sagemaker_studio(self):
        self.lives("sagemaker-studio")

    def test_studio_lab_with_a_gpu(self):
        self.lives("sagemaker-studio-lab")

    def test_studio_lab_without_a_gpu(self):
        self.lives("sagemaker-studio-lab, cpu")

    def test_a_sagemaker_training_job(self):
        self.lives("sagemaker-training")

    def test_onepanel(self):
        self.lives("onepanel")
        with self.trap("onepanel") as said:
            said.append("runs in Kubernetes: that only hints")

    def test_floydhub(self):
        self.lives("floydhub")

    def test_easyaiforum_asks_the_user(self):
        self.lives("easyaiforum")

    def test_a_kubernetes_pod(self):
        self.lives("kubernetes")

    def test_a_slurm_job(self):
        self.lives("slurm")

    def test_a_machine_of_ones_own(self):
        self.lives("generic")

    # What looks like something else.

    def test_a_kaggle_vm_that_carries_what_is_colabs(self):
        of = MACHINES["kaggle"]
        image = {k: v for k, v in COLAB_ENV.items() if k.startswith("COLAB_")}
        dressed = replace(of, env={**of.env, **image}, dirs=(*of.dirs, *COLAB.dirs))
        with self.trap("kaggle") as said:
            self.is_told_apart(dressed, "^colab: directory /content, directory /opt/colab$")
            entirely = replace(dressed, env={**COLAB_ENV, **of.env}, confidence="medium")
            self.is_told_apart(entirely, "^colab: TBE_RUNTIME_ADDR in the environment", name="second")
            said.append("carries Colab's variables and directories: Kaggle, the conflict is told")

    def test_a_colab_vm_with_kaggle_input_and_credentials(self):
        of = replace(COLAB, env={**COLAB.env, **CREDENTIALS}, dirs=(*COLAB.dirs, "/kaggle/input/digits"))
        with self.trap("colab") as said:
            self.is_told_apart(of)
            said.append("/kaggle/input and credentials are there: Colab")

    def test_credentials_on_a_laptop(self):
        of = replace(MACHINES["generic"], env={**CREDENTIALS, "COLAB_RELEASE_TAG": "release-colab"})
        with self.trap("generic") as said:
            self.is_told_apart(of)
            said.append("KAGGLE_API_TOKEN and others' keys are there: no platform")

    def test_colab_enterprise_with_what_is_colabs(self):
        of = MACHINES["colab-enterprise"]
        with self.trap("colab-enterprise") as said:
            self.is_told_apart(replace(of, env={**COLAB_ENV, **of.env}), "^colab: .*, but not with VERTEX_PRODUCT=")
            said.append("carries Colab's variables: not Colab")

    def test_drive_is_not_mounted_and_its_directory_is_there(self):
        places = ("/content/drive/MyDrive", "/content/gdrive/My Drive")
        vm = self.boot(replace(COLAB, kept=(), dirs=(*COLAB.dirs, *places)))
        with self.trap("colab") as said:
            told = vm.ok("quota", "--json").stderr.decode()
            self.assertIn("Google Drive is not mounted there", told)
            self.assertIn("drive.mount('/content/drive')", told)
            self.assertRegex(vm.json("quota")["durable"]["state"], "^not there: ")
            vm.ok(*self.run_line())
            wait_until(lambda: vm.show("digits")["catches"], "the handler is there")
            vm.ok("checkpoint", "digits", "--wait")
            self.assertIsNone(vm.show("digits")["checkpoints"][-1]["durable_path"])
            vm.ok("daemon", "stop")
            for place in places:
                refused = vm.run("daemon", "start", "--durable", place + "/gpujob")
                self.assertEqual(refused.returncode, 1)
                self.assertIn(b"Google Drive is not mounted there", refused.stderr)
                self.assertEqual(os.listdir(vm.inside(place)), [])
            said.append("Drive's directory without the mount: told, refused, nothing written")

    def test_in_a_bare_environment_pid_1_speaks(self):
        for name in ("kaggle", "colab", "paperspace"):
            of = MACHINES[name]
            vm = self.boot(of, name)
            vm.env = {k: vm.env[k] for k in ("PATH", "HOME")}
            with self.trap(name) as said:
                view = self.watch(vm)
                self.assertEqual((view["platform"], view["confidence"], view["evidence"][0]),
                                 (of.platform, "high", of.marker.replace("the", "PID 1's")))
                said.append("env -i: PID 1's environment")

    def test_without_any_environment_paths_speak_and_are_believed_less(self):
        training = "/opt/ml/input/config/hyperparameters.json"
        for name, marker in (("kaggle", "directory /kaggle/working"), ("colab", "file /var/colab/hostname"),
                             ("paperspace", "directory /notebooks"), ("sagemaker-training", "file " + training),
                             ("sagemaker-studio", "DomainId in " + METADATA)):
            with self.subTest(name), self.trap(name) as said:
                self.is_told_apart(replace(MACHINES[name], env={}, confidence="medium", marker=marker,
                                           variant=None), name=name)
                said.append("by paths alone: medium")

    # Clocks and quotas.

    def test_a_pid_1_older_than_any_session_is_no_evidence(self):
        self.is_told_apart(replace(COLAB, age=12 * HOUR + 1, begins="daemon"))

    def test_a_platform_that_is_named_later_began_with_pid_1_too(self):
        of = replace(MACHINES["generic"], age=3 * HOUR)  # no marker, and PID 1 is an init
        vm = self.boot(of)
        self.watch(vm)
        vm.ok("daemon", "stop")
        vm.start("--platform", "paperspace")
        vm.of = replace(MACHINES["paperspace"], age=of.age)
        self.watch(vm)

    def test_another_plan_has_another_limit(self):
        pro = replace(COLAB, plan="pro", limit=24 * HOUR)
        vm = self.boot(pro)
        vm.start("--plan", "pro")
        self.is_known(vm, self.watch(vm))
        paid = replace(MACHINES["paperspace"], plan="paid", limit=None)
        vm = self.boot(paid, "second")
        vm.start("--plan", "paid")
        self.is_known(vm, self.watch(vm))

    def test_the_week_of_kaggle_counts_all_machines(self):
        now, week = time.time(), ledger.week_began(time.time())
        others = [
            ledger.Use("lastweek", "a/1", "gpu", week - 10 * HOUR, week - 8 * HOUR),
            ledger.Use("midnight", "b/1", "gpu", week - HOUR, min(week + 30 * MINUTE, now - 5 * MINUTE), closed=False),
            ledger.Use("once", "c/1", "gpu", now - 2 * HOUR, now - HOUR),
            ledger.Use("twice", "c/1", "gpu", now - 90 * MINUTE, now - 30 * MINUTE),
            ledger.Use("without", "d/1", "cpu", now - 2 * HOUR, now - HOUR),
        ]
        of = MACHINES["kaggle"]
        attached = self.path("attached")
        ledger.write(attached + "/gpujob", "kaggle", others)
        ledger.write(attached + "/gpujob", "colab", [replace(others[2], session="elsewhere", machine="e/1")])
        with table.cell("kaggle", "quota") as quota:
            vm = self.boot(of, extra=[(attached, "/kaggle/input/digits", "", False)])
            view = self.watch(vm)
            counted = windows_of(view)[0]["machines"]
            quota += [f"{said}, {counted} machines" for said in self.windows_are_right(vm, view, others)]

    def test_what_studio_lab_gave_earlier_today_ends_the_session(self):
        now = time.time()
        earlier = [ledger.Use("earlier", "a/1", "gpu", now - 5 * HOUR, now - 210 * MINUTE)]
        of = MACHINES["sagemaker-studio-lab"]
        ledger.write(self.storage(of, of.kept[0].at) + "/gpujob", of.platform, earlier)
        with table.cell("sagemaker-studio-lab", "quota") as quota:
            vm = self.boot(of)
            view = self.watch(vm)
            quota += [f"{said}: ends the session" for said in self.windows_are_right(vm, view, earlier)]
            self.assertEqual(view["session"]["ends_by"], "quota")
            vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
            plan = wait_until(lambda: vm.show("x")["plan"], "its end is planned")
            session = view["session"]
            self.assertAlmostEqual(instant(plan["ends_at"]), instant(session["ends_at"]), delta=1)
            self.assertLess(instant(plan["request_at"]), instant(session["plan_ends_at"]))

    def test_the_next_vm_may_be_on_the_same_host(self):
        """The state directory lies in what is kept, and the kernel that runs is the same."""
        of = MACHINES["sagemaker-studio-lab"]
        vm = self.boot(of)
        with self.trap("sagemaker-studio-lab") as said:
            vm.ok(*self.run_line())
            saved = self.saves(vm)
            vm.vanish()
            self.goes_on(of, saved, boot_id=vm.boot_id)
            said.append("the same host again, with the old state: goes on")


if __name__ == "__main__":
    main()
