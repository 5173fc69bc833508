# SPDX-License-Identifier: Apache-2.0
"""A real notebook server and its kernel: what a cell starts outlives both.

A kernel is interrupted with its whole process group and restarted by killing it; the server takes
its kernels along when it ends. Daemon and jobs are in sessions of their own.
"""
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
import uuid

from machine import BIN, PYTHON, SAVER, Case, main, wait_until

try:
    import websocket  # comes with Debian's jupyter-server
except ImportError:
    websocket = None

SERVER = "/usr/bin/jupyter-server"
TOKEN = "of-this-test"


class Notebook:
    """A server on this machine with one kernel, driven as a browser does."""

    def __init__(self, vm):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        home = vm.root + "/jupyter"
        os.mkdir(home)
        env = {k: v for k, v in vm.env.items() if not k.startswith("JUPYTER")}
        env.update(PATH=f"{BIN}:{env['PATH']}", IPYTHONDIR=home + "/ipython",
                   **{f"JUPYTER_{d}_DIR": f"{home}/{d.lower()}" for d in ("CONFIG", "DATA", "RUNTIME")})
        self.url = f"http://127.0.0.1:{port}/api/"
        self.log = home + "/log"
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen(
                [SERVER, "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
                 "--ServerApp.port_retries=0", f"--ServerApp.token={TOKEN}", f"--ServerApp.root_dir={home}"],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(self.answers, "the server answers", 60)
        self.kernel = self.rest("POST", "kernels", {"name": "python3"})["id"]
        self.connect()

    def rest(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": "token " + TOKEN}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def answers(self):
        if self.server.poll() is not None:
            with open(self.log) as log:
                raise AssertionError("the server ended: " + log.read())
        try:
            return self.rest("GET", "status")
        except urllib.error.URLError:
            return None

    def connect(self):
        self.socket = websocket.create_connection(
            f"{self.url.replace('http', 'ws', 1)}kernels/{self.kernel}/channels",
            header=["Authorization: token " + TOKEN], timeout=60)

    def begin_cell(self, code):
        header = {"msg_id": uuid.uuid4().hex, "username": "", "session": "test",
                  "msg_type": "execute_request", "version": "5.3"}
        self.socket.send(json.dumps({
            "header": header, "parent_header": {}, "metadata": {}, "buffers": [], "channel": "shell",
            "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False}}))
        return header["msg_id"]

    def read_cell(self, cell, until):
        """What it printed until that text, or to its end when the text is None."""
        out, status = "", None
        while until not in out if until else status is None:
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] == "stream":
                out += message["content"]["text"]
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                status = "idle"  # on the same channel as the output, so nothing follows
        return out

    def cell(self, code):
        return self.read_cell(self.begin_cell(code), None)

    def command(self, what):
        self.rest("POST", f"kernels/{self.kernel}/{what}")


class Jupyter(Case):
    def setUp(self):
        super().setUp()
        if websocket is None or not os.path.exists(SERVER):
            self.skipTest("jupyter-server is not installed")
        self.notebook = Notebook(self.vm)
        self.addCleanup(self.notebook.server.wait)
        self.addCleanup(self.notebook.server.kill)

    def begin(self):
        """Daemon and job, both started by a cell."""
        said = self.notebook.cell("!gpujob daemon start --slots 3 --session-limit 2h 2>&1\n"
                                  f"!gpujob run -d --name quiet -- {PYTHON} {SAVER} 100000 2>&1")
        self.assertIn("quiet", said)
        wait_until(lambda: self.vm.show("quiet")["catches"], "the handler is there")
        self.kernel_pid = int(self.notebook.cell("import os; print(os.getpid())"))
        self.daemon, self.job = self.vm.daemon_pid(), self.vm.show("quiet")["pid"]

    def kernel_is_gone(self):
        wait_until(lambda: not os.path.exists(f"/proc/{self.kernel_pid}"), "the kernel is gone")

    def goes_on(self):
        self.assertEqual(self.vm.daemon_pid(), self.daemon)
        self.vm.ok("checkpoint", "quiet", "--wait")
        view = self.vm.show("quiet")
        self.assertEqual((view["state"], view["pid"], view["attempt"]), ("running", self.job, 1))
        self.assertEqual(view["checkpoints"][-1]["how"], "notify")

    def attached(self, name, code):
        """A cell in which an attached client copies the job's output."""
        cell = self.notebook.begin_cell(code % f"gpujob run --name {name} -- {PYTHON} {SAVER} 100000")
        self.notebook.read_cell(cell, "begin 0")
        return cell

    def test_a_kernel_that_is_interrupted_restarted_and_deleted_leaves_daemon_and_jobs_alone(self):
        self.begin()
        cell = self.attached("loud", "!%s 2>&1")
        self.notebook.command("interrupt")
        self.assertIn("gpujob attach loud", self.notebook.read_cell(cell, None))
        self.assertEqual(self.vm.show("loud")["state"], "running")
        self.goes_on()

        # subprocess: in the kernel's own group and session, where every signal to it arrives.
        self.attached("louder", "import subprocess\n"
                      "p = subprocess.Popen('%s', shell=True, stdout=subprocess.PIPE)\n"
                      "for line in p.stdout:\n    print(line.decode(), flush=True)")
        self.notebook.command("restart")
        self.kernel_is_gone()
        self.goes_on()
        self.notebook.socket.close()
        self.notebook.connect()
        self.assertIn("louder", self.notebook.cell("!gpujob ps"))

        self.kernel_pid = int(self.notebook.cell("import os; print(os.getpid())"))
        self.notebook.rest("DELETE", "kernels/" + self.notebook.kernel)
        self.kernel_is_gone()
        self.goes_on()
        for name in ("loud", "louder"):
            view = self.vm.show(name)
            self.assertEqual((view["state"], view["attempt"]), ("running", 1))

    def test_the_servers_end_leaves_daemon_and_jobs_alone(self):
        self.begin()
        self.attached("loud", "!%s 2>&1")
        os.killpg(self.notebook.server.pid, signal.SIGTERM)
        self.notebook.server.wait(60)
        self.kernel_is_gone()
        self.goes_on()
        self.assertEqual(self.vm.show("loud")["state"], "running")

    def test_the_servers_sudden_end_leaves_daemon_and_jobs_alone(self):
        self.begin()
        os.killpg(self.notebook.server.pid, signal.SIGKILL)
        self.notebook.server.wait(60)
        self.kernel_is_gone()
        self.goes_on()


if __name__ == "__main__":
    main()
