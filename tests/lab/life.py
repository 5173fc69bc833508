# SPDX-License-Identifier: Apache-2.0
"""What must hold on every platform: it is known, its clock is right, and the next VM goes on."""
import os
import time
from datetime import datetime

import ledger
import table
from machine import PYTHON, wait_until
from machine_of import DAY, MACHINES
from world import SAVER, Lab

# Between two readings of a clock; /proc/PID/stat counts hundredths.
SLACK = 0.02


def instant(text):
    return datetime.fromisoformat(text).timestamp()


def windows_of(view):
    return [limit for limit in view["limits"] if limit["type"] == "window"]


class Life(Lab):
    def watch(self, vm, *line):
        """`quota --json`, checked against the clocks before and after it. Returns the view."""
        began, wall = vm.age(), time.time()
        view = vm.json(*(line or ("quota",)))
        self.session_is_right(vm, view["session"], (began, vm.age()), (wall, time.time()))
        return view

    def between(self, value, bounds, slack=SLACK):
        self.assertGreaterEqual(value, bounds[0] - slack)
        self.assertLessEqual(value, bounds[1] + slack)

    def session_is_right(self, vm, session, ages, walls):
        of = vm.of
        self.assertEqual(session["start_source"], of.begins)
        if of.begins == "daemon":
            ages = (0, ages[1] - vm.asked)
        self.between(session["elapsed_s"], ages)
        began = instant(session["started_at"])
        self.between(began + session["elapsed_s"], walls)
        if of.limit is None:
            self.assertEqual([session[k] for k in ("limit_s", "remaining_s", "margin_s", "ends_at", "plan_ends_at")],
                             [None] * 5)
            return
        self.assertEqual((session["limit_s"], session["ended"]), (of.limit, False))
        if session["ends_by"] == "session_limit":
            self.ends_at(session, began + of.limit, of.margin)

    def ends_at(self, session, end, margin):
        self.assertEqual(session["margin_s"], margin)
        self.assertAlmostEqual(instant(session["ends_at"]), end, delta=SLACK)
        self.assertAlmostEqual(instant(session["plan_ends_at"]), end - margin, delta=SLACK)
        now = instant(session["started_at"]) + session["elapsed_s"]
        self.assertAlmostEqual(session["remaining_s"], end - now, delta=SLACK)

    def windows_are_right(self, vm, view, others=()):
        """`others`: uses by other machines. Returns what to say of it."""
        windows = windows_of(view)
        self.assertEqual([w["resource"] for w in windows], [w.resource for w in vm.of.windows])
        said = [self.window_is_right(vm, view, *pair, others) for pair in zip(vm.of.windows, windows)]
        session = view["session"]
        ends = min((instant(w["ends_session_at"]) for w in windows if w["ends_session_at"]), default=None)
        if ends and ends < instant(session["started_at"]) + vm.of.limit - 1:
            self.assertEqual(session["ends_by"], "quota")
            # Planned when the daemon looked; a VM that vanished a moment ago still counts as used.
            slack = ledger.INTERVAL if any(not u.closed for u in others) else SLACK
            self.between(instant(session["ends_at"]), (ends, ends), slack)
            self.ends_at(session, instant(session["ends_at"]), vm.of.margin)
        elif vm.of.limit and not ends:
            self.assertEqual(session["ends_by"], "session_limit")
        return said

    def window_is_right(self, vm, view, window, seen, others):
        self.assertEqual((seen["amount_s"], seen["on_exhausted"]), (window.amount, window.effect))
        if window.amount is None:
            self.assertEqual((seen["used_s"], seen["left_s"]), (None, None))
            self.assertIn("only you know", seen["note"])
            return f"{window.resource}: only the user knows"
        began = instant(view["session"]["started_at"])
        now = began + view["session"]["elapsed_s"]
        ours = [ledger.Use("", "ours", window.resource, began, now)] if self.holds(vm, window.resource) else []
        uses = [*ours, *(u for u in others if u.resource == window.resource)]
        first = ledger.week_began(now) if window.period == "week" else min(u.began for u in uses)
        sums = ledger.used(uses, first, now)
        self.assertEqual(seen["machines"], len(sums))
        self.assertAlmostEqual(seen["used_s"], sum(sums.values()), delta=1)  # whole seconds
        self.assertAlmostEqual(seen["left_s"], window.amount - sum(sums.values()), delta=1)
        period = 7 * DAY if window.period == "week" else DAY
        self.assertAlmostEqual(instant(seen["renews_at"]), first + period, delta=SLACK)
        out = now + window.amount - sum(sums.values())
        if window.effect == "deny_new":
            self.assertIsNone(seen["ends_session_at"])
        else:
            self.assertAlmostEqual(instant(seen["ends_session_at"]), out, delta=SLACK)
        return f"{window.resource} {table.duration(seen['left_s'])} of {window.amount // 3600} h"

    def holds(self, vm, resource):
        held = "tpu" if vm.of.variant == "tpu" else "gpu" if vm.of.gpu else "cpu"
        return resource == held

    def is_known(self, vm, view):
        of = vm.of
        self.assertEqual((view["platform"], view["confidence"], view["variant"], view["plan"], view["evidence"][0]),
                         (of.platform, of.confidence, of.variant, of.plan, of.marker))

    def is_told_apart(self, of, *conflicts, **more):
        """It is what the description says, whatever else speaks. Conflicts are regular expressions."""
        vm = self.boot(of, **more)
        view = self.watch(vm)
        self.is_known(vm, view)
        self.assertEqual(len(view["conflicts"]), len(conflicts), view["conflicts"])
        for said, expected in zip(view["conflicts"], conflicts):
            self.assertRegex(said, expected)
        return vm

    def starts(self, vm):
        """With what the user has to say, if anything. Returns the name that is then known."""
        if not vm.of.given:
            return vm.of.platform
        vm.start(*vm.of.given)
        view = vm.json("quota")
        self.assertEqual((view["platform"], view["confidence"]),
                         (vm.of.asks, "high") if vm.of.asks else (vm.of.platform, vm.of.confidence))
        return view["platform"]

    def durable_of(self, of):
        return of.durable or of.given[of.given.index("--durable") + 1]

    def saves(self, vm):
        """A checkpoint that is durable, where that platform keeps it. Returns it."""
        wait_until(lambda: vm.show("digits")["catches"], "the handler is there")
        vm.ok("checkpoint", "digits", "--wait")
        saved = vm.show("digits")["checkpoints"][-1]
        path, place = saved["durable_path"], self.durable_of(vm.of) + "/jobs/"
        self.assertEqual((saved["confirmed"], saved["how"], path[:len(place)]), (True, "notify", place))
        if vm.of.level:
            self.assertEqual(saved["durable"], vm.of.level)
        with open(vm.stored(path) + "/data/count.txt") as f:
            self.assertEqual(int(f.read()), saved["step"])
        return saved

    def run_line(self, *more):
        return ["run", "-d", *more, "--name", "digits", "--", PYTHON, SAVER, "100000"]

    def goes_on(self, of, saved, **more):
        """The next VM: the job is seen before it is run, and goes on from what was saved. Returns
        where it was found."""
        vm = self.boot(of, "second", later=True, **more)
        later = [k for k in of.kept if k.later]
        for kept in later:
            self.assertEqual(os.listdir(vm.inside(kept.at)), [])
            with self.assertRaisesRegex(OSError, "Read-only"):
                os.mkdir(vm.inside(kept.later) + "/x")
        self.starts(vm)
        if of.asks:  # told from the beginning, it is a platform's session, as old as PID 1
            self.assertEqual(vm.json("quota")["session"]["start_source"], "pid1")
        place = later[0].later if later else self.durable_of(of)
        self.assertEqual([(j["name"], j["state"]) for j in vm.json("ps")["jobs"]], [("digits", "parked")])
        if of.windows:  # what the first VM wrote down counts, too
            first = ledger.read(vm.stored(place + "/gpujob" if later else place), besides=vm.json("quota"))
            self.windows_are_right(vm, self.watch(vm), first)
        found = vm.show("digits")["checkpoints"][-1]["durable_path"]
        self.assertEqual(found[:len(place) + 1], place + "/")
        vm.ok(*self.run_line("--take-over"))
        begun = wait_until(lambda: vm.run("logs", "digits").stdout, "it began")
        self.assertEqual(begun.split(b"\n")[0], b"begin %d" % saved["step"])
        self.assertGreaterEqual(self.saves(vm)["step"], saved["step"])
        vm.vanish()
        return place + (" (read-only)" if later else "")

    def lives(self, name):
        of = MACHINES[name]
        vm = self.boot(of)
        with table.cell(name, "detected by") as by, table.cell(name, "confidence") as how:
            told = vm.ok("quota", "--json").stderr.decode()
            view = self.watch(vm)
            self.is_known(vm, view)
            by.append(of.marker)
            how.append(of.confidence)
            if of.asks:
                self.assertEqual(len(view["conflicts"]), 1)
                self.assertIn(f"say so with --platform {of.asks}", view["conflicts"][0])
                self.assertIn("no platform is sure: " + view["conflicts"][0], told)
                how.append("asks the user")
            else:
                self.assertEqual(view["conflicts"], [])
        with table.cell(name, "session left") as left, table.cell(name, "quota") as quota:
            quota += self.windows_are_right(vm, view)
            remaining = view["session"]["remaining_s"]
            left.append("unknown" if remaining is None else f"{table.duration(remaining)} of {table.roughly(of.limit)}")
        with table.cell(name, "durable place") as place:
            if of.given:
                vm.ok("daemon", "stop")
                self.assertEqual(view["durable"]["path"], None)
            self.starts(vm)
            durable = vm.json("quota")["durable"]
            self.assertEqual(durable["path"], self.durable_of(of))
            self.assertRegex(durable["state"], "^(cached|stored)")
            vm.ok(*self.run_line())
            saved = self.saves(vm)
            wait_until(lambda: ledger.read(vm.stored(self.durable_of(of))), "its use is written down")
            place.append(f"{self.durable_of(of)} ({'given, ' if not of.durable else ''}{saved['durable']})")
        with table.cell(name, "idle") as idle:
            cap = next((l["amount_s"] for l in vm.json("quota")["limits"] if l["type"] == "idle"), 0)
            idle.append("only the user knows" if cap is None else table.roughly(cap) if cap else "none")
        vm.vanish()
        with table.cell(name, "second session finds it") as found:
            found.append(self.goes_on(of, saved))
