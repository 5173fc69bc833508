#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real gpujob against fake_daemon.py. Usage: client_test.py GPUJOB [unittest options]"""

import json, os, re, shutil, signal, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE = os.path.join(HERE, "fake_daemon.py")
LIMIT = 60
GPUJOB = None


def wait_until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("never: " + what)
        time.sleep(0.01)


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.runtime = self.dir + "/rt"
        # A copy of the client with the fake beside it: that is the gpujobd it will start.
        os.mkdir(self.dir + "/bin")
        self.gpujob = self.dir + "/bin/gpujob"
        shutil.copy(GPUJOB, self.gpujob)
        os.symlink(FAKE, self.dir + "/bin/gpujobd")
        self.env = {"PATH": os.environ["PATH"], "HOME": self.dir, "GPUJOB_RUNTIME_DIR": self.runtime}
        self.addCleanup(self.kill_daemon)

    # --- helpers -----------------------------------------------------------------------------
    def daemon_pid(self):
        with open(self.runtime + "/started.json") as f:
            return json.load(f)["pid"]

    def kill_daemon(self):
        try:
            pid = self.daemon_pid()
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            return
        wait_until(lambda: read(f"/proc/{pid}/stat").split(" ")[2:3] in ([], ["Z"]), "the fake is dead")

    def holds_back(self, process, number):
        """It has blocked that signal, to read it when it likes."""
        blocked = re.search(r"SigBlk:\s*(\w+)", read(f"/proc/{process.pid}/status"))
        return blocked and int(blocked[1], 16) & (1 << (number - 1))

    def start(self, *args, **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("bufsize", 0)  # what readline() took must not be missing from communicate()
        return subprocess.Popen([self.gpujob, *args], env=self.env, stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, cwd=self.dir, **kwargs)

    def gj(self, *args, code=0):
        p = self.start(*args)
        out, err = (b.decode() for b in p.communicate(timeout=LIMIT))
        self.assertEqual(p.returncode, code, f"{args}\n{out}\n{err}")
        return out, err

    def show(self, job):
        return json.loads(self.gj("show", job, "--json")[0])

    def release(self, name):
        open(f"{self.dir}/{name}", "w").close()

    def job_that_waits_for(self, name, then="echo after"):
        return f"echo before; while [ -d {self.dir} ] && [ ! -e {self.dir}/{name} ]; do sleep 0.02; done; {then}"

    # --- starting the daemon -----------------------------------------------------------------
    def test_the_first_command_starts_the_daemon_and_says_so(self):
        self.env.update(GPUJOB_JOB_ID="outer", GPUJOB_DEADLINE="1", NOTIFY_SOCKET="/x")
        _, err = self.gj("ps")
        self.assertIn("gpujob: started the daemon (pid ", err)
        with open(self.runtime + "/started.json") as f:
            started = json.load(f)
        self.assertEqual(started["sid"], started["pid"])
        self.assertFalse({"GPUJOB_JOB_ID", "GPUJOB_DEADLINE", "NOTIFY_SOCKET"} & set(started["env"]))
        # 0 1 2, the ready pipe, and what Python opened itself: the lock, the socket, the listing.
        self.assertLessEqual(len(started["fds"]), 8)
        self.assertNotIn("started", self.gj("ps")[1])

    def test_two_clients_at_once_meet_at_one_daemon(self):
        clients = [self.start("ps") for _ in range(6)]
        said = 0
        for c in clients:
            _, err = c.communicate(timeout=LIMIT)
            self.assertEqual(c.returncode, 0, err)
            said += err.count(b"started the daemon")
        self.assertEqual(said, 1)

    def test_what_the_daemon_refuses_at_start_is_told_with_its_code(self):
        out, err = self.gj("daemon", "start", "--session-limit", "0", "--json", code=2)
        self.assertIn("session limit: 0: too short", err)
        self.assertEqual(json.loads(out)["error"]["errc"], "usage")

    def test_daemon_start_knows_one_that_runs(self):
        first = json.loads(self.gj("daemon", "start", "--slots", "2", "--durable", "d", "--json")[0])
        self.assertTrue(first["started"])
        with open(self.runtime + "/started.json") as f:
            argv = json.load(f)["argv"]
        self.assertEqual(argv[argv.index("--durable") + 1], self.dir + "/d")
        self.assertIn(f"runs already (pid {first['pid']})", self.gj("daemon", "start")[1])
        self.assertIn("was not given this", self.gj("daemon", "start", "--slots", "3", code=1)[1])

    def test_status_and_stop_start_nothing(self):
        self.assertIn("daemon: not running", self.gj("daemon", "status", code=3)[1])
        self.assertIn("daemon: not running", self.gj("daemon", "stop", code=3)[1])
        self.assertFalse(os.path.exists(self.runtime))

    # --- top -------------------------------------------------------------------------------------
    def test_top_draws_what_the_daemon_says_of_gpus(self):
        self.env.update(FAKE_GPUS="2", COLUMNS="100", LINES="30", LC_ALL="C.UTF-8")
        self.gj("run", "-d", "--name", "digits", "--", "/bin/sh", "-c", self.job_that_waits_for("go"))
        text, _ = self.gj("top", "--once")
        for part in "GPU 0", "GPU 1", "9.66 of 16.1 GB", "61 of 70 W", "61 C", "Tesla T4", "digits", "10 min":
            self.assertIn(part, text)
        # Both histories came, though in two pages.
        charts = [line for line in text.split("\n") if " use " in line]
        self.assertEqual(len(charts), 2, text)
        self.assertTrue(all(len(set(line) & set("▁▂▃▄▅▆▇█")) > 5 for line in charts), text)
        self.release("go")

    def test_top_says_once_why_there_is_no_gpu(self):
        self.env["FAKE_GPUS"] = "0"
        text, _ = self.gj("top", "--once")
        self.assertEqual(text.count("no GPU: no NVIDIA library, no AMD GPU"), 1)

    def test_top_goes_on_with_a_daemon_that_samples_no_gpus(self):
        text, err = self.gj("top", "--once")
        self.assertIn("GPU: not sampled: this daemon is older", text)
        self.assertNotIn("no such method", err)

    def test_another_protocol_is_exit_4(self):
        self.env["FAKE_PROTOCOL"] = "2"
        self.gj("ps", code=4)

    def test_a_bad_config_is_a_usage_error(self):
        os.makedirs(self.dir + "/.config/gpujob")
        with open(self.dir + "/.config/gpujob/config.json", "w") as f:
            f.write('{"runtime_dir": 3}')
        self.assertIn("runtime_dir: is not a string", self.gj("ps", code=2)[1])

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a file away")
    def test_the_socket_of_another_user_is_not_trusted(self):
        self.gj("ps")
        os.chown(self.runtime + "/gpujobd.sock", 65534, 65534)
        self.assertIn("belongs to another user", self.gj("ps", code=1)[1])

    # --- run ---------------------------------------------------------------------------------
    def test_run_streams_the_output_and_returns_the_code(self):
        out, err = self.gj("run", "--name", "digits", "--", "sh", "-c", "echo hello; printf end; exit 7", code=7)
        self.assertEqual(out, "hello\nend")
        self.assertIn("gpujob: digits (j0000001) started\n", err)
        self.assertIn("gpujob: nothing caught a checkpoint signal\n", err)
        self.assertIn("gpujob: digits failed: exit 7", err)
        self.gj("run", "false", code=1)
        self.gj("run", "true")

    def test_detached_run_prints_the_name_alone(self):
        out, err = self.gj("run", "-d", "--name", "digits", "true")
        self.assertEqual(out, "digits\n")
        self.assertIn("started", err)
        self.assertEqual(self.gj("run", "-d", "true")[0], "j0000002\n")
        self.gj("wait", "digits")
        self.assertIn("give --again", self.gj("run", "--name", "digits", "true", code=1)[1])

    def test_json_run_prints_one_document(self):
        out, _ = self.gj("run", "--json", "sh", "-c", "echo not shown; exit 3", code=3)
        document = json.loads(out)
        self.assertEqual((document["disposition"], document["job"]["run_exit"]), ("started", 3))

    def test_the_command_gets_its_words_and_environment_unchanged(self):
        self.env.update(GPUJOB_JOB_ID="outer", GPUJOB_RESUME="/old", NOTIFY_SOCKET="/x", KEPT="yes")
        out, _ = self.gj("run", "--env", "A=[1,2]", "--env=B={}", "env", "--", "sh", "-c",
                         'env | grep -E "^(GPUJOB|NOTIFY|A=|B=|KEPT)" | sort; printf "%s|" "$@"', "sh",
                         "--name", "-d", "", "{}", "a b")
        self.assertEqual(out, f"A=[1,2]\nB={{}}\nGPUJOB_RUNTIME_DIR={self.runtime}\nKEPT=yes\n--name|-d||{{}}|a b|")

    def test_two_megabytes_of_arguments_arrive(self):
        words = ["x" * 50] * 30000
        out, _ = self.gj("run", "--name", "big", "sh", "-c", "echo $#", "sh", *words)
        self.assertEqual(out, "30000\n")
        self.assertEqual(self.show("big")["argv"][-1], "…")

    def test_a_missing_program_starts_nothing_not_even_a_daemon(self):
        self.assertIn("run: nosuch: not found on PATH", self.gj("run", "nosuch", code=1)[1])
        self.assertIn("not an executable file", self.gj("run", "/etc/passwd", code=1)[1])
        for bad in (["--name", "a/b"], ["--name", "a\nb"], ["--nosuch"], ["--lead", "x"], ["--env", "X"],
                    ["--checkpoint-signal", "FOO"], ["--checkpoint-exit", "256"], ["--max-failures", "-1"]):
            self.gj("run", *bad, "true", code=2)
        self.gj("run", code=2)
        self.assertFalse(os.path.exists(self.runtime))

    def test_ctrl_c_detaches_and_attach_comes_back(self):
        p = self.start("run", "--name", "long", "--", "sh", "-c", self.job_that_waits_for("go", "echo after; exit 4"))
        self.assertEqual(p.stdout.readline(), b"before\n")
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 0)
        self.assertIn(b"gpujob attach long", err)
        self.assertIn("long (j0000001) runs already", self.gj("run", "-d", "--name", "long", "true")[1])
        p = self.start("attach", "long")
        self.assertEqual(p.stdout.readline(), b"before\n")
        self.release("go")
        self.assertEqual(p.communicate(timeout=LIMIT)[0], b"after\n")
        self.assertEqual(p.returncode, 4)

    def test_a_copy_that_takes_long_is_spoken_of_once(self):
        p = self.start("run", "--name", "slow", "--", "sh", "-c", self.job_that_waits_for("go"))
        self.assertEqual(p.stdout.readline(), b"before\n")
        self.gj("checkpoint", "slow", "--wait", code=1)  # the fake confirms none but "good"
        self.release("go")
        _, err = p.communicate(timeout=LIMIT)
        self.assertEqual(err.count(b"gpujob: storing model.pt: 1.2 of 2 GB, 310 MB/s\n"), 1, err)

    def test_who_attaches_to_a_long_log_sees_its_tail(self):
        self.gj("run", "-d", "--name", "long", "sh", "-c", "seq 100000; " + self.job_that_waits_for("go"))
        log = self.gj("logs", "long", "--path")[0].strip()
        wait_until(lambda: read(log).endswith("before\n"), "the output is there")
        self.release("go")
        lines = self.gj("attach", "long")[0].split("\n")
        self.assertEqual(lines[-4:], ["100000", "before", "after", ""])
        self.assertLess(len(lines), 3000)
        self.assertEqual(len(lines[0]), 5)
        self.assertEqual(len(self.gj("logs", "long")[0].split("\n")), 100003)

    def test_a_reader_that_goes_away_detaches_quietly(self):
        p = self.start("run", "--name", "long", "--", "sh", "-c", self.job_that_waits_for("go"))
        p.stdout.readline()
        p.stdout.close()
        self.assertEqual(p.wait(LIMIT), 0)
        self.assertNotIn(b"detached", p.stderr.read())
        p.stderr.close()
        self.assertEqual(self.show("long")["state"], "running")
        self.release("go")

    def test_each_attempt_is_shown_to_its_end(self):
        p = self.start("run", "--name", "twice", "--", "sh", "-c", self.job_that_waits_for("go", "exit 85"))
        self.assertEqual(p.stdout.readline(), b"before\n")  # it watches
        self.release("go")
        out, err = p.communicate(timeout=LIMIT)
        self.assertEqual(out, b"second attempt\n")
        self.assertIn(b"gpujob: twice goes on: attempt 2", err)

    def test_an_attempt_that_is_over_before_its_client_watches_is_shown_too(self):
        out = self.gj("run", "--name", "late", "--", "sh", "-c", "echo first attempt; exit 85")[0]
        self.assertEqual(out, "first attempt\nsecond attempt\n")

    def test_no_byte_is_lost_or_repeated_when_the_daemon_dies(self):
        count = "i=0; while [ $i -lt 400 ]; do echo $i; i=$((i+1)); sleep 0.005; done"
        p = self.start("run", "--name", "count", "--", "sh", "-c", count)
        self.assertEqual(p.stdout.readline(), b"0\n")
        self.kill_daemon()
        time.sleep(0.3)
        self.gj("daemon", "start")
        out, err = p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 0, err)
        self.assertEqual(out.split(), [b"%d" % i for i in range(1, 400)])
        self.assertNotIn(b"gone", err)

    def test_a_daemon_that_does_not_come_back_is_started(self):
        p = self.start("run", "--name", "long", "--", "sh", "-c", self.job_that_waits_for("go"))
        p.stdout.readline()
        self.kill_daemon()
        self.release("go")
        out, err = p.communicate(timeout=LIMIT)
        self.assertEqual((p.returncode, out), (0, b"after\n"))
        self.assertIn(b"the daemon is gone", err)
        self.assertEqual(err.count(b"started the daemon"), 2)

    def test_news_that_comes_with_the_answer_of_a_daemon_that_is_back_is_taken(self):
        self.gj("run", "-d", "--name", "hasty", "--", "sh", "-c", self.job_that_waits_for("go", "exit 5"))
        p = self.start("wait", "hasty")
        wait_until(lambda: os.path.exists(self.runtime + "/watched"), "it waits")
        self.kill_daemon()
        self.release("go")
        self.gj("daemon", "start")
        _, err = p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 5, err)

    # --- the other verbs ---------------------------------------------------------------------
    def test_ps_follows_the_pages(self):
        for _ in range(5):
            self.gj("run", "-d", "true")
        self.assertEqual(len(json.loads(self.gj("ps", "-a", "--json")[0])["jobs"]), 5)
        self.assertEqual(len(self.gj("ps")[0].splitlines()), 6)

    def test_pages_that_do_not_end_are_told(self):
        self.gj("run", "-d", "true")
        open(self.runtime + "/endless", "w").close()
        self.assertIn("daemon: ps: its pages do not end", self.gj("ps", code=1)[1])

    def test_show_tells_everything_and_a_missing_job_is_exit_1(self):
        self.gj("run", "--name", "good\u00e9", "true")
        self.assertIn("state        done", self.gj("show", "good\u00e9")[0])
        out, err = self.gj("show", "nosuch", "--json", code=1)
        self.assertIn("gpujob: job: nosuch: not known", err)
        self.assertEqual(json.loads(out)["error"], {"code": 2, "errc": "not_found", "message": err[8:-1]})

    def test_logs_follow_until_the_end(self):
        self.gj("run", "-d", "--name", "long", "sh", "-c", self.job_that_waits_for("go"))
        p = self.start("logs", "-f", "long")
        self.assertEqual(p.stdout.readline(), b"before\n")
        self.release("go")
        self.assertEqual(p.communicate(timeout=LIMIT)[0], b"after\n")
        self.assertEqual(p.returncode, 0)
        self.assertEqual(self.gj("logs", "long", "--attempt", "1")[0], "before\nafter\n")

    def test_checkpoint_waits_for_the_verdict(self):
        for name, code in (("good", 0), ("bad", 1)):
            self.gj("run", "-d", "--name", name, "sh", "-c", self.job_that_waits_for("go"))
            out, _ = self.gj("checkpoint", name, "--wait", "--json", code=code)
            self.assertEqual(json.loads(out)["confirmed"], code == 0)
            self.gj("checkpoint", name)
        self.release("go")

    def test_stop_waits_and_wait_returns_the_largest(self):
        for name in ("a", "b"):
            self.gj("run", "-d", "--name", name, "sleep", "60")
        self.gj("run", "-d", "--name", "c", "sh", "-c", "exit 9")
        self.gj("wait", "c", code=9)
        jobs = json.loads(self.gj("stop", "--all", "--json")[0])["jobs"]
        self.assertEqual([(j["name"], j["state"], j["run_exit"]) for j in jobs],
                         [("a", "stopped", 143), ("b", "stopped", 143)])
        self.gj("wait", "a", "c", "b", code=143)
        self.gj("stop", code=2)
        self.gj("rm", "a", "b")
        self.gj("wait", "a", code=1)

    def test_a_signal_ends_a_wait_with_130(self):
        self.gj("run", "-d", "--name", "long", "sh", "-c", self.job_that_waits_for("go"))
        p = self.start("wait", "long")
        wait_until(lambda: self.holds_back(p, signal.SIGINT), "it waits for a signal, too")
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 130)
        self.release("go")

    def test_quota_and_version(self):
        self.assertIn("remaining", self.gj("quota")[0])
        explained = self.gj("quota", "--explain")[0]
        self.assertIn("KAGGLE_KERNEL_RUN_TYPE is set", explained)
        self.assertEqual(json.loads(self.gj("quota", "--json")[0])["session"]["limit_s"], 43200)
        self.assertEqual(json.loads(self.gj("version", "--json")[0])["protocol"], 1)

    def test_platforms_needs_no_daemon(self):
        self.assertIn("12h, tpu 9h", self.gj("platforms")[0])
        self.assertIn("| kaggle |", self.gj("platforms", "--markdown")[0])
        self.assertIn("confidence high", self.gj("platforms", "kaggle")[0])
        ids = [p["id"] for p in json.loads(self.gj("platforms", "--json")[0])["platforms"]]
        self.assertEqual(ids[-1], "generic")
        self.assertIn("is not known: use one of aistudio", self.gj("platforms", "nope", code=1)[1])
        self.gj("daemon", "status", code=3)

    def test_daemon_stop_names_what_runs_on(self):
        self.gj("run", "-d", "--name", "long", "sh", "-c", self.job_that_waits_for("go", "exit 5"))
        self.assertIn("running, pid", self.gj("daemon", "status")[0])
        self.assertIn("still running: long", self.gj("daemon", "stop")[1])
        self.gj("daemon", "status", code=3)
        self.release("go")
        self.assertIn("started the daemon", self.gj("wait", "long", code=5)[1])

    def test_every_command_has_help_with_an_example(self):
        for verb in ("run ps show logs attach checkpoint stop wait rm quota platforms bench version".split()
                     + [("daemon", v) for v in ("start", "stop", "status")]):
            words = [verb] if isinstance(verb, str) else verb
            self.assertIn("Example: gpujob " + " ".join(words), self.gj(*words, "--help")[0])
            self.assertIn("--json", self.gj(*words, "--help")[0])

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            p = self.start("version", stdout=full)
            self.assertIn(b"No space left", p.communicate(timeout=LIMIT)[1])
        self.assertEqual(p.returncode, 1)


if __name__ == "__main__":
    GPUJOB = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
