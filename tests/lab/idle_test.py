# SPDX-License-Identifier: Apache-2.0
"""When a platform will take the session for idle, by what real notebook servers in its VM tell; and
what is saved before that.

The daemon looks when it starts, and then once a minute: here it is started anew to look again.
"""
import functools
import json
import os
import struct
import subprocess
import time
from dataclasses import replace

import live_notebook
import network
import table
from fake_server import ok
from life import instant
from machine import main, wait_until
from machine_of import COLAB, COLAB_ENV, HOUR, MACHINES, MINUTE
from watched import ON_WARNING, SLOW, Watched
from world import PROGRAMS

TOKEN = "of-this-test"
COLAB_IP = COLAB_ENV["COLAB_JUPYTER_IP"]
# An instant is computed when it is shown: milliseconds.
SLACK = 0.1
# Between a look and the question what it saw.
NOW = 5 * SLOW


def tearDownModule():
    table.show(list(MACHINES))


class Idle(Watched):
    def begin(self, of, *addresses, **more):
        if not live_notebook.is_installed():
            self.skipTest("jupyter-server is not installed")
        vm = self.boot(of, **more)
        network.come_up(vm, *addresses)
        return vm

    def open_notebook(self, vm, url, *options, token="", behind=0, env=None):
        """A server in the VM and its kernel. Their clock is that many seconds behind, as if these had
        passed since."""
        port, base = url.split(":")[2].split("/", 1)
        prefix = []
        if behind:
            with open(vm.inside("/run/clock"), "wb") as f:
                f.write(struct.pack("qq", -int(behind * 1e9), 0))
            prefix = ["/usr/bin/env", f"LD_PRELOAD={PROGRAMS}/libgpujob_test_clock.so", "GJ_TEST_CLOCK=/run/clock"]
        if not token:
            options += ("--ServerApp.disable_check_xsrf=True",)
        line = live_notebook.command(port, token, f"--ServerApp.base_url=/{base}", *options)
        log = vm.root + "/jupyter.log"
        with open(log, "wb") as out:
            server = subprocess.Popen([*vm.enter, *prefix, *line], env=dict(vm.env, **(env or {})),
                                      stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.ends_with_its_vm.append(server)
        notebook = live_notebook.Notebook(server, log, url, token, functools.partial(network.inside, vm))
        self.addCleanup(notebook.socket.shutdown)
        return notebook

    def seen(self, vm):
        view = vm.json("quota")
        return view["session"], next((l for l in view["limits"] if l["type"] == "idle"), None)

    def has_looked(self, vm):
        return wait_until(lambda: (s := self.seen(vm)) and s[1]["note"] != "not looked at yet" and s, "it has looked")

    def look(self, vm, *settings):
        """What a daemon that starts now sees: the session, and what stands of the idle limit."""
        if vm.daemon_pid():
            vm.ok("daemon", "stop")
        vm.start(*settings)
        return self.has_looked(vm)

    def is_active(self, vm, cap):
        session, limit = self.look(vm)
        self.assertLess(limit["used_s"], NOW)
        self.assertIsNone(session["idle_ends_at"])  # while something counts there is no such end

    def is_idle_since(self, vm, began, cap, *settings):
        session, limit = self.look(vm, *settings)
        self.assertAlmostEqual(instant(session["idle_ends_at"]), began + cap, delta=SLACK)
        self.assertAlmostEqual(limit["used_s"], time.time() - began, delta=NOW)
        self.assertEqual(limit["amount_s"], cap)
        return session

    def is_heard(self, notebook):
        """A server that has just started a kernel does not hear it at first, and calls it "starting"."""
        def idle():
            notebook.cell("1 + 1")
            return notebook.rest("GET", "kernels")[0]["execution_state"] == "idle"
        wait_until(idle, "the server hears the kernel")

    def idle_since(self, notebook):
        wait_until(lambda: notebook.rest("GET", "kernels")[0]["execution_state"] == "idle", "the kernel is idle")
        return self.last_activity(notebook)

    def last_activity(self, notebook, what="kernels"):
        return instant(notebook.rest("GET", what + "?no_track_activity=1")[0]["last_activity"])

    # What counts.

    def test_on_kaggle_cells_count_and_neither_terminals_nor_our_looking(self):
        vm = self.begin(MACHINES["kaggle"])
        with table.cell("kaggle", "idle") as said:
            notebook = self.open_notebook(vm, "http://127.0.0.1:8888/k/lab/proxy/", token=TOKEN, behind=10 * MINUTE)
            self.is_heard(notebook)
            cell = notebook.begin_cell("import time; print('begun', flush=True); time.sleep(1000)")
            notebook.read_cell(cell, "begun")
            self.assertLess(self.last_activity(notebook), time.time() - 9 * MINUTE)
            self.is_active(vm, 20 * MINUTE)
            notebook.command("interrupt")
            notebook.read_cell(cell, None)
            ended = self.idle_since(notebook)
            wait_until(lambda: time.time() - 10 * MINUTE > ended + 5 * SLACK, "another activity would be another")
            notebook.rest("POST", "terminals")
            self.assertGreater(self.last_activity(notebook, "terminals"), ended + SLACK)
            before = notebook.rest("GET", "status")["last_activity"]
            session = self.is_idle_since(vm, ended, 20 * MINUTE)
            self.assertRegex(session["idle_evidence"][0], "1 kernel, 0 of them busy, 1 terminal$")
            self.assertEqual(notebook.rest("GET", "status")["last_activity"], before)
            notebook.rest("GET", "kernels")  # as a page does
            self.assertNotEqual(notebook.rest("GET", "status")["last_activity"], before)
            said += ["cells count", "terminals do not"]

    def test_on_colab_an_open_page_counts_and_no_token_is_needed(self):
        vm = self.begin(COLAB, COLAB_IP)
        with table.cell("colab", "idle") as said:
            notebook = self.open_notebook(
                vm, f"http://{COLAB_IP}:9000/", f"--ServerApp.ip={COLAB_IP}", "--ServerApp.allow_remote_access=True",
                behind=10 * MINUTE, env={"JUPYTER_RUNTIME_DIR": "/run/jupyter"})
            self.is_heard(notebook)
            self.is_active(vm, 30 * MINUTE)
            notebook.socket.close()
            wait_until(lambda: not notebook.rest("GET", "kernels")[0]["connections"], "the page is closed")
            session = self.is_idle_since(vm, self.idle_since(notebook), 30 * MINUTE)
            self.assertIn("the platform's profile): 1 kernel, 0 of them busy", session["idle_evidence"][0])
            said.append("cells and an open page count")

    def only_the_user_knows(self, name, url, *options, named, token="", asks="", of=None):
        """Nobody is asked then. gpujob-http would find the server: as the profile names it, too."""
        vm = self.begin(of or MACHINES[name])
        with table.cell(name, "idle") as said:
            notebook = self.open_notebook(vm, url, *options, token=token)
            self.is_heard(notebook)
            vm.start()
            session, limit = self.seen(vm)
            self.assertEqual((session["idle_ends_at"], session["idle_evidence"]), (None, []))
            self.assertEqual((limit["amount_s"], limit["used_s"]), (None, None))
            self.assertEqual(limit["note"], "only you know it" + (": " + asks if asks else ""))
            home = vm.of.user.home + "/.local/share/jupyter/runtime"
            asked = {"op": "jupyter", "runtime_dirs": [home], "servers": named}
            done = subprocess.run([*vm.enter, PROGRAMS + "/gpujob-http"], input=json.dumps(asked).encode(),
                                  capture_output=True, env=vm.env, timeout=60, check=True)
            servers = json.loads(done.stdout)["servers"]
            self.assertEqual([s.get("kernels", s) for s in servers], [1])  # found and named, and asked once
            self.assertAlmostEqual(servers[0]["kernel_last_ns"] / 1e9, self.last_activity(notebook), delta=SLACK)
            said.append("only the user knows")

    def test_in_studio_only_the_administrator_knows(self):
        self.only_the_user_knows(
            "sagemaker-studio", "http://127.0.0.1:8888/jupyterlab/default/",
            named=["http://localhost:8888/jupyterlab/default"],
            asks="IdleTimeoutInMinutes of the administrator's IdleSettings, 60 to 525600")

    def test_a_sagemaker_notebook_signs_its_own_certificate(self):
        key, cert = self.path("key.pem"), self.path("cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=localhost", "-days", "1", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        with open(key) as k, open(cert) as c:
            files = {**MACHINES["sagemaker-notebook"].files, "/etc/jupyter/both.pem": k.read() + c.read()}
        of = replace(MACHINES["sagemaker-notebook"], files=files)
        self.only_the_user_knows(
            "sagemaker-notebook", "https://127.0.0.1:8443/", "--ServerApp.certfile=/etc/jupyter/both.pem", of=of,
            named=["https://localhost:8443"], asks="the idle time of the lifecycle script, if one was installed")

    def test_paperspace_does_not_say(self):
        self.only_the_user_knows("paperspace", "http://127.0.0.1:8888/nlab/", token=TOKEN, named=[])

    def test_the_heartbeat_of_ai_studio_cannot_be_seen(self):
        of = MACHINES["aistudio"]
        vm = self.boot(of)
        with table.cell("aistudio", "idle") as said:
            vm.start(*of.given)
            session, limit = self.seen(vm)
            self.assertEqual((session["idle_ends_at"], limit["amount_s"], limit["used_s"]), (None, HOUR, None))
            self.assertEqual(limit["note"], "what counts as activity there cannot be seen from inside")
            said.append("cannot be seen")

    def test_a_kaggle_batch_run_is_never_idle(self):
        vm = self.boot(MACHINES["kaggle, batch"])
        with table.cell("kaggle, batch", "idle") as said:
            session, limit = self.seen(vm)
            self.assertEqual((session["idle_ends_at"], limit), (None, None))
            said.append("none")

    # What comes of it.

    def test_a_job_saves_before_the_idle_end_and_goes_on(self):
        cap, lead, spare = 20 * MINUTE, 45 * SLOW, 3 * SLOW
        vm = self.begin(MACHINES["kaggle"])
        with table.cell("kaggle", "idle") as said:
            before = self.begin_job(vm, "--lead", f"{lead:.1f}s")
            notebook = self.open_notebook(vm, "http://127.0.0.1:8888/", token=TOKEN, behind=cap - lead - spare)
            self.is_heard(notebook)
            session = self.is_idle_since(vm, self.idle_since(notebook), cap, *ON_WARNING)
            end = instant(session["idle_ends_at"])
            self.between(instant(self.wait_saved(vm)["at"]), (end - lead, end - 1))
            self.is_told(vm, "the platform may take this session for idle in ")
            self.went_on(vm, before)
            self.assertEqual(session["ends_by"], "session_limit")
            said.append("saved before that")

    def answering(self, vm, answer):
        """A server of this process is what the VM's Jupyter wrote down."""
        server = network.serve(vm, ("127.0.0.1", 0), answer)
        self.addCleanup(server.close)
        runtime = vm.inside(vm.of.user.home + "/.local/share/jupyter/runtime")
        os.makedirs(runtime, exist_ok=True)
        with open(runtime + "/jpserver-1.json", "w") as f:
            json.dump({"pid": 1, "port": server.port, "hostname": "localhost", "base_url": "/"}, f)

    def test_servers_that_answer_badly_or_not_at_all_hold_nothing_up(self):
        vm = self.boot(MACHINES["kaggle"])
        network.come_up(vm)
        before = self.begin_job(vm)
        for words, answer in (("wants a password", ok(b"", "401 Unauthorized")), ("bad version", b"\0rubbish" * 99),
                              ("256 KiB", ok(b"x" * 10_000_000)), ("no answer within 2", None)):
            with self.subTest(words):
                self.answering(vm, lambda _, answer=answer: answer)
                vm.ok("daemon", "stop")
                vm.start()
                began = time.monotonic()
                self.assertIsNone(self.seen(vm)[0]["idle_ends_at"])
                self.assertLess(time.monotonic() - began, 2 * SLOW)
                vm.ok("checkpoint", "x", "--wait")
                self.assertLess(time.monotonic() - began, 5 * SLOW)
                limit = self.has_looked(vm)[1]
                self.assertRegex(limit["note"], "^no Jupyter server answers: .*" + words)
                self.assertIsNone(limit["used_s"])
        self.assertEqual([c["confirmed"] for c in vm.show("x")["checkpoints"]][-4:], [True] * 4)
        self.went_on(vm, before)

    def test_where_nobody_knows_what_counts_a_busy_kernel_is_not_called_idle(self):
        vm = self.boot(replace(MACHINES["colab-enterprise"], age=HOUR))
        network.come_up(vm)
        kernel = {"id": "k", "execution_state": "busy", "connections": 1, "last_activity": "2026-11-21T00:00:00Z"}
        self.answering(vm, lambda asked: ok([kernel] if "/kernels" in asked else []))
        with table.cell("colab-enterprise", "idle") as said:
            limit = self.look(vm)[1]
            self.assertLess(limit["used_s"] or 0, NOW)
            said.append("what counts is not known")


if __name__ == "__main__":
    main()
