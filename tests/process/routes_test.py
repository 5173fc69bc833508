# SPDX-License-Identifier: Apache-2.0
"""Jobs that catch nothing, frameworks that exit after a save, and what is never a checkpoint."""
import os
import re
import shutil
import struct
import subprocess
import zipfile

from machine import PYTHON, SAVER, Case, main, wait_until

SLOW = float(os.environ.get("GPUJOB_TEST_SLOW", 1))
# Counts in a file of its own that it rewrites, and goes on from there; knows nothing of gpujob.
DEAF = ("import os, sys, time\n"
        "n = int(open('model.bin').read()) if os.path.exists('model.bin') else 0\n"
        "print('begin', n, flush=True)\n"
        "while n < int(sys.argv[1]):\n"
        "    n += 1\n"
        "    with open('part', 'w') as f: f.write(str(n))\n"
        "    os.rename('part', 'model.bin')\n"
        "    time.sleep(float(sys.argv[2]))\n"
        "print('end', n, flush=True)\n")
# Two files that belong together; KILLed when it has written one of them, and half of the other.
TORN = ("import os, signal, time\n"
        "put = lambda name, text: open(name, 'w').write(text)\n"
        "read = lambda name: open(name).read() if os.path.exists(name) else '-'\n"
        "print('begin', read('model.bin'), read('opt.bin'), flush=True)\n"
        "if os.environ['GPUJOB_ATTEMPT'] == '1':\n"
        "    put('model.bin', 'm1'), put('opt.bin', 'o1')\n"
        "    while not os.path.exists('go'): time.sleep(0.05)\n"
        "    put('model.bin', 'm2'), put('opt.bin', 'o')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n")
# Saves on TERM and ends with 0, as Hugging Face's Trainer does.
EXITS = ("import os, signal, sys, time\n"
         "folder, asked = os.environ['GPUJOB_CKPT_DIR'], []\n"
         "signal.signal(signal.SIGTERM, lambda *a: asked.append(1))\n"
         "n = int(open(os.environ['GPUJOB_RESUME']).read()) if os.environ['GPUJOB_RESUME'] else 0\n"
         "print('begin', n, flush=True)\n"
         "while not asked and not os.path.exists('end'):\n"
         "    time.sleep(0.05); n += 1\n"
         "if asked:\n"
         "    with open(folder + '/n.tmp', 'w') as f: f.write(str(n))\n"
         "    os.rename(folder + '/n.tmp', folder + '/n.bin')\n")


