# SPDX-License-Identifier: Apache-2.0
"""gpujob-http and servers that behave as they should, or not at all."""
import json
import os
import socket
import ssl
import subprocess
import time

from fake_server import Server, ok
from machine import BIN, Case, main

KERNELS = [{"id": "k", "execution_state": "busy", "connections": 1, "last_activity": "2026-11-21T05:00:00.5Z"}]


class Ask(Case):
    def server(self, answer, **more):
        server = Server(answer, **more)
        self.addCleanup(server.close)
        return server

    def ask(self, request):
        done = subprocess.run([os.path.join(BIN, "gpujob-http")], input=json.dumps(request).encode(),
                              capture_output=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def get(self, port, path="/x?token=secret"):
        return self.ask({"op": "get", "steps": [{"url": f"http://127.0.0.1:{port}{path}"}]})

    def jupyter(self, port, **more):
        home = self.path("runtime")
        os.makedirs(home, exist_ok=True)
        server = {"pid": os.getpid(), "port": port, "hostname": "127.0.0.1", "base_url": "/b/", "token": "t0k"}
        with open(home + "/jpserver-1.json", "w", encoding="utf-8") as f:
            json.dump(dict(server, **more), f)
        return self.ask({"op": "jupyter", "runtime_dirs": [home]})["servers"][0]

    def test_an_answer_comes_back_as_it_was(self):
        server = self.server(lambda _: ok(b"\xff\0x", "404 Not Found"))
        self.assertEqual(self.get(server.port), {"ok": True, "status": 404, "body": {"b64": "/wB4"}, "before": []})
        self.assertTrue(server.asked[0].startswith("GET /x?token=secret HTTP/1.1\r\n"))

    def test_a_token_is_fetched_first_where_one_is_needed(self):
        server = self.server(lambda asked: ok(b"T1") if asked.startswith("PUT") else ok(b"yes"))
        base = f"http://127.0.0.1:{server.port}"
        said = self.ask({"op": "get", "steps": [
            {"method": "PUT", "url": base + "/token", "headers": {"X-ttl": "60"}, "answer_as": "X-token"},
            {"url": base + "/action"}]})
        self.assertEqual(said["body"], "yes")
        self.assertIn("X-ttl: 60\r\n", server.asked[0])
        self.assertIn("X-token: T1\r\n", server.asked[1])

    def test_whoever_answers_badly_or_not_at_all_is_an_error_that_tells_no_secret(self):
        for name, answer in {"garbage": b"\0\1rubbish" * 100, "nothing": b"",
                             "half": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
                             "too much": ok(b"x" * 10_000_000),
                             "endless header": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000}.items():
            with self.subTest(name):
                server = self.server(lambda _, answer=answer: answer)
                said = self.get(server.port)
                self.assertFalse(said["ok"])
                self.assertIn(f"http://127.0.0.1:{server.port}/x: ", said["error"])
                self.assertNotIn("secret", said["error"])

    def test_silence_is_waited_for_two_seconds(self):
        server = self.server(lambda _: None)
        begun = time.monotonic()
        said = self.get(server.port)
        self.assertIn("no answer within 2", said["error"])
        self.assertLess(time.monotonic() - begun, 10)

    def test_nobody_there(self):
        unused = socket.socket()
        unused.bind(("127.0.0.1", 0))
        self.addCleanup(unused.close)
        self.assertIn("refused", self.get(unused.getsockname()[1])["error"])

    def test_a_proxy_is_not_asked(self):
        server = self.server(lambda _: ok(b"direct"))
        os.environ["http_proxy"] = "http://127.0.0.1:1"
        self.addCleanup(os.environ.pop, "http_proxy")
        self.assertEqual(self.get(server.port)["body"], "direct")

    def test_a_jupyter_server_tells_of_its_kernels_and_the_asking_is_no_activity(self):
        server = self.server(lambda asked: ok(KERNELS if "/api/kernels" in asked else []))
        seen = self.jupyter(server.port)
        self.assertEqual((seen["kernels"], seen["busy_kernels"], seen["connections"], seen["terminals"]), (1, 1, 1, 0))
        self.assertEqual(seen["kernel_last_ns"], 1795237200500000000)
        for asked in server.asked:
            self.assertIn("Authorization: token t0k\r\n", asked)
            self.assertIn("no_track_activity=1", asked.split("\r\n")[0])

    def test_a_jupyter_server_without_terminals_is_good_enough(self):
        server = self.server(lambda asked: ok(KERNELS) if "kernels" in asked else ok(b"", "404 Not Found"))
        self.assertEqual(self.jupyter(server.port)["kernels"], 1)

    def test_a_jupyter_server_that_wants_a_password_or_talks_rubbish_is_told(self):
        for answer, words in ((ok(b"", "401 Unauthorized"), "wants a password"), (ok(b"<html>"), "not JSON"),
                              (ok({"a": 1}), "no list"), (ok(b"[" * 100_000), ""), (ok(b"y" * 10_000_000), "256 KiB")):
            with self.subTest(words):
                server = self.server(lambda _, answer=answer: answer)
                seen = self.jupyter(server.port)
                self.assertIn(words, seen["error"])
                self.assertNotIn("t0k", json.dumps(seen))

    def test_a_jupyter_server_on_a_unix_socket(self):
        path = self.path("j.sock")
        self.server(lambda asked: ok(KERNELS if "kernels" in asked else []), family=socket.AF_UNIX, address=path)
        self.assertEqual(self.jupyter(0, sock=path)["kernels"], 1)

    def test_a_jupyter_server_that_signed_its_own_certificate(self):
        key, cert = self.path("key.pem"), self.path("cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=localhost", "-days", "1", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server = self.server(lambda asked: ok(KERNELS if "kernels" in asked else []), context=context)
        self.assertEqual(self.jupyter(server.port, secure=True)["kernels"], 1)
        said = self.ask({"op": "get", "steps": [{"url": f"https://127.0.0.1:{server.port}/"}]})
        self.assertIn("certificate", said["error"])

    def test_what_is_no_request_is_answered_too(self):
        for request in ([], {}, {"op": "dance"}, {"op": "get"}, {"op": "get", "steps": [1]},
                        {"op": "get", "steps": [{"url": "http://example.org/"}]},
                        {"op": "get", "steps": [{"url": "http://127.0.0.1/", "method": "DELETE"}]}):
            with self.subTest(request):
                self.assertFalse(self.ask(request)["ok"])


if __name__ == "__main__":
    main()
