# SPDX-License-Identifier: Apache-2.0
"""More clients at once than the daemon has descriptors for."""
import json
import os
import resource
import socket

from machine import Case, main, wait_until

CLIENTS = 2000
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"v": 1, "min_v": 1, "client": "crowd"}}
PS = {"jsonrpc": "2.0", "id": 2, "method": "ps", "params": {"all": True, "cursor": None}}


class Crowd(Case):
    def test_two_thousand_clients_are_all_answered(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < CLIENTS + 100:
            self.skipTest(f"the hard limit of open files is {hard}")
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))  # what the daemon will have
        self.vm.ok("run", "-d", "--name", "x", "--", "sleep", "1000")
        resource.setrlimit(resource.RLIMIT_NOFILE, (CLIENTS + 100, hard))
        said = b"".join(json.dumps(m).encode() + b"\n" for m in (HELLO, PS))
        clients = []
        for _ in range(CLIENTS):
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.settimeout(60)
            client.connect(self.vm.root + "/r/gpujobd.sock")
            client.sendall(said)
            clients.append(client)
        for client in clients:
            with client.makefile("rb") as answers:
                self.assertIn("version", json.loads(answers.readline())["result"])
                names = [job["name"] for job in json.loads(answers.readline())["result"]["jobs"]]
            self.assertEqual(names, ["x"])
            client.close()  # makes room for the next
        self.assertEqual(self.vm.show("x")["state"], "running")
        pid = self.vm.daemon_pid()
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) < 50, "no descriptor is left open")


if __name__ == "__main__":
    main()
