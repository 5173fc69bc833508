# SPDX-License-Identifier: Apache-2.0
"""Notices before the end: from metadata that is served in the VM where its cloud has it, and by TERM."""
import os
import re
import subprocess
import time
from dataclasses import replace
from datetime import datetime, timezone

import network
import table
from fake_server import ok
from life import instant
from machine import main, wait_until
from machine_of import MACHINES, SHARED
from watched import ON_WARNING, SLOW, Watched, read

METADATA = "169.254.169.254"


def tearDownModule():
    table.show(list(MACHINES))


class Cloud:
    """Its metadata service; `said` is what it says of the end."""
    said = None

    def __call__(self, asked):
        line, *headers = asked.rstrip("\r\n").split("\r\n")
        headers = {k.lower(): v for k, v in (h.split(": ", 1) for h in headers)}
        return self.answer(*line.split(" ")[:2], headers)


class Ec2(Cloud):
    """IMDSv2: nothing without a token."""

    def answer(self, method, path, headers):
        if (method, path) == ("PUT", "/latest/api/token"):
            return ok(b"AQAEA-lab==" if "x-aws-ec2-metadata-token-ttl-seconds" in headers else b"", "200 OK")
        if headers.get("x-aws-ec2-metadata-token") != "AQAEA-lab==":
            return ok(b"", "401 Unauthorized")
        there = self.said and path == "/latest/meta-data/spot/instance-action"
        return ok(self.said) if there else ok(b"<html>Not Found</html>", "404 Not Found")

    def announce(self, after):
        end = int(time.time() + after)
        self.said = {"action": "terminate", "time": datetime.fromtimestamp(end, timezone.utc).strftime("%FT%TZ")}
        return end


class Gce(Cloud):
    said = b"FALSE"

    def answer(self, method, path, headers):
        if headers.get("metadata-flavor") != "Google":
            return ok(b"", "403 Forbidden")
        there = (method, path) == ("GET", "/computeMetadata/v1/instance/preempted")
        return ok(self.said) if there else ok(b"<html>Not Found</html>", "404 Not Found")

    def announce(self, _):
        self.said = b"TRUE"
        return None  # Google says no time: half a minute from when it is heard


