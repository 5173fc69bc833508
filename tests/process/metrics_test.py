# SPDX-License-Identifier: Apache-2.0
"""gpujob metrics, read by the parsers of those who scrape it."""
import os
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.error
import urllib.request

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as prometheus

from machine import PYTHON, Case, main, wait_until

SLEEP = [PYTHON, "-c", "import time; time.sleep(600)"]


def samples(text, parse=openmetrics):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value
            for family in parse.text_string_to_metric_families(text) for s in family.samples}


def value(found, series, **labels):
    return next((v for (n, l), v in found.items()
                 if n == series and all((k, w) in l for k, w in labels.items())), None)


class Nonsense:
    """A daemon that greets, and then says what no gpujob understands."""

    def __init__(self, path):
        self.asked = 0
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def serve(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            with client, client.makefile("rwb") as wire:
                wire.readline()
                wire.write(b'{"jsonrpc":"2.0","id":1,"result":{"v":1,"min_v":1,"version":"x","pid":1}}\n')
                wire.flush()
                wire.readline()
                self.asked += 1
                wire.write(b"nonsense\n")


class Metrics(Case):
    def running(self, *names):
        vm = self.vm
        vm.start("--session-limit", "9h", "--session-start", "now", "--slots", "4")
        for name in names:
            vm.ok("run", "-d", "--name", name, "--", *SLEEP)
            vm.wait_state(name, "running")
        return vm

    def test_both_parsers_read_it(self):
        vm = self.running("plain", 'na"me\\with {everything}=1,')
        text = vm.ok("metrics").stdout.decode()
        for parse in (openmetrics, prometheus):
            found = samples(text, parse)
            self.assertEqual(value(found, "gpujob_up"), 1)
            self.assertEqual(value(found, "gpujob_jobs", state="running"), 2)
            self.assertEqual(value(found, "gpujob_job_state", name="plain", state="running"), 1)
            self.assertEqual(
                value(found, "gpujob_job_attempt", name='na"me\\with {everything}=1,'), 1)
            self.assertGreater(value(found, "gpujob_session_remaining_seconds"), 8 * 3600)

    def test_without_a_daemon_it_says_so_and_starts_none(self):
        vm = self.vm
        self.assertEqual(samples(vm.ok("metrics").stdout.decode()), {("gpujob_up", ()): 0})
        self.assertIsNone(vm.daemon_pid())

    def test_a_watched_file_is_whole_follows_and_goes(self):
        vm = self.running("a")
        path = self.path("gpujob.prom")
        watch = vm.popen("metrics", "--watch", path, "--interval", "1s")
        self.addCleanup(watch.kill)

        def jobs():
            try:
                with open(path, encoding="utf-8") as file:
                    return value(samples(file.read()), "gpujob_jobs", state="running")
            except FileNotFoundError:
                return None
        wait_until(lambda: jobs() == 1, "the file tells of one job")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        vm.ok("run", "-d", "--name", "b", "--", *SLEEP)
        wait_until(lambda: jobs() == 2, "the file tells of two jobs")
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(30), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_watched_file_is_whole_when_the_daemon_or_the_disk_fails(self):
        vm = self.running()
        os.mkdir(self.path("out"))
        path = self.path("out/gpujob.prom")
        watch = vm.popen("metrics", "--watch", path, "--interval", "1s")
        self.addCleanup(watch.kill)

        def up():
            """Read by a parser that wants all of it, at whatever moment."""
            with open(path, encoding="utf-8") as file:
                return value(samples(file.read()), "gpujob_up")
        wait_until(lambda: os.path.exists(path) and up() == 1, "the file tells of a daemon")
        vm.ok("daemon", "stop")
        wait_until(lambda: up() == 0, "it tells that there is none")
        # One that speaks nonsense is none.
        daemon = Nonsense(vm.root + "/r/gpujobd.sock")
        self.addCleanup(daemon.close)
        wait_until(lambda: daemon.asked >= 3, "it is asked again and again")
        self.assertEqual(up(), 0)
        daemon.close()
        os.unlink(vm.root + "/r/gpujobd.sock")
        vm.start()
        wait_until(lambda: up() == 1, "the daemon is back")
        # Its place goes for a while: the file stays as it is, and follows again.
        os.rename(self.path("out"), self.path("away"))
        self.assertIn(b"gpujob.prom", self.line_of(watch.stderr, b"gpujob.prom"))
        os.rename(self.path("away"), self.path("out"))
        self.assertEqual(up(), 1)
        vm.ok("daemon", "stop")
        wait_until(lambda: up() == 0, "it follows")
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(30), 0)

    def line_of(self, stream, words):
        """The first line that holds them; whoever never says them ends the test by its time."""
        return next(line for line in stream if words in line)

    def test_a_place_that_takes_no_file_is_said_at_once(self):
        done = self.vm.run("metrics", "--watch", self.path("none/gpujob.prom"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"none/gpujob.prom", done.stderr)

    def listen(self, vm, *more):
        server = vm.popen("metrics", "--listen", *more)
        self.addCleanup(lambda: (server.kill(), server.wait()))
        url = server.stdout.readline().decode().strip()
        return server, url

    def ask(self, url, token=None, method="GET"):
        request = urllib.request.Request(url, method=method)
        if token is not None:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), None

    def test_http_answers_whoever_has_the_token(self):
        vm = self.running("a")
        server, url = self.listen(vm, "0")
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/metrics$")
        with open(vm.root + "/r/metrics.token", encoding="ascii") as file:
            token = file.read().strip()
        status, text, kind = self.ask(url, token)
        self.assertEqual(status, 200)
        self.assertTrue(kind.startswith("application/openmetrics-text"))
        self.assertEqual(value(samples(text), "gpujob_jobs", state="running"), 1)
        for wrong in (None, "", token[:-1], token + "0", "x" * len(token), "x" * 4000):
            self.assertEqual(self.ask(url, wrong)[0], 401, wrong)
        self.assertEqual(self.ask(url.replace("metrics", "else"), token)[0], 404)
        self.assertEqual(self.ask(url, token, "DELETE")[0], 405)
        self.assertEqual(self.ask(url, token, "HEAD")[:2], (200, ""))
        # Who says nothing holds up nobody.
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)):
            self.assertEqual(self.ask(url, token)[0], 200)
        vm.ok("daemon", "stop")
        self.assertEqual(samples(self.ask(url, token)[1]), {("gpujob_up", ()): 0})
        self.assertNotIn(token.encode(), subprocess.check_output(["ps", "-eo", "args"]))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(30), 0)

    def test_who_says_nothing_keeps_nobody_out(self):
        vm = self.running()
        _, url = self.listen(vm, "0")
        with open(vm.root + "/r/metrics.token", encoding="ascii") as file:
            token = file.read().strip()
        port = int(url.split(":")[2].split("/")[0])
        silent = []
        for number in range(40):  # more than are served at once
            silent.append(socket.create_connection(("127.0.0.1", port)))
            self.addCleanup(silent[-1].close)
            if number % 2:
                silent[-1].sendall(b"GET /metrics HTTP/1.1\r\nAuthorization: ")
        self.assertEqual(self.ask(url, token)[0], 200)
        # The oldest made way, and the others do not stay for long.
        begun = time.monotonic()
        for one in silent:
            one.settimeout(30)
            try:
                self.assertEqual(one.recv(1), b"")
            except ConnectionResetError:
                pass
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual(self.ask(url, token)[0], 200)

    def test_only_this_machine_is_listened_on(self):
        vm = self.running()
        for place in ("0.0.0.0:0", "192.0.2.1:0", "localhost:0", "[::]:0", "x", "127.0.0.1:70000"):
            done = vm.run("metrics", "--listen", place)
            self.assertNotEqual(done.returncode, 0, place)
        server, url = self.listen(vm, "127.0.0.1:0")
        port = url.split(":")[2].split("/")[0]
        taken = vm.run("metrics", "--listen", port)
        self.assertEqual(taken.returncode, 1)
        self.assertIn("choose another port", taken.stderr.decode())

    def test_a_token_file_that_others_can_read_is_refused(self):
        vm = self.running()
        path = self.path("token")
        with open(path, "w", encoding="ascii") as file:
            file.write("a-good-token\n")
        os.chmod(path, 0o644)
        done = vm.run("metrics", "--listen", "0", "--token-file", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("chmod 600", done.stderr.decode())
        os.chmod(path, 0o600)
        _, url = self.listen(vm, "0", "--token-file", path)
        self.assertEqual(self.ask(url, "a-good-token")[0], 200)


if __name__ == "__main__":
    main()
