# SPDX-License-Identifier: Apache-2.0
"""More clients, and more jobs, than the daemon has descriptors for."""
import json
import os
import resource
import socket

from machine import Case, main, wait_until

CLIENTS = 2000
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"v": 1, "min_v": 1, "client": "crowd"}}
PS = {"jsonrpc": "2.0", "id": 2, "method": "ps", "params": {"all": True, "cursor": None}}


class Crowd(Case):
    def start_with(self, soft, hard):
        """A daemon that may have this many files open."""
        limits = (soft, hard)
        self.vm.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))

    def hold_queue(self):
        """Takes the only slot, until a line is written to the file that is returned."""
        path = self.path("hold")
        os.mkfifo(path)
        hold = open(path, "r+b", buffering=0)  # waits for no reader
        self.addCleanup(hold.close)
        self.vm.ok("run", "-d", "--name", "first", "--", "sh", "-c", f"read x <{path}; exit 7")
        return hold

    def test_two_thousand_clients_are_all_answered(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < CLIENTS + 100:
            self.skipTest(f"the hard limit of open files is {hard}")
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.start_with(256, 256)
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

    def ended_states(self):
        """Those of all jobs, when none has anything ahead of it."""
        states = [job["state"] for job in self.vm.json("ps", "--all")["jobs"]]
        return not {"queued", "starting", "running", "ending"} & set(states) and states

    def test_more_jobs_than_descriptors_are_refused_and_the_others_run(self):
        self.start_with(128, 128)
        hold = self.hold_queue()
        queued = 0
        while (done := self.vm.run("run", "-d", "--", "true")).returncode == 0:
            queued += 1
            self.assertLess(queued, 128)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"ulimit -Hn", done.stderr)
        self.assertGreater(queued, 20)
        hold.write(b"\n")
        self.assertEqual(self.vm.wait_state("first", "failed")["exit"], 7)
        states = wait_until(self.ended_states, "all have ended")
        self.assertEqual(sorted(states), ["done"] * queued + ["failed"])
        self.vm.ok("run", "--", "true")

    def test_the_hard_limit_is_the_daemons_and_the_soft_one_the_jobs(self):
        self.start_with(110, 400)
        hold = self.hold_queue()
        for _ in range(100):
            self.vm.ok("run", "-d", "--", "true")
        self.vm.ok("run", "-d", "--name", "last", "--", "sh", "-c", "ulimit -Sn; ulimit -Hn")
        hold.write(b"\n")
        self.vm.wait_state("last", "done")
        self.assertEqual(self.vm.ok("logs", "last").stdout.split(), [b"110", b"400"])


if __name__ == "__main__":
    main()
