# SPDX-License-Identifier: Apache-2.0
"""A real notebook server and its kernel: what a cell starts outlives both.

A kernel is interrupted with its whole process group and restarted by killing it; the server takes
its kernels along when it ends. Daemon and jobs are in sessions of their own.
"""
import os
import signal
import socket
import subprocess

import live_notebook
from machine import BIN, PYTHON, SAVER, Case, main, wait_until

TOKEN = "of-this-test"


def open_notebook(vm):
    """One on this machine, with one kernel."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    home = vm.root + "/jupyter"
    os.mkdir(home)
    env = {k: v for k, v in vm.env.items() if not k.startswith("JUPYTER")}
    env.update(PATH=f"{BIN}:{env['PATH']}", IPYTHONDIR=home + "/ipython",
               **{f"JUPYTER_{d}_DIR": f"{home}/{d.lower()}" for d in ("CONFIG", "DATA", "RUNTIME")})
    with open(home + "/log", "wb") as log:
        server = subprocess.Popen(
            live_notebook.command(port, TOKEN, "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={home}"),
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    return live_notebook.Notebook(server, home + "/log", f"http://127.0.0.1:{port}/", TOKEN)


class Jupyter(Case):
    def setUp(self):
        super().setUp()
        if not live_notebook.is_installed():
            self.skipTest("jupyter-server is not installed")
        self.notebook = open_notebook(self.vm)
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
