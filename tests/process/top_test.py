# SPDX-License-Identifier: Apache-2.0
"""gpujob top on a real terminal (tmux), with a real daemon and real jobs."""
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

from machine import BIN, PYTHON, SAVER, Case, main, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../gpu"))
from gpus import DRIVER, Gpus, t4  # noqa: E402

PICTURE = os.path.join(HERE, "../bench/top_picture.py")
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|4[0-7]|38|48)[;m]")


def state_of(pid):
    """As /proc/PID/stat has it: T of one that is stopped; empty when it has gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


class Terminal:
    """A terminal of tmux with a shell in it."""

    def __init__(self, case, vm, columns=80, rows=24, **env):
        self.vm, self.socket = vm, tempfile.mktemp(prefix="tmux-", dir=case.root)
        self.env = dict(vm.env, TERM="xterm-256color", LC_ALL="C.UTF-8", ENV="", **env)
        self.env["PATH"] = BIN + ":" + self.env["PATH"]
        for name in ("NO_COLOR", "TMUX", "COLUMNS", "LINES"):
            if name not in env:
                self.env.pop(name, None)
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", str(columns), "-y", str(rows), "/bin/sh")
        case.addCleanup(self.tmux, "kill-server")
        self.type("PS1='ready: '; clear")
        self.wait("ready:")
        self.before = self.modes()

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], env=self.env, check=True, text=True,
                              capture_output=True).stdout

    def screen(self, *more):
        return self.tmux("capture-pane", "-p", *more)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.press("Enter")

    def wait(self, *texts, limit=60.0):
        def found():
            screen = self.screen()
            return screen if all(t in screen for t in texts) else None
        try:
            return wait_until(found, f"the screen shows {texts}", limit)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.screen()}") from None

    def modes(self):
        """What `stty -a` says of it, asked from outside; whether it shows another screen or no cursor."""
        tty, alternate, cursor = self.tmux("display-message", "-p",
                                           "#{pane_tty} #{alternate_on} #{cursor_flag}").split()
        with open(tty) as f:
            return subprocess.run(["stty", "-a"], stdin=f, capture_output=True, text=True).stdout, alternate, cursor

    def top(self, *args):
        self.type("exec_top() { gpujob top " + shlex.join(args) + "; echo left with $?; }; clear; exec_top")

    def pid(self):
        """Of the gpujob top that runs in it."""
        def find():
            for pid in self.vm.processes():
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as f:
                        if f.read().startswith(b"gpujob\0top\0"):
                            return pid
                except OSError:
                    pass
            return None
        return wait_until(find, "gpujob top runs")


class TopTest(Case):
    def begin(self, *more):
        os.makedirs(self.path("durable"), exist_ok=True)
        self.vm.start("--session-limit", "2h", "--session-start", "now", "--durable", self.path("durable"),
                      "--slots", "2", *more)

    def train(self, name="digits", *more):
        self.vm.ok("run", "-d", "--name", name, "--", PYTHON, SAVER, "100000", *more)
        wait_until(lambda: self.vm.show(name)["catches"], "the handler is there")

    def test_one_glance_at_80_by_24_tells_everything(self):
        self.begin()
        self.train()
        terminal = Terminal(self, self.vm)
        terminal.top()
        screen = terminal.wait("ends first in", "▸ digits", "running", "begin 0", "q quit", "GPU")
        self.assertIn("gpujob top  generic", screen)
        self.assertIn("of 2h 00m, at ", screen)
        self.assertIn("L last save", screen)
        self.assertIn("E end", screen)
        self.assertIn("output of digits, attempt 1", screen)
        self.assertLessEqual(len(screen.rstrip("\n").split("\n")), 24)
        # What README shows of it.
        svg = subprocess.run([PYTHON, PICTURE, "--title", "a <picture>"], input=terminal.screen("-e", "-N"), text=True,
                             capture_output=True, check=True).stdout
        words = " ".join(tree.fromstring(svg).itertext())
        for part in "a <picture>", "gpujob top", "ends first in", "digits", "q quit":
            self.assertIn(part, words)
        terminal.press("q")
        terminal.wait("left with 0")
        self.assertEqual(terminal.modes(), terminal.before)

    def test_a_gpus_bar_follows_the_gpu_that_a_job_has(self):
        gpus = Gpus(self.root)
        os.mkdir(self.path("dev"))
        device = self.path("dev/nvidia0")
        self.vm.env.update(gpus.env, GPUJOB_GPU_DEVICES=self.path("dev/nvidia"))

        def use(percent, more=""):
            gpu = t4(0).replace("throttle 4", "throttle 0")  # held back by nothing: room for its name
            gpus.write(DRIVER + gpu.replace("util 37", f"util {percent}") + more)

        def bar(screen):
            """What is drawn of the use in the last ten minutes, oldest first."""
            lines = [line for line in screen.split("\n") if line.startswith("   use ")]
            return lines[0].split(" memory ")[0][len("   use "):].strip() if lines else ""
        use(3)
        self.begin()
        hold = "import sys, time; gpu = open(sys.argv[1]); time.sleep(1000)"
        with open(device, "w", encoding="utf-8"):
            pass
        self.vm.ok("run", "-d", "--name", "vit", "--gpus", "1", "--", PYTHON, "-c", hold, device)
        pid = wait_until(lambda: self.vm.show("vit")["pid"], "it runs")
        use(3, f"process {pid} 1000000\n")
        terminal = Terminal(self, self.vm)
        terminal.top("--interval", "0.2s")
        screen = terminal.wait("▸ vit", "GPU 0    3 %  1.07 of 16.1 GB", "41 C  27 of 70 W  vit", "Tesla T4")
        low = wait_until(lambda: bar(terminal.screen()), "the use is drawn")[-1]
        use(97, f"process {pid} 1000000\n")
        screen = terminal.wait("GPU 0   97 %")
        self.assertIn("vit", screen)
        high = "█"
        wait_until(lambda: bar(terminal.screen()).endswith(high), f"the bar is higher than {low}")
        self.assertNotEqual(low, high)
        self.vm.ok("stop", "--now", "vit")
        use(0)
        wait_until(lambda: "W  vit" not in terminal.screen(), "it has left the GPU")
        terminal.wait("GPU 0    0 %")
        self.assertLessEqual(len(terminal.screen().rstrip("\n").split("\n")), 24)
        terminal.press("q")
        terminal.wait("left with 0")

    def test_the_window_changes_its_size(self):
        self.begin()
        self.train()
        terminal = Terminal(self, self.vm)
        terminal.top("--interval", "0.2s")
        terminal.wait("▸ digits")
        for columns, rows, text in ((40, 10, "j/k select c save"), (39, 10, "too small"), (60, 9, "too small"),
                                    (132, 43, "up/down or j/k select")):
            terminal.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            screen = terminal.wait(text)
            if text != "too small":
                self.assertIn("▸ digits", terminal.wait("▸ digits", "ends "))
                last = terminal.wait(text).rstrip("\n").split("\n")[-1]
                self.assertIn(text, last)
            self.assertLessEqual(max(map(len, screen.split("\n"))), columns)
        terminal.press("q")
        terminal.wait("left with 0")

    def test_colours_say_nothing_alone_and_can_be_left_out(self):
        self.begin()
        self.train()
        for env, coloured in ({}, True), ({"NO_COLOR": "1"}, False):
            terminal = Terminal(self, self.vm, **env)
            terminal.top()
            terminal.wait("▸ digits", "running")
            self.assertEqual(bool(COLOUR.search(terminal.screen("-e"))), coloured)
            terminal.press("q")
            terminal.wait("left with 0")

    def test_a_terminal_without_utf8_gets_ascii(self):
        self.begin()
        self.train()
        terminal = Terminal(self, self.vm)
        terminal.type("export LC_ALL=C")
        terminal.top()
        screen = terminal.wait("> digits", "running", "[", ">session")
        self.assertTrue(screen.isascii(), screen)
        terminal.press("q")
        terminal.wait("left with 0")

    def test_keys_ask_for_a_checkpoint_show_logs_and_stop(self):
        self.begin()
        self.train()
        self.train("other", "--mute")
        terminal = Terminal(self, self.vm)
        terminal.top("--interval", "0.2s")
        terminal.wait("▸ digits", "other", "running")
        terminal.press("c")
        terminal.wait("s, stored", "o saved")
        self.assertTrue(self.vm.show("digits")["checkpoints"][-1]["confirmed"])
        terminal.press("j")
        terminal.wait("▸ other", "output of other, attempt 1")
        terminal.press("Up")
        terminal.wait("▸ digits")
        terminal.press("l")
        terminal.wait("the end, followed", "begin 0", "saved ")
        terminal.press("q")
        terminal.wait("▸ digits", "LAST SAVE")
        terminal.press("?")
        terminal.wait("gpujob top: help")
        terminal.press("x")
        terminal.wait("▸ digits")
        terminal.press("s")
        terminal.wait("stop digits: it saves first, then ends. Sure? y/n")
        terminal.press("n")
        terminal.wait("not stopped")
        self.assertEqual(self.vm.show("digits")["state"], "running")
        terminal.press("s")
        terminal.wait("Sure? y/n")
        terminal.press("y")
        terminal.wait("stopped")
        self.vm.wait_state("digits", "stopped")
        self.assertEqual(self.vm.show("other")["state"], "running")

    def test_the_terminal_is_sane_after_every_end(self):
        self.begin()
        terminal = Terminal(self, self.vm)
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 0), (signal.SIGHUP, 129),
                             (signal.SIGQUIT, 131)):
            terminal.top()
            terminal.wait("no jobs yet")
            self.assertEqual(terminal.modes()[1:], ("1", "0"))
            os.kill(terminal.pid(), number)
            terminal.wait(f"left with {code}")
            self.assertEqual(terminal.modes(), terminal.before)
        for key, code in ("C-c", 0), ("C-\\", 131):
            terminal.top()
            terminal.wait("no jobs yet")
            terminal.press(key)
            terminal.wait(f"left with {code}")
            self.assertEqual(terminal.modes(), terminal.before)

    def test_it_can_be_stopped_and_goes_on(self):
        self.begin()
        terminal = Terminal(self, self.vm)
        terminal.type("set -m; clear; gpujob top")
        terminal.wait("no jobs yet")
        terminal.press("C-z")
        terminal.wait("Stopped")
        self.assertEqual(terminal.modes(), terminal.before)
        terminal.type("fg")
        terminal.wait("no jobs yet", "q quit")
        # Stopped without being asked, it cannot put the terminal right (so Enter is no newline now); it
        # draws anew when it goes on.
        pid = terminal.pid()
        os.kill(pid, signal.SIGSTOP)
        terminal.wait("Stopped")
        terminal.tmux("send-keys", "-l", "clear; fg")
        terminal.press("C-j")
        wait_until(lambda: "Stopped" not in terminal.screen(), "nothing of the shell is left")
        terminal.wait("no jobs yet", "q quit")
        terminal.press("q")
        wait_until(lambda: terminal.modes() == terminal.before, "the terminal is as it was")

    def test_it_can_be_stopped_from_outside_and_ended_while_it_stands(self):
        self.begin()
        terminal = Terminal(self, self.vm)
        for number in signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
            terminal.type("set -m; clear; gpujob top")
            terminal.wait("no jobs yet")
            pid = terminal.pid()
            os.kill(pid, signal.SIGTSTP)
            terminal.wait("Stopped")
            self.assertEqual(terminal.modes(), terminal.before)
            # It goes on in the background, and stands still again until it may draw.
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: state_of(pid) == "T", "it stands still")
            self.assertEqual(terminal.modes(), terminal.before)
            terminal.type("clear; fg")
            terminal.wait("no jobs yet", "q quit")
            os.kill(pid, signal.SIGTSTP)
            terminal.wait("Stopped")
            # As `kill %1` of a shell.
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: state_of(pid) in ("", "Z"), "it has ended")
            terminal.type("clear; echo here I am")
            terminal.wait("here I am", "ready:")
            self.assertEqual(terminal.modes(), terminal.before)

    def test_without_a_daemon_the_picture_stays_until_one_is_back(self):
        self.begin()
        self.train()
        terminal = Terminal(self, self.vm)
        terminal.top("--interval", "0.2s")
        terminal.wait("▸ digits")
        self.vm.ok("daemon", "stop")
        screen = terminal.wait("NO DAEMON since")
        self.assertIn("▸ digits", screen)
        terminal.press("c")
        terminal.wait("no daemon to ask")
        self.vm.ok("daemon", "start")
        wait_until(lambda: "NO DAEMON" not in terminal.screen(), "the daemon is back")
        # Killed, it is brought back by the job's shim.
        pid = self.vm.kill_daemon()
        wait_until(lambda: self.vm.daemon_pid() not in (None, pid), "another daemon answers")
        wait_until(lambda: "NO DAEMON" not in terminal.screen(), "it is found")
        terminal.press("c")
        terminal.wait("s, stored")
        # One that hangs keeps nobody from leaving.
        pid = self.vm.daemon_pid()
        os.kill(pid, signal.SIGSTOP)
        terminal.wait("the daemon has not answered for")
        terminal.press("q")
        terminal.wait("left with 0")
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(terminal.modes(), terminal.before)

    def test_what_cannot_be_drawn_on_is_said_with_what_to_do(self):
        done = self.vm.run("top")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"top: standard input: is no terminal: use gpujob ps, or print one picture: gpujob top --once",
                      done.stderr)
        self.assertIsNone(self.vm.daemon_pid(), "none was started for it")
        terminal = Terminal(self, self.vm, columns=160)
        for name in "dumb", "no-such-terminal", "":
            terminal.type(f"clear; TERM={name} gpujob top; echo left with $?")
            terminal.wait("left with 1", f"terminal {name}:" if name else "terminal: TERM does not name it",
                          "set TERM=xterm-256color", "gpujob top --once")
        self.assertEqual(terminal.modes(), terminal.before)
        done = self.vm.run("top", "--interval", "0")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"top: --interval: 0: out of range: give 0.1s to 1h", done.stderr)

    def test_once_prints_one_picture_as_text(self):
        self.begin()
        self.train()
        text = self.vm.ok("top", "--once", env={"LC_ALL": "C", "COLUMNS": "100", "LINES": "30"}).stdout.decode()
        self.assertTrue(text.isascii())
        for part in "> digits", "running", ">session", "ends first in", "begin 0":
            self.assertIn(part, text)
        self.assertNotIn("q quit", text)
        self.assertNotIn("\x1b", text)
        lines = text.split("\n")
        self.assertTrue(all(len(line) <= 100 for line in lines) and len(lines) <= 31, text)
        self.assertIn("▸ digits", self.vm.ok("top", "--once", env={"LC_ALL": "C.UTF-8"}).stdout.decode())
        document = json.loads(self.vm.ok("top", "--json").stdout)
        self.assertEqual([j["name"] for j in document["jobs"]], ["digits"])
        self.assertEqual(document["session"]["platform"], "generic")


if __name__ == "__main__":
    main()