class Azure(Cloud):
    said = {"DocumentIncarnation": 1, "Events": []}

    def answer(self, method, path, headers):
        if headers.get("metadata") != "true":
            return ok({"error": "Bad request. Required metadata header not specified"}, "400 Bad Request")
        there = method == "GET" and path.startswith("/metadata/scheduledevents?api-version=")
        return ok(self.said) if there else ok(b"", "404 Not Found")

    def announce(self, after):
        end = int(time.time() + after)
        self.said = {"DocumentIncarnation": 2, "Events": [
            {"EventId": "lab", "EventStatus": "Scheduled", "EventType": "Preempt", "ResourceType": "VirtualMachine",
             "Resources": ["lab"], "EventSource": "Platform", "DurationInSeconds": -1,
             "NotBefore": datetime.fromtimestamp(end, timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")}]}
        return end


def garbage(_):
    return b"\0rubbish" * 99


def slow(_):
    time.sleep(5)  # who asks waits for two
    return ok(b"TRUE")


def another_cloud(asked):
    return Gce()(asked)  # asked for what EC2 has


class Notice(Watched):
    def begin(self, of, notices=None, answer=None, **more):
        """Returns a VM that runs x, and what was asked of its metadata. Without an answer it has no network."""
        vm, asked = self.boot(of, **more), []
        if answer:
            network.come_up(vm, METADATA)
            server = network.serve(vm, (METADATA, 80), answer)
            self.addCleanup(server.close)
            asked = server.asked
        vm.start(*vm.of.given, *ON_WARNING, *(["--notices", notices] if notices else []))
        self.begin_job(vm)
        self.assertIsNone(vm.json("quota")["session"]["ends_by"])
        return vm, asked

    def ends_in_time(self, vm, bounds, text):
        """Within these seconds, by a notice; everything is saved and parked before that."""
        session = wait_until(lambda: (s := vm.json("quota")["session"])["ends_by"] == "notice" and s, "it is heard")
        end = instant(session["ends_at"])
        self.between(end, bounds, 2)
        self.assertLess(instant(session["plan_ends_at"]), end)
        parked = vm.wait_state("x", "parked", limit=60 * SLOW)
        self.assertEqual(vm.client.wait(60 * SLOW), 85)
        self.assertLess(instant(parked["ended_at"]), end)
        last = parked["checkpoints"][-1]
        self.assertEqual((last["confirmed"], last["how"], parked["attempt"]), (True, "notify", 1))
        self.assertEqual(parked["interruptions"], 1)
        self.assertRegex(last["durable"], "cached|stored")
        self.is_told(vm, text)
        self.assertIn("final checkpoint requested", read(vm.log))

    # Metadata.

    def takes_back(self, kind, cloud, text):
        vm, asked = self.begin(MACHINES["generic"], kind, cloud)
        with table.cell("generic", "notice") as said:
            wait_until(lambda: asked, "the metadata is asked")
            before = time.time()
            end = cloud.announce(100 * SLOW)
            wait_until(lambda: vm.json("quota")["session"]["ends_by"], "it is heard")
            self.ends_in_time(vm, (end, end) if end else (before + 30, time.time() + 30), text)
            said.append(f"{kind}: saved in time")

    def test_ec2_takes_a_spot_instance_back(self):
        self.takes_back("ec2_spot", Ec2(), "EC2 takes this spot instance back (terminate)")

    def test_google_preempts_a_machine(self):
        self.takes_back("gce_preempted", Gce(), "Google preempts this machine")

    def test_azure_evicts_a_machine(self):
        self.takes_back("azure_events", Azure(), "Azure ends this machine (Preempt)")

    def test_metadata_that_is_none_is_asked_ever_less_and_changes_nothing(self):
        asks = {"slow": ("gce_preempted", slow), "garbage": ("azure_events", garbage),
                "another": ("ec2_spot", another_cloud), "nobody": ("ec2_spot", None)}
        began = time.monotonic()
        of = {name: replace(MACHINES["generic"], given=("--durable", f"{SHARED}/{name}")) for name in asks}
        vms = {name: self.begin(of[name], *ask, name=name) for name, ask in asks.items()}
        for name, (vm, asked) in vms.items():
            with self.subTest(name):
                wait_until(lambda vm=vm: "asked once a minute from now on" in read(vm.log), "it is given up", 60 * SLOW)
                if time.monotonic() - began < 60:
                    self.assertEqual(len(asked), 3 if asks[name][1] else 0)
                lines = read(vm.log).rstrip("\n").split("\n")
                self.assertEqual(len([l for l in lines if not re.search(r" (job=|listening|gpu:)", l)]), 1, lines)
                self.assertIsNone(vm.json("quota")["session"]["ends_by"])
                view = vm.show("x")
                self.assertEqual((view["state"], view["attempt"], view["checkpoints"]), ("running", 1, []))
                self.assertFalse(os.path.exists(vm.inside("/tmp/warned")))

    # TERM.

    def term(self, vm, pid):
        subprocess.run([*vm.enter, "/bin/sh", "-c", f"kill -TERM {pid}"], check=True)

    def is_gone(self, vm, pid):
        wait_until(lambda: not os.path.exists(vm.inside(f"/proc/{pid}")), "the daemon is gone")

    def is_terminated(self, name, grace):
        vm, _ = self.begin(MACHINES[name])
        with table.cell(name, "notice") as said:
            pid, before = vm.daemon_pid(), time.time()
            self.term(vm, pid)
            wait_until(lambda: vm.json("quota")["session"]["ends_by"], "it is heard")
            self.ends_in_time(vm, (before + grace, time.time() + grace), "TERM: the platform ends this session")
            self.assertEqual(vm.daemon_pid(), pid)
            self.term(vm, pid)
            self.is_gone(vm, pid)
            said.append(f"TERM, {grace} s: saved in time")

    def is_told_by_a_hook(self, name, grace):
        """Only the first process gets TERM there: a hook tells the daemon."""
        vm, _ = self.begin(MACHINES[name])
        with table.cell(name, "notice") as said:
            before = time.time()
            vm.ok("notice", "the container is stopped")
            self.ends_in_time(vm, (before + grace, time.time() + grace), "the container is stopped")
            said.append(f"by a hook, {grace} s: saved in time")

    def test_slurm_sends_term_to_everybody_before_the_end(self):
        self.is_terminated("slurm", 30)

    def test_kubernetes_tells_by_a_hook(self):
        self.is_told_by_a_hook("kubernetes", 30)

    def test_a_training_job_tells_by_a_hook(self):
        self.is_told_by_a_hook("sagemaker-training", 120)

    def test_studio_gives_ten_seconds(self):
        self.is_told_by_a_hook("sagemaker-studio", 10)

    def test_elsewhere_term_stops_the_daemon_and_the_job_runs_on(self):
        self.term_stops_the_daemon_alone("generic")

    def test_term_that_a_person_sends_in_a_pod_is_no_notice(self):
        self.term_stops_the_daemon_alone("kubernetes")

    def term_stops_the_daemon_alone(self, name):
        vm, _ = self.begin(MACHINES[name])
        with table.cell(name, "notice") as said:
            before, pid = vm.show("x"), vm.daemon_pid()
            self.term(vm, pid)
            self.is_gone(vm, pid)
            self.assertIn("signal 15: stopping; running jobs go on", read(vm.log))
            self.went_on(vm, before)
            vm.ok("checkpoint", "x", "--wait")
            self.assertIsNone(vm.json("quota")["session"]["ends_by"])
            said.append("TERM stops the daemon alone")


if __name__ == "__main__":
    main()
