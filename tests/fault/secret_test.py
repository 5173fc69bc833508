# SPDX-License-Identifier: Apache-2.0
"""Secrets of an environment are in no file, no database page, no log and no answer.

Looked for while jobs run, wait and end, when the daemon and a shim were killed, and in what is set
aside: the whole state, runtime and durable directory, byte by byte, the database's log included.
"""
import base64
import json
import os
import signal

from machine import PYTHON, SAVER, Case, main, wait_until

SECRET = "hunter2-" + os.urandom(8).hex()
NAME = "TEST_API_TOKEN"


def forms(text):
    """As it is, in hexadecimal, and what base64 makes of it wherever it begins."""
    yield text
    yield text.hex().encode()
    for before in range(3):
        coded = base64.b64encode(b"-" * before + text)
        yield coded[-(-before * 8 // 6):(before + len(text)) * 8 // 6]


FORMS = list(forms(SECRET.encode()))


class Secret(Case):
    def setUp(self):
        super().setUp()
        self.durable = self.path("durable")
        os.mkdir(self.durable)
        # As a notebook has it: daemon, client and job are all started with it.
        self.vm.env[NAME] = SECRET
        self.clean("daemon start", self.vm.start("--durable", self.durable).stderr)

    def files(self):
        for top in (self.vm.root, self.durable):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path):
                        with open(path, "rb") as f:
                            yield path, f.read()

    def clean(self, what, content):
        for form in FORMS:
            self.assertNotIn(form, content, what)

    def nowhere(self, *more):
        held = dict(self.files())
        self.assertIn(self.vm.root + "/s/gpujob.db", held)
        for path, content in held.items():
            self.clean(path, content)
        for words in (["ps", "--all"], ["quota", "--explain"], ["daemon", "status"], *more):
            for command in (words, [*words, "--json"]):
                done = self.vm.run(*command)
                self.clean(command, done.stdout + done.stderr)
        return held

    def test_while_a_job_runs_and_another_waits(self):
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        self.vm.ok("run", "-d", "--name", "y", "--", "true")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        with open(f"/proc/{self.vm.show('x')['pid']}/environ", "rb") as f:
            self.assertIn(SECRET.encode(), f.read(), "the job itself is given it")
        held = self.nowhere(["show", "x"], ["show", "y"], ["logs", "x"])
        # These hold something, so that the search is one.
        for name in ("/launch.json", "/journal.jsonl", "/start.json", "/daemon.log", "/spec.json",
                     "/manifest.json", "/session.json", "/gpujob.db-wal"):
            self.assertTrue(any(p.endswith(name) and content for p, content in held.items()), name)
        # The name alone is recorded, for whoever runs it in a later session.
        self.assertTrue(any(NAME.encode() in c for p, c in held.items() if p.endswith("/spec.json")))

    def test_when_the_daemon_and_a_shim_are_killed(self):
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        self.vm.ok("run", "-d", "--name", "y", "--", "true")  # waits: only the daemon has its environment
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        old = self.vm.kill_daemon()
        wait_until(lambda: self.vm.daemon_pid() not in (None, old), "another daemon answers")
        self.assertEqual(self.vm.show("y")["state"], "held")
        self.nowhere(["show", "x"], ["show", "y"])
        with open(f"{self.vm.root}/s/jobs/{self.vm.show('x')['id']}/1/start.json") as f:
            os.kill(json.load(f)["shim_pid"], signal.SIGKILL)
        self.vm.wait_state("x", "lost")
        self.nowhere(["show", "x"], ["logs", "x"])

    def test_when_jobs_cannot_start_or_end_badly(self):
        script = self.path("script")
        with open(script, "w") as f:
            f.write("#!/nowhere/interpreter\n")
        os.chmod(script, 0o755)
        self.assertEqual(self.vm.run("run", "--name", "x", "--", script).returncode, 127)
        self.assertEqual(self.vm.run("run", "--name", "y", "--", "sh", "-c", "kill -SEGV $$").returncode, 139)
        self.assertEqual(self.vm.run("run", "--name", "z", "--", "no-such-program").returncode, 1)
        self.nowhere(["show", "x"], ["logs", "x"], ["show", "y"])

    def test_in_what_is_set_aside(self):
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, SAVER, "100000")
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("daemon", "stop")
        wait_until(lambda: not os.path.exists(self.vm.root + "/s/gpujob.db-wal"), "it is closed")
        with open(self.vm.root + "/s/gpujob.db", "r+b") as f:
            f.write(b"not a database at all")
        self.assertIn(b"kept as", self.vm.start().stderr)
        wait_until(lambda: self.vm.show("x")["catches"], "its journal is replayed")
        held = self.nowhere(["show", "x"])
        self.assertTrue(any(".damaged-" in path for path in held))


if __name__ == "__main__":
    main()
