# SPDX-License-Identifier: Apache-2.0
"""A real browser (Chromium without a screen), asked over its DevTools protocol: one process for many pages."""
import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
MISSING = "no Chromium: apt-get install chromium-headless-shell"
FLAGS = ("--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
         "--no-sandbox",               # which root in a container has none of; the pages are ours
         "--disable-dev-shm-usage",    # a container's may be 64 MB
         "--disable-background-networking", "--disable-component-update", "--disable-extensions", "about:blank")
LIMIT_S = 30.0
# What sticks out of the window and is in nothing that can be scrolled by itself.
TOO_WIDE = """
(() => {
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const scrolls = e => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const page = document.documentElement;
  const out = [...document.body.querySelectorAll("*")]
    .filter(e => e.getBoundingClientRect().right > page.clientWidth + 1 && !scrolls(e.parentElement))
    .map(e => `<${e.tagName.toLowerCase()} class="${e.getAttribute("class") || ""}">`);
  return {width: page.scrollWidth, height: page.scrollHeight, out: out.slice(0, 5)};
})()
"""


def find():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Looked:
    """What came of opening a page. `wrong` says what a page of ours must not do; empty: nothing."""

    def __init__(self, width):
        self.window = width
        self.width = self.height = 0
        self.picture = b""  # PNG
        self.wrong = []


class Browser:
    """A context manager; each page is opened in a tab of its own."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="gj-browser-", dir="/tmp")
        self.number, self.unread, self.events = 0, b"", []
        ours, theirs = self._pipe(), self._pipe()
        self.errors = self.folder + "/errors"
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 2, self.errors, os.O_WRONLY | os.O_CREAT, 0o600),
                   (os.POSIX_SPAWN_DUP2, theirs[0], 3), (os.POSIX_SPAWN_DUP2, ours[1], 4)]
        self.pid = os.posix_spawn(program, [program, f"--user-data-dir={self.folder}/profile", *FLAGS],
                                  dict(os.environ, HOME=self.folder), file_actions=actions, setsid=True)
        os.close(theirs[0])
        os.close(ours[1])
        self.input, self.output = ours[0], theirs[1]

    @staticmethod
    def _pipe():
        """Its ends are numbered beyond the two that the browser wants."""
        low = os.pipe()
        high = tuple(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in low)
        for fd in low:
            os.close(fd)
        return high

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.output)
        os.close(self.input)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _message(self, end):
        """The next message; its end is a zero byte."""
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.input], [], [], max(0.0, end - time.monotonic()))
            more = os.read(self.input, 1 << 20) if ready else b""
            if not more:
                with open(self.errors, errors="replace") as f:
                    raise RuntimeError(f"the browser {'has ended' if ready else 'does not answer'}: {f.read()[-500:]}")
            self.unread += more
        line, _, self.unread = self.unread.partition(b"\0")
        return json.loads(line)

    def call(self, method, session=None, **params):
        """The answer; what happens meanwhile is in `events`."""
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(self.output, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + LIMIT_S
        while (message := self._message(end)).get("id") != self.number:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"the browser: {method}: {message['error']}")
        return message["result"]

    def wait(self, method, session):
        end = time.monotonic() + LIMIT_S
        while not any(e.get("method") == method and e.get("sessionId") == session for e in self.events):
            self.events.append(self._message(end))

    def look(self, path, width, scheme="light", height=800):
        """Opens a file in a window so wide, light or dark, with everything unfolded."""
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        tab = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Network", "Log", "Runtime", "Debugger":
            self.call(domain + ".enable", tab)
        self.call("Emulation.setDeviceMetricsOverride", tab, width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", tab,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events = []
        url = "file://" + os.path.abspath(path)
        self.call("Page.navigate", tab, url=url)
        self.wait("Page.loadEventFired", tab)
        looked = Looked(width)
        found = self.call("Runtime.evaluate", tab, expression=TOO_WIDE, returnByValue=True)["result"]["value"]
        looked.width, looked.height = found["width"], found["height"]
        picture = self.call("Page.captureScreenshot", tab, captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": width, "height": min(looked.height, 4000), "scale": 1})
        looked.picture = base64.b64decode(picture["data"])
        if looked.width > width:
            looked.wrong.append(f"is {looked.width} px wide in a window of {width}")
        looked.wrong += [f"sticks out of a window of {width}: {what}" for what in found["out"]]
        looked.wrong += [said for event in self.events if (said := self._wrong(event, url))]
        self.call("Target.closeTarget", targetId=target)
        return looked

    @staticmethod
    def _wrong(event, url):
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and params["request"]["url"] != url:
            return f"asks for {params['request']['url']}"
        if method == "Debugger.scriptParsed" and params["url"]:  # ours has none
            return f"runs a script: {params['url']}"
        if method == "Log.entryAdded":
            return f"complains: {params['entry']['text']}"
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            return f"writes to the console: {json.dumps(params)[:200]}"
        return None