class Routes(Case):
    def begin(self, vm, limit, *more):
        vm.start("--session-limit", f"{limit * SLOW:.1f}s", "--session-start", "now", *more)

    def durable(self):
        path = self.path("durable")
        os.makedirs(path, exist_ok=True)
        return path

    def detach(self, *line):
        self.vm.ok("run", "-d", "--name", "x", *line, cwd=self.root)
        return self.vm.wait_state("x", "running")

    def test_a_command_saves_for_a_job_that_catches_nothing(self):
        self.detach("--checkpoint-cmd", "echo $GPUJOB_CHECKPOINT_REASON > $GPUJOB_CKPT_DIR/w.bin",
                    "--", "sleep", "1000")
        self.vm.ok("checkpoint", "x", "--wait")
        view = self.vm.show("x")
        newest = view["checkpoints"][-1]
        self.assertEqual((newest["confirmed"], newest["how"]), (True, "command"))
        self.assertEqual(open(newest["path"]).read(), "checkpoint\n")
        self.assertEqual((view["state"], view["catches"]), ("running", "command"))
        self.assertIn(b"saved by --checkpoint-cmd", self.vm.ok("show", "x").stdout)

    def test_a_command_that_fails_is_told_at_once(self):
        self.detach("--checkpoint-cmd", "exit 3", "--", "sleep", "1000")
        done = self.vm.run("checkpoint", "x", "--wait")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"checkpoint command: exit 3", done.stdout + done.stderr)
        newest = self.vm.show("x")["checkpoints"][-1]
        self.assertEqual((newest["state"], newest["note"]),
                         ("unconfirmed", "checkpoint command: exit 3"))

    def test_exit_0_of_a_command_confirms_nothing_that_is_not_there(self):
        self.begin(self.vm, 22)
        # What it leaves is a zip without its end; a torch file says by its name what it should be.
        done = self.vm.run("run", "--name", "x", "--lead", f"{4 * SLOW:.1f}s", "--checkpoint-cmd",
                           "printf 'PK\\003\\004' > $GPUJOB_CKPT_DIR/m.pt", "--", "sleep", "1000")
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertFalse(any(c["confirmed"] for c in self.vm.show("x")["checkpoints"]))

    def test_a_job_that_catches_nothing_outlives_its_session_by_copies(self):
        line = ["run", "--name", "x", "--lead", f"{6 * SLOW:.1f}s", "--checkpoint-copy", "model.bin",
                "--", PYTHON, "-c", DEAF]
        first, second = self.path("first"), self.path("second")
        os.mkdir(first), os.mkdir(second)
        self.begin(self.vm, 26, "--durable", self.durable())
        # Every three seconds: it is quiet for the two that are waited for.
        done = self.vm.run(*line, "1000", str(3 * SLOW), cwd=first)
        self.assertEqual(done.returncode, 85, done.stderr)
        saved = self.vm.show("x")["checkpoints"][-1]
        self.assertEqual((saved["confirmed"], saved["how"], saved["durable"]), (True, "copy", "stored"))
        count = int(open(saved["durable_path"] + "/data/" + os.path.basename(saved["path"]) +
                         "/model.bin").read())
        self.assertGreater(count, 0)
        self.vm.vanish()
        next_vm = self.machine("next")
        self.begin(next_vm, 3600, "--durable", self.durable())
        done = next_vm.run(*line, str(count + 1), "0.1", cwd=second)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = done.stdout.decode()
        self.assertIn(f"begin {count}\n", out)
        self.assertIn("model.bin: restored from", out)

    def test_a_job_killed_while_it_saves_goes_on_from_the_copy_alone(self):
        self.begin(self.vm, 3600)
        self.detach("--max-failures", "1", "--checkpoint-signal", "none", "--checkpoint-copy", "model.bin",
                    "--checkpoint-copy", "opt.bin", "--", PYTHON, "-c", TORN)
        self.vm.ok("checkpoint", "x", "--wait")
        open(self.path("go"), "w").close()
        self.assertEqual(self.vm.run("wait", "x").returncode, 0)
        out = self.vm.ok("logs", "x").stdout.decode()
        self.assertIn("begin m1 o1\n", out)
        self.assertIn("model.bin: set aside as " + self.path("model.bin.stale-1"), out)
        self.assertEqual(open(self.path("model.bin.stale-1")).read(), "m2")

    def test_a_job_without_any_way_to_save_is_told_once(self):
        self.begin(self.vm, 3600)
        job = self.vm.popen("run", "--name", "x", "--", "sleep", "1000")
        told = b""
        while b"--checkpoint-copy" not in told:
            line = job.stderr.readline()
            self.assertTrue(line, told)
            told += line
        self.assertIn(b"--checkpoint-copy", self.vm.run("show", "x").stdout)
        self.vm.ok("stop", "x")
        err = told + job.communicate(timeout=60)[1]
        self.assertEqual(err.count(b"--checkpoint-cmd CMD"), 1, err)
        self.assertEqual(err.count(b"--checkpoint-copy PATH"), 1, err)

    def test_a_framework_that_exits_after_a_save_is_restarted_and_not_taken_for_done(self):
        self.detach("--recipe", "hf-trainer", "--", PYTHON, "-c", EXITS)
        wait_until(lambda: self.vm.show("x")["catches"] == "TERM", "the handler is there")
        view = self.vm.show("x")
        self.assertEqual((view["recipe"], view["recipe_why"], view["contract"]),
                         ("hf-trainer", "--recipe", "exits"))
        self.assertIn(b"hf-trainer (--recipe): exits after it has saved", self.vm.ok("show", "x").stdout)
        self.vm.ok("checkpoint", "x")
        wait_until(lambda: (v := self.vm.show("x"))["attempt"] == 2 and v["state"] == "running",
                   "it goes on")
        self.assertTrue(self.vm.show("x")["resume_from"].endswith("/n.bin"))
        open(self.path("end"), "w").close()
        self.assertEqual(self.vm.run("wait", "x").returncode, 0)
        self.assertEqual(self.vm.show("x")["state"], "done")

    def test_a_recipe_is_seen_by_the_command_line(self):
        self.detach("--", PYTHON, "-c", EXITS, "--exit-signal-handler")
        view = wait_until(lambda: (v := self.vm.show("x"))["recipe"] and v, "it is told")
        self.assertEqual((view["recipe"], view["contract"]), ("megatron", "exits"))
        self.assertIn("--exit-signal-handler", view["recipe_why"])

    def test_that_a_job_exits_after_saves_is_learned(self):
        self.detach("--", PYTHON, SAVER, "100000", "--exit85")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.assertEqual(self.vm.show("x")["contract"], "continues")
        self.vm.ok("checkpoint", "x")
        wait_until(lambda: (v := self.vm.show("x"))["attempt"] == 2 and v["catches"], "it goes on")
        self.assertEqual(self.vm.show("x")["contract"], "exits")
        self.vm.kill_daemon()
        self.assertEqual(self.vm.show("x")["contract"], "exits")

    def test_one_wandb_run_over_all_attempts_where_the_user_has_not_chosen(self):
        show = ["run", "--wandb", "--", "sh", "-c", "echo $WANDB_RUN_ID $WANDB_RESUME"]
        name, resume = self.vm.ok(*show).stdout.decode().split()
        self.assertEqual((len(name), resume), (8, "allow"))
        self.assertEqual(self.vm.ok(*show, env={"WANDB_RUN_ID": "mine"}).stdout, b"mine allow\n")
        self.assertEqual(self.vm.ok(show[0], *show[2:]).stdout, b"\n")
        line = ["run", "--wandb", "--name", "x", "--", "sh", "-c", "echo $WANDB_RUN_ID; exit 1"]
        self.assertEqual(self.vm.run(*line).stdout, self.vm.run(*line).stdout)

    def test_checkpoints_are_listed_with_their_notes(self):
        self.detach("--checkpoint-cmd", "test -e go && echo w > $GPUJOB_CKPT_DIR/w.bin", "--", "sleep",
                    "1000")
        self.assertIn(b"no checkpoint", self.vm.ok("checkpoints", "x").stderr)
        self.vm.run("checkpoint", "x", "--wait")
        open(self.path("go"), "w").close()
        self.vm.ok("checkpoint", "x", "--wait")
        lines = self.vm.ok("checkpoints", "x").stdout.decode().splitlines()
        self.assertEqual(len(lines), 4, lines)
        self.assertRegex(lines[1], r" unconfirmed$")
        self.assertIn("checkpoint command: exit 1", lines[2])
        self.assertRegex(lines[3], r" 1 +- +2 B +command +this VM +confirmed$")
        listed = self.vm.json("checkpoints", "x")
        self.assertEqual([c["confirmed"] for c in listed["checkpoints"]], [False, True])

    def test_checkpoints_on_fuse_are_found_without_inotify(self):
        real, mounted = self.path("real"), self.path("mounted")
        os.mkdir(real), os.mkdir(mounted)
        done = subprocess.run(["bindfs", "-n", real, mounted], capture_output=True) \
            if shutil.which("bindfs") else None
        if done is None or done.returncode != 0:
            self.skipTest("no FUSE here" if done else "no bindfs here")
        self.addCleanup(subprocess.run, ["fusermount", "-uz", mounted])
        self.detach("--checkpoint-path", mounted + "/*.bin", "--", "sh", "-c",
                    f"echo half > {real}/m.bin.tmp; sleep 1; mv {real}/m.bin.tmp {real}/m.bin; sleep 1000")
        found = wait_until(lambda: [c for c in self.vm.show("x")["checkpoints"] if c["confirmed"]],
                           "it is found")
        self.assertEqual((found[0]["path"], found[0]["how"]), (mounted + "/m.bin", "files"))

    def halves(self, folder):
        """Of every kind the half; what is not whole, or says so. Beside it, one that is whole."""
        def put(name, content):
            os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
            with open(f"{folder}/{name}", "wb") as f:
                f.write(content)
        with zipfile.ZipFile(self.path("whole.zip"), "w") as z:
            z.writestr("data", b"w" * 5000)
        whole = open(self.path("whole.zip"), "rb").read()
        put("cut.pt", whole[:3000])
        put("empty.bin", b"")
        header = b'{"w":{"dtype":"F32","shape":[64],"data_offsets":[0,256]}}'
        put("short.safetensors", struct.pack("<Q", len(header)) + header + b"\0" * 100)
        put("checkpoint-9/trainer_state.json", b"{}")
        put("checkpoint-9/model.bin", b"weights")
        put("checkpoint-9/checkpoint-is-incomplete.txt", b"")
        put("iter_0000500/model.bin", b"weights")
        put("latest_checkpointed_iteration.txt", b"400")  # names one that is not there
        put("model.bin.tmp", b"weights")
        put("tmp-checkpoint-8/model.bin", b"weights")
        put("7.orbax-checkpoint-tmp-1/w", b"weights")
        put("whole.pt", whole)

    def test_half_written_things_are_never_confirmed_and_never_resumed_from(self):
        self.vm.start("--durable", self.durable())
        script = ("echo from:$GPUJOB_RESUME; if [ $GPUJOB_ATTEMPT = 1 ]; "
                  "then while [ ! -e go ]; do sleep 0.05; done; exit 85; fi")
        self.detach("--", "sh", "-c", script)
        self.halves(f"{self.vm.root}/s/jobs/{self.vm.show('x')['id']}/ckpt")
        wait_until(lambda: any(c["confirmed"] for c in self.vm.show("x")["checkpoints"]), "one is found")
        def passed_over():
            with open(self.vm.log, errors="replace") as log:
                return {os.path.basename(m) for m in re.findall(r"no checkpoint: ([^:]+):", log.read())}
        wait_until(lambda: {"cut.pt", "empty.bin", "short.safetensors", "checkpoint-9"} <= passed_over(),
                   "the halves have been looked at")
        open(self.path("go"), "w").close()
        self.assertEqual(self.vm.run("wait", "x").returncode, 0)
        view = self.vm.show("x")
        self.assertEqual([os.path.basename(c["path"]) for c in view["checkpoints"] if c["confirmed"]],
                         ["whole.pt"])
        self.assertTrue(self.vm.ok("logs", "x").stdout.strip().endswith(b"/whole.pt"))


if __name__ == "__main__":
    main()
