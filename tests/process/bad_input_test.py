# SPDX-License-Identifier: Apache-2.0
"""Each: a clear error that says what to do, and nothing started."""
import json
import os
import subprocess

from machine import BIN, Case, main, wait_until


class BadInput(Case):
    def refused(self, *args, code=None, says=b"", **more):
        done = self.vm.run(*args, **more)
        self.assertNotEqual(done.returncode, 0, args)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertNotIn(b"terminate called", done.stderr)
        return done

    def nothing_started(self):
        self.assertEqual(self.vm.json("ps", "--all")["jobs"], [])

    def test_unknown_options_and_commands(self):
        self.refused("run", "--nonsense", "--", "true", code=2)
        self.refused("nonsense", code=2)
        self.refused("daemon", "nonsense", code=2)
        self.refused("run", code=2)
        self.nothing_started()

    def test_a_missing_program(self):
        self.refused("run", "--", "no-such-program", code=1, says=b"no-such-program")
        self.refused("run", "--", "/nowhere/at/all", code=1, says=b"/nowhere/at/all")
        self.nothing_started()

    def test_a_program_that_vanishes_before_its_start_is_failed_for_good(self):
        script = self.path("script")
        with open(script, "w") as f:
            f.write("#!/nowhere/interpreter\n")
        os.chmod(script, 0o755)
        done = self.vm.run("run", "--name", "x", "--", script)
        self.assertEqual(done.returncode, 127)
        self.assertEqual(self.vm.show("x")["state"], "failed")

    def test_names_with_a_slash_or_a_newline(self):
        for name in ("a/b", "a\nb", "", "..", "x" * 101, "-x"):
            self.refused("run", f"--name={name}", "--", "true", code=2)
        self.refused("run", "--name", "", "--", "true", code=2, says=b"is empty")
        self.nothing_started()

    def test_a_session_limit_of_0_and_of_900_h(self):
        for limit in ("0", "900h", "-3h", "soon"):
            self.refused("daemon", "start", f"--session-limit={limit}", code=2)
            self.assertIsNone(self.vm.daemon_pid())

    def test_an_unknown_platform(self):
        self.refused("daemon", "start", "--platform", "colob", code=2, says=b"colab")

    def test_directories_that_cannot_be_written(self):
        blocked = self.path("file")
        open(blocked, "w").close()
        self.refused("daemon", "start", "--state", blocked + "/s", code=1, says=blocked.encode())
        self.refused("daemon", "start", "--runtime", blocked + "/r", code=1, says=blocked.encode())
        self.assertIsNone(self.vm.daemon_pid())

    def test_directories_on_a_disk_that_is_read_only(self):
        blocked = self.path("blocked")
        os.mkdir(blocked)
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        within = ["unshare", "--mount", "sh", "-c", script, blocked]
        probe = subprocess.run([*within, "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            self.skipTest("unshare: " + probe.stderr.decode().strip() + ": needs CAP_SYS_ADMIN")
        for option in ("--state", "--runtime", "--durable"):
            done = subprocess.run([*within, BIN + "/gpujob", "daemon", "start", option, blocked + "/d"],
                                  env=self.vm.env, capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(blocked.encode() + b"/d", done.stderr)
            self.assertIn(b"Read-only file system", done.stderr)
            wait_until(lambda: not self.vm.processes(), "nothing is left running")

    def test_a_runtime_directory_too_long_for_a_socket(self):
        self.refused("daemon", "start", "--runtime", self.root + "/" + "x" * 120,
                     says=b"GPUJOB_RUNTIME_DIR")

    def test_values_out_of_range(self):
        for args in (["--lead", "soon"], ["--checkpoint-signal", "KILL"], ["--checkpoint-exit", "256"],
                     ["--max-failures", "-2"], ["--env", "novalue"], ["--checkpoint-target", "moon"]):
            self.refused("run", *args, "--", "true", code=2)
        self.nothing_started()

    def test_jobs_that_are_not_there(self):
        for command in ("show", "logs", "attach", "checkpoint", "stop", "wait", "rm"):
            self.refused(command, "nobody", code=1, says=b"nobody")

    def test_wait_finds_a_wrong_name_at_once(self):
        self.vm.ok("run", "-d", "--name", "long", "--", "sleep", "1000")
        self.refused("wait", "long", "nobody", code=1, says=b"nobody")

    def test_a_bad_config_file_names_its_key(self):
        os.makedirs(self.vm.root + "/.config/gpujob")
        for text, says in (("{", b"config.json"), ('{"sesion_limit":"1h"}', b"sesion_limit"),
                           ('{"session_limit":7.5}', b"session_limit")):
            with open(self.vm.root + "/.config/gpujob/config.json", "w") as f:
                f.write(text)
            self.refused("daemon", "start", says=says)
            self.assertIsNone(self.vm.daemon_pid())

    def test_a_bad_config_file_keeps_nobody_from_looking_and_stopping(self):
        self.vm.ok("run", "-d", "--name", "x", "--", "sleep", "1000")
        os.makedirs(self.vm.root + "/.config/gpujob")
        with open(self.vm.root + "/.config/gpujob/config.json", "w") as f:
            f.write("{broken")
        self.assertIn(b"config.json", self.vm.ok("ps").stderr)
        self.vm.ok("stop", "x")
        self.vm.ok("daemon", "stop")
        self.refused("ps", says=b"config.json")

    def test_errors_are_json_too(self):
        done = self.refused("show", "nobody", "--json", code=1)
        self.assertEqual(json.loads(done.stdout)["error"]["errc"], "not_found")


if __name__ == "__main__":
    main()
