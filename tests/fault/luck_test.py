# SPDX-License-Identifier: Apache-2.0
"""Jobs that behave badly, and strangers."""
import os
import signal
import socket
import subprocess

from machine import PYTHON, Case, main, wait_until

DAEMONISE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3):
            os.close(fd)
        with open(sys.argv[1], "w") as f:
            f.write(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
"""


def read(path):
    """Its text, or nothing when it is not there."""
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def lives(pid):
    stat = read(f"/proc/{pid}/stat")
    return stat != "" and stat.rsplit(")", 1)[1].split()[0] not in "ZX"


class Luck(Case):
    def test_a_daemon_of_the_jobs_own_ends_with_it(self):
        pid_file = self.path("pid")
        done = self.vm.run("run", "--name", "x", "--", PYTHON, "-c", DAEMONISE, pid_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(lives(int(read(pid_file))))

    def test_keep_tree_leaves_it_alone(self):
        pid_file = self.path("pid")
        self.vm.ok("run", "-d", "--keep-tree", "--name", "x", "--", PYTHON, "-c", DAEMONISE, pid_file)
        pid = int(wait_until(lambda: read(pid_file), "it runs"))
        self.assertTrue(lives(pid))
        os.kill(pid, signal.SIGKILL)
        self.vm.wait_state("x", "done")

    def test_a_job_that_closes_its_output_goes_on(self):
        script = "exec >&- 2>&-; sleep 0.2; exit 9"
        self.assertEqual(self.vm.run("run", "--", "sh", "-c", script).returncode, 9)

    def test_a_job_in_a_session_and_group_of_its_own_is_ended_whole(self):
        script = ("import subprocess, time;"
                  "p = subprocess.Popen(['setsid', 'sleep', '1000']); print(p.pid, flush=True); time.sleep(1000)")
        self.vm.ok("run", "-d", "--name", "x", "--", PYTHON, "-c", script)
        pid = int(wait_until(lambda: self.vm.run("logs", "x").stdout, "its child runs"))
        self.vm.ok("stop", "x")
        self.assertFalse(lives(pid))

    def test_a_thousand_children_at_once_leave_nobody_behind(self):
        script = ("import os, time\n"
                  "for i in range(1000):\n"
                  "    if os.fork() == 0:\n"
                  "        time.sleep(1000)\n"
                  "print('forked', flush=True)\n"
                  "os._exit(5)\n")
        self.assertEqual(self.vm.run("run", "--name", "x", "--", PYTHON, "-c", script).returncode, 5)
        mine = [pid for pid in self.vm.processes() if pid != self.vm.daemon_pid()]
        self.assertEqual(mine, [])

    def test_nine_levels_of_shells_are_asked_at_the_bottom(self):
        trainer = ("import os, signal, time\n"
                   "def save(*_):\n"
                   "    open(os.environ['GPUJOB_CKPT_DIR'] + '/m.json', 'w').write('{}')\n"
                   "signal.signal(signal.SIGUSR1, save)\n"
                   "while True: time.sleep(0.05)\n")
        with open(self.path("trainer.py"), "w") as f:
            f.write(trainer)
        script = f"{PYTHON} {self.path('trainer.py')}; :"
        for level in range(9):
            with open(self.path(f"level{level}.sh"), "w") as f:
                f.write(script + "\n")
            script = f"sh {self.path(f'level{level}.sh')}; :"
        self.vm.ok("run", "-d", "--name", "x", "--", "sh", "-c", script)
        wait_until(lambda: self.vm.show("x")["catches"], "the handler is there")
        self.vm.ok("checkpoint", "x", "--wait")
        self.assertEqual(self.vm.show("x")["state"], "running")

    def test_a_client_that_stops_reading_is_dropped_and_nobody_else_notices(self):
        self.vm.ok("run", "-d", "--name", "x", "--", "sleep", "1000")
        self.vm.wait_state("x", "running")
        rude = socket.socket(socket.AF_UNIX)
        self.addCleanup(rude.close)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        rude.connect(self.vm.root + "/r/gpujobd.sock")
        rude.settimeout(60)
        hello = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"v":1,"min_v":1,"client":"rude"}}\n'
        show = b'{"jsonrpc":"2.0","id":2,"method":"show","params":{"job":"x"}}\n'
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            rude.sendall(hello)
            while True:
                rude.sendall(show * 100)
        self.assertEqual(self.vm.show("x")["state"], "running")

    def test_a_socket_of_another_user_is_not_spoken_to(self):
        if os.geteuid() != 0:
            self.skipTest("another user's socket needs root to be made")
        os.chmod(self.root, 0o755)
        os.chmod(self.vm.root, 0o755)
        runtime = self.vm.root + "/r"
        os.mkdir(runtime, 0o755)
        os.chown(runtime, 65534, 65534)
        script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
                  "print('ready', flush=True); c = s.accept()[0]; print(c.recv(100), flush=True)")
        stranger = subprocess.Popen([PYTHON, "-c", script, runtime + "/gpujobd.sock"], user=65534,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(stranger.communicate)
        self.addCleanup(stranger.kill)
        stranger.stdout.readline()
        done = self.vm.run("run", "--env", "SECRET=tell-nobody", "--", "true")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"gpujobd.sock", done.stderr)
        stranger.kill()
        self.assertNotIn(b"tell-nobody", stranger.stdout.read())


if __name__ == "__main__":
    main()
