# SPDX-License-Identifier: Apache-2.0
"""Clients that begin and do not finish are dropped, and nobody else waits for them."""
import os
import socket

from machine import Case, main, wait_until

HELLO = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"v":1,"min_v":1,"client":"stranger"}}\n'
PS = b'{"jsonrpc":"2.0","id":2,"method":"ps","params":{"all":true,"cursor":null}}\n'


class Stranger(Case):
    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(60)
        s.connect(self.vm.root + "/r/gpujobd.sock")
        return s

    def test_half_a_frame_is_not_waited_for(self):
        self.vm.ok("run", "-d", "--name", "x", "--", "sleep", "1000")
        pid = self.vm.daemon_pid()
        stay = []
        for half in (b"", b"{", HELLO[:40], HELLO + PS[:30]):
            stays, goes = self.connect(), self.connect()
            stays.sendall(half)
            goes.sendall(half)
            goes.close()
            stay.append(stays)
        self.vm.wait_state("x", "running")
        self.vm.ok("stop", "x")
        self.assertEqual(self.vm.run("run", "--", "true").returncode, 0)
        for stays in stay:
            while stays.recv(65536):
                pass  # until it is dropped
        self.assertEqual(self.vm.daemon_pid(), pid)

    def test_a_client_that_goes_before_its_answer_is_no_harm(self):
        self.vm.start()
        pid = self.vm.daemon_pid()
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(50):
            s = self.connect()
            s.sendall(HELLO + PS * 20)
            s.close()
        self.vm.ok("ps")
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, "no descriptor is left open")
        self.assertEqual(self.vm.daemon_pid(), pid)


if __name__ == "__main__":
    main()
