# SPDX-License-Identifier: Apache-2.0
import hashlib
import os
import signal
import subprocess

from machine import PYTHON, SAVER, Case, main, wait_until


class Run(Case):
    def test_exit_codes_come_back(self):
        for code in (0, 1, 3, 77, 255):
            self.assertEqual(self.vm.run("run", "--", "sh", "-c", f"exit {code}").returncode, code)
        self.assertEqual(self.vm.run("run", "--", "false").returncode, 1)

    def test_a_signal_comes_back_as_128_plus_its_number(self):
        done = self.vm.run("run", "--name", "k", "--", "sh", "-c", "kill -SEGV $$")
        self.assertEqual(done.returncode, 139)
        view = self.vm.show("k")
        self.assertEqual((view["state"], view["exit"], view["signal"]), ("failed", 139, "SEGV"))

    def test_output_is_streamed_byte_for_byte(self):
        script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4000); sys.stderr.write('E')"
        done = self.vm.run("run", "--", PYTHON, "-c", script)
        self.assertEqual(done.stdout, bytes(range(256)) * 4000 + b"E")

    def test_the_output_of_a_short_job_too_keeps_to_its_cap(self):
        self.vm.ok("run", "--name", "x", "--log-max", "1M", "--", "sh", "-c",
                   "head -c 8000000 /dev/zero; echo last")
        path = self.vm.show("x")["log"]
        self.assertLessEqual(os.stat(path).st_blocks * 512, 1 << 20)
        with open(path, "rb") as f:
            self.assertTrue(f.read().endswith(b"last\n"))

    def test_arguments_and_environment_arrive_unchanged(self):
        script = ("import os,sys,hashlib;"
                  "print(hashlib.sha256(b'\\0'.join(map(os.fsencode,sys.argv[1:]))).hexdigest());"
                  "print(os.fsencode(os.environ['ODD']).hex())")
        words = [b"\xff\xfe", b"", b"a b\n'\"", *(b"x" * 1000 + str(i).encode() for i in range(2000))]
        done = self.vm.run("run", "--", PYTHON, "-c", script, *words, env={"ODD": "\udcff\x01="})
        lines = done.stdout.decode().split()
        self.assertEqual(lines[0], hashlib.sha256(b"\0".join(words)).hexdigest())
        self.assertEqual(lines[1], "ff013d")

    def test_the_job_runs_in_the_callers_directory(self):
        done = self.vm.run("run", "--", "pwd", cwd=self.root)
        self.assertEqual(done.stdout.decode().strip(), os.path.realpath(self.root))

    def test_default_signals_although_the_caller_ignores_int_and_quit(self):
        def ignore():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGQUIT, signal.SIG_IGN)
        done = self.vm.run("run", "--", "grep", "-E", "Sig(Ign|Blk)", "/proc/self/status",
                           preexec_fn=ignore)
        self.assertEqual(done.stdout.decode().split()[1::2], ["0" * 16, "0" * 16])

    def test_unbuffered_python_unless_the_user_says_otherwise(self):
        show = ["run", "--", "sh", "-c", "echo $PYTHONUNBUFFERED"]
        self.assertEqual(self.vm.run(*show).stdout, b"1\n")
        self.assertEqual(self.vm.run(*show, env={"PYTHONUNBUFFERED": "0"}).stdout, b"0\n")

    def test_running_the_same_name_attaches(self):
        flag = self.path("go")
        line = ["run", "--name", "x", "--", "sh", "-c",
                f"echo out; while [ ! -e {flag} ]; do sleep 0.05; done; exit 4"]
        self.vm.ok(line[0], "-d", *line[1:])
        self.vm.wait_state("x", "running")
        second = self.vm.popen(*line)
        self.assertEqual(second.stdout.readline(), b"out\n")  # it is attached
        open(flag, "w").close()
        out, _ = second.communicate(timeout=60)
        self.assertEqual((second.returncode, out), (4, b""))
        self.assertEqual(self.vm.show("x")["attempt"], 1)

    def test_a_job_that_is_done_says_so_and_needs_again(self):
        self.assertEqual(self.vm.run("run", "--name", "x", "--", "true").returncode, 0)
        again = self.vm.run("run", "--name", "x", "--", "true")
        self.assertEqual(again.returncode, 1)
        self.assertIn(b"--again", again.stderr)
        first = self.vm.show("x")["id"]
        self.assertEqual(self.vm.run("run", "--name", "x", "--again", "--", "true").returncode, 0)
        self.assertNotEqual(self.vm.show("x")["id"], first)

    def test_a_failed_job_goes_on_when_it_is_run_again(self):
        self.assertEqual(self.vm.run("run", "--name", "x", "--", "false").returncode, 1)
        self.assertEqual(self.vm.run("run", "--name", "x", "--", "true").returncode, 0)
        self.assertEqual(self.vm.show("x")["attempt"], 2)

    def test_ctrl_c_detaches_and_says_how_to_come_back(self):
        client = self.vm.popen("run", "--name", "x", "--", "sh", "-c", "echo up; exec sleep 100")
        self.assertEqual(client.stdout.readline(), b"up\n")
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0)
        self.assertIn(b"gpujob attach x", err)
        self.vm.wait_state("x", "running")

    def test_detached_run_prints_the_name_alone(self):
        done = self.vm.ok("run", "-d", "--name", "x", "--", "true")
        self.assertEqual(done.stdout, b"x\n")
        self.assertEqual(self.vm.run("wait", "x").returncode, 0)

    def test_stop_ends_the_whole_tree(self):
        self.vm.ok("run", "-d", "--name", "x", "--", "sh", "-c",
                   "(setsid sleep 1000 &) ; sleep 1000")
        self.vm.wait_state("x", "running")
        self.vm.ok("stop", "x")
        self.assertEqual(self.vm.show("x")["state"], "stopped")

        def sleepers():
            for pid in self.vm.processes():
                try:
                    if open(f"/proc/{pid}/comm").read() == "sleep\n":
                        return True
                except OSError:
                    pass
            return False
        self.assertFalse(sleepers())

    def test_a_job_that_ignores_term_is_killed(self):
        self.vm.ok("run", "-d", "--name", "x", "--lead", "4s", "--",
                   "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
        wait_until(lambda: b"up" in self.vm.run("logs", "x").stdout, "the trap is set")
        self.vm.ok("stop", "x", timeout=60)
        view = self.vm.show("x")
        self.assertEqual((view["state"], view["signal"]), ("stopped", "KILL"))

    def test_a_checkpoint_on_demand_is_confirmed_and_the_job_goes_on(self):
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        view = self.vm.show("x")
        self.assertEqual(view["state"], "running")
        newest = view["checkpoints"][-1]
        self.assertEqual((newest["confirmed"], newest["how"]), (True, "notify"))
        self.assertGreater(newest["step"], 0)

    def test_exit_85_with_a_new_checkpoint_goes_on_at_once(self):
        go = self.path("go")
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000", "--exit85", "--until", go)
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x")
        wait_until(lambda: self.vm.show("x")["attempt"] == 2, "it goes on")
        open(go, "w").close()
        self.assertEqual(self.vm.run("wait", "x").returncode, 0)
        view = self.vm.show("x")
        self.assertEqual((view["state"], view["attempt"]), ("done", 2))
        self.assertNotIn(b"begin 0\n", self.vm.run("logs", "x").stdout)

    def test_logs_follow_until_the_end(self):
        self.vm.ok("run", "-d", "--name", "x", "--", "sh", "-c",
                   "for i in 1 2 3; do echo $i; sleep 0.1; done")
        self.assertEqual(self.vm.run("logs", "-f", "x").stdout, b"1\n2\n3\n")

    def test_rm_forgets_what_has_ended_and_refuses_what_runs(self):
        self.vm.run("run", "--name", "x", "--", "true")
        self.vm.ok("rm", "x")
        self.assertEqual(self.vm.run("show", "x").returncode, 1)
        self.vm.ok("run", "-d", "--name", "y", "--", "sleep", "100")
        self.assertEqual(self.vm.run("rm", "y").returncode, 1)

    def test_every_command_has_help_with_an_example(self):
        for command in ("run", "ps", "show", "logs", "attach", "checkpoint", "checkpoints", "stop", "wait", "rm",
                        "quota", "daemon", "version"):
            done = self.vm.run(command, "--help")
            self.assertEqual(done.returncode, 0, command)
            self.assertIn(b"xample", done.stdout, command)

    def test_secrets_of_the_environment_are_nowhere_on_disk(self):
        secret = "hunter2-" + os.urandom(8).hex()
        durable = self.path("durable")
        os.mkdir(durable)
        self.vm.start("--durable", durable)
        self.vm.ok("run", "--name", "x", "--", "sh", "-c", "echo > $GPUJOB_CKPT_DIR/a.bin",
                   env={"API_TOKEN": secret})
        shown = self.vm.ok("show", "x", "--json").stdout
        self.assertNotIn(secret.encode(), shown)
        found = subprocess.run(["grep", "-rlF", secret, self.vm.root, durable],
                               capture_output=True)
        self.assertEqual(found.stdout, b"")
        spec = subprocess.run(["grep", "-rlF", "API_TOKEN", durable], capture_output=True)
        self.assertNotEqual(spec.stdout, b"", "the name alone is recorded")

    def test_a_job_that_needs_no_gpu_sees_none_and_without_gpus_nothing_is_touched(self):
        show = 'echo "$CUDA_VISIBLE_DEVICES/$HIP_VISIBLE_DEVICES/${GPUJOB_GPUS-unset}"'
        self.vm.env["CUDA_VISIBLE_DEVICES"] = "7"
        self.assertEqual(self.vm.ok("run", "--gpus", "none", "--", "sh", "-c", show).stdout, b"/-1/\n")
        self.assertEqual(self.vm.ok("run", "--", "sh", "-c", show).stdout, b"7//unset\n")

    def test_what_gpus_cannot_mean_is_a_usage_error(self):
        done = self.vm.run("run", "--gpus", "two", "--", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"run: --gpus: two: not a number of GPUs", done.stderr)

    def test_a_long_list_comes_whole_over_several_pages(self):
        for i in range(130):
            self.vm.ok("run", "-d", "--", "true")
        self.assertEqual(len(self.vm.json("ps", "--all")["jobs"]), 130)

    def test_more_jobs_than_an_answer_can_name_are_all_stopped_and_removed(self):
        self.vm.start("--slots", "2")
        for i in range(230):
            self.vm.ok("run", "-d", "--", "sleep", "1000")
        stopped = self.vm.json("stop", "--all")
        self.assertEqual((len(stopped["jobs"]), stopped["more"]), (200, 30))
        jobs = self.vm.json("ps", "--all")["jobs"]
        self.assertEqual([j["state"] for j in jobs], ["stopped"] * 230)
        self.vm.ok("rm", *(j["id"] for j in jobs))
        self.assertEqual(self.vm.json("ps", "--all")["jobs"], [])


if __name__ == "__main__":
    main()
