# SPDX-License-Identifier: Apache-2.0
"""A real notebook server (Debian's jupyter-server), driven as a browser does."""
import contextlib
import json
import os
import ssl
import urllib.error
import urllib.request
import uuid

from machine import wait_until

try:
    import websocket  # comes with Debian's jupyter-server
except ImportError:
    websocket = None

SERVER = "/usr/bin/jupyter-server"


def is_installed():
    return websocket is not None and os.path.exists(SERVER)


def command(port, token, *options):
    return [SERVER, "--allow-root", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0",
            f"--ServerApp.token={token}", *options]


class Notebook:
    """A server that was started a moment ago, and the one kernel that is started in it. `reach` makes
    the context in which sockets to it are made."""

    def __init__(self, server, log, base, token="", reach=contextlib.nullcontext):
        self.server, self.log, self.url, self.reach = server, log, base + "api/", reach
        self.headers = {"Authorization": "token " + token} if token else {}
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPSHandler(context=trust))
        wait_until(self.answers, "the server answers", 60)
        self.kernel = self.rest("POST", "kernels", {"name": "python3"})["id"]
        self.connect()

    def rest(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self.headers, method=method)
        with self.reach(), self.opener.open(request, timeout=60) as answer:
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
        with self.reach():
            self.socket = websocket.create_connection(
                f"{self.url.replace('http', 'ws', 1)}kernels/{self.kernel}/channels", timeout=60,
                header=[f"{k}: {v}" for k, v in self.headers.items()], sslopt={"cert_reqs": ssl.CERT_NONE},
                http_no_proxy=["*"])

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
