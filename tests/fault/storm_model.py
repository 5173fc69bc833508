# SPDX-License-Identifier: Apache-2.0
"""What must hold whatever happens: a model that is told all that is done and seen, and complains.

  stored      what was once seen as durable stays there and verifies, unless KEEP newer ones do too;
              an attempt begins no earlier than the newest checkpoint of the attempts before it
  exit codes  a process's own word, or a signal that somebody sent; none is lost, none is made up
  starts      one process of a job at a time, no attempt number twice, none after the end
  counters    attempt, interruptions, failures and step never go back

A VM that is taken away takes with it what was not durable; vanished() is told what was.
"""
import collections
import re

KEEP = 2  # daemon/durable_requests.cpp
TERM, KILL = 143, 137
ENDED = ("parked", "done", "failed", "stopped", "lost")
PLACE = re.compile(r"/attempts/(\d+)-[a-z0-9]+/checkpoints/(\d+)$")
# A request whose client is gone may still be under way in the daemon.
LINGER_S = 20


class Attempt:
    def __init__(self, step, limit_at, stopping):
        self.step = step            # where it began
        self.limit_at = limit_at    # from then on the session's end may be why it ends
        self.stopping = stopping    # a user's stop may be why
        self.exit = None            # what it said it would end with
        self.exit_at = 0.0
        self.sent = set()           # exit codes of the signals that the storm sent
        self.unseen = False         # its shim was killed, or its VM: nobody may have seen its end

    def told_to_end(self, at):
        return self.stopping or at >= self.limit_at

    def possible_exits(self, now):
        by_force = {TERM, KILL} if self.told_to_end(now) else set()
        if self.exit is None:
            return self.sent | by_force
        return {self.exit} | ((self.sent | by_force) & {KILL})


class Job:
    def __init__(self, name):
        self.name = name
        self.attempts = {}
        self.counters = {"attempt": 0, "interruptions": 0, "failures": 0, "step": 0}
        self.stored = {}       # path -> (key, step)
        self.confirmed = {}    # attempt -> highest step that was confirmed
        self.ended = None      # (attempt, state, exit) of the last view, while it had ended
        self.ends_seen = set()
        self.stop_reaches = 0  # the last attempt that a user's stop may have ended

    def saved_before(self, attempt):
        """The step that an attempt must not begin before."""
        steps = [step for (made_by, _), step in self.stored.values() if made_by < attempt]
        steps += [step for made_by, step in self.confirmed.items() if made_by < attempt]
        return max(steps, default=0)


class Model:
    def __init__(self):
        self.jobs = {}
        self.violations = []
        self.counts = collections.Counter()
        self.limit_at = float("inf")
        self.open = collections.defaultdict(list)  # (verb, name) -> until when it may have an effect
        self.stopping = set()                      # names that were stopped since the last run
        self.newest = {}                           # name -> the job that a run of it continues
        self.begun = {}                            # name -> (job, attempt) that began last
        self.listed = set()                        # ids that every listing must have

    def complain(self, text):
        self.violations.append(text)

    def job(self, id, name):
        return self.jobs.setdefault(id, Job(name))

    # What is done.

    def session(self, limit_at):
        """A new session: before that instant it asks nobody to end."""
        self.limit_at = limit_at
        for job in self.jobs.values():
            for attempt in [job.attempts[max(job.attempts)]] if job.attempts else []:
                attempt.limit_at = min(attempt.limit_at, limit_at)

    def asked(self, verb, name):
        """A user's run, stop or rm may have its effect from now on; answered() says until when."""
        self.open[verb, name].append(float("inf"))
        mine = [job for job in self.jobs.values() if job.name == name]
        if verb == "stop":
            self.stopping.add(name)
            for job in mine:
                job.stop_reaches = job.counters["attempt"] + 1  # it may be starting just now
                for attempt in job.attempts.values():
                    attempt.stopping = True
        if verb == "run":
            if not self.is_open("stop", name, 0):
                self.stopping.discard(name)
            for job in mine:
                if job.ended and job.ended[1] != "done":
                    job.ended = None  # it may go on
        if verb == "rm":
            self.removing(name)

    def answered(self, verb, name, now, for_certain):
        self.open[verb, name].remove(float("inf"))
        if not for_certain:
            self.open[verb, name].append(now + LINGER_S)
        if verb == "rm":
            self.removing(name)

    def is_open(self, verb, name, now):
        return any(until > now for until in self.open[verb, name])

    def attempt(self, id, number):
        """That attempt, also of a job whose process has not begun yet."""
        job = self.jobs.get(id)
        if job and number not in job.attempts:
            stopping = job.name in self.stopping or number <= job.stop_reaches
            job.attempts[number] = Attempt(None, self.limit_at, stopping)
        return job and job.attempts[number]

    def killed_shim(self, id, number):
        if attempt := self.attempt(id, number):
            attempt.unseen = True

    def signalled(self, id, number, signal):
        if attempt := self.attempt(id, number):
            attempt.sent.add(128 + signal)

    def vanished(self, disk):
        """Everything was killed at once. disk: what the next VM finds, when the state is gone too."""
        seen = {id: max((n for n, a in job.attempts.items() if a.step is not None), default=0)
                for id, job in self.jobs.items()}
        for id, job in list(self.jobs.items()):
            for number, attempt in job.attempts.items():
                attempt.unseen |= job.ended is None or job.ended[0] != number
            if disk is None:
                continue
            there = disk.get(id)
            if there is None:
                self.lost_all(id, job)
                continue
            job.confirmed.clear()
            job.ends_seen.clear()
            job.attempts = {n: a for n, a in job.attempts.items() if n <= there.attempt}
            # One that no attempt could be resumed from.
            if job.stored and not there.has_spec:
                self.complain(f"{id}: stored checkpoints, but no attempt says what job it is")
            for counter in ("interruptions", "failures"):
                job.counters[counter] = max((budgets[counter] for budgets in there.budgets), default=0)
            job.counters["attempt"] = there.attempt
            self.forget_end(job, there)
        running = {name for verb, name in self.open if verb == "run" and self.is_open(verb, name, 0)}
        self.open.clear()
        self.stopping.clear()
        if disk is not None:
            # What began last and left a trace goes on; before its process there is its record.
            begun = {name: id for name, (id, number) in self.begun.items()
                     if id in disk and disk[id].recorded >= number}
            recorded_last = {name: id for name, id in self.newest.items()
                             if id in disk and disk[id].recorded > seen.get(id, 0)}
            # What was run at that moment and is there: nobody was told which of them goes on.
            untold = {there.name for id, there in disk.items() if id not in self.jobs and there.name in running}
            self.newest = {name: id for name, id in (begun | recorded_last).items() if name not in untold}
            self.listed = {id for id, found in disk.items() if found.has_spec}

    def forget_end(self, job, there):
        """Unless the next VM can read of it."""
        if not there.ends and there.attempt in job.attempts:
            job.attempts[there.attempt].unseen = True
        is_done = there.ends and all(end["state"] == "done" for end in there.ends)
        job.ended = (there.attempt, "done", 0) if is_done else None

    def lost_all(self, id, job):
        for path in job.stored:
            self.complain(f"{id}: {path} was stored, and the job is gone")
        del self.jobs[id]

    # What the jobs say.

    def started(self, id, name, number, step, alone, now):
        job = self.job(id, name)
        self.counts["attempts"] += 1
        self.counts["attempts resumed"] += step > 0
        if not alone:
            self.complain(f"{id}: attempt {number} began while another process of it lived")
        known = job.attempts.get(number)
        if known is not None and known.step is not None:
            self.complain(f"{id}: attempt {number} started twice")
        later = [n for n, a in job.attempts.items() if a.step is not None and n > number]
        if later:
            self.complain(f"{id}: attempt {number} began after attempt {max(later)}")
        if job.ended and number > job.ended[0] and not self.may_run(job, now):
            self.complain(f"{id}: attempt {number} began although it was {job.ended[1]} and nobody ran it again")
        before = job.attempts.get(number - 1)
        if before and before.exit == 0 and not before.unseen and not before.told_to_end(before.exit_at):
            self.complain(f"{id}: attempt {number} began although the one before had exited with 0")
        if step < job.saved_before(number):
            self.complain(f"{id}: attempt {number} began at step {step}; {job.saved_before(number)} was saved")
        self.begun[name] = (id, number)
        attempt = self.attempt(id, number)
        attempt.step = step

    def may_run(self, job, now):
        return self.is_open("run", job.name, now) and job.ended[1] != "done"

    def ends(self, id, number, exit, now):
        attempt = self.attempt(id, number)
        if attempt.exit is not None:
            self.complain(f"{id}: attempt {number} ended twice")
        attempt.exit, attempt.exit_at = exit, now

    # What gpujob shows.

    def saw(self, view, now):
        """A job view, in the order in which the daemon gave them."""
        id, job = view["id"], self.job(view["id"], view["name"])
        self.saw_checkpoints(view)
        steps = [c["step"] for c in view["checkpoints"] if c["durable"] and c["step"] is not None]
        counters = {name: view[name] for name in ("attempt", "interruptions", "failures")}
        for counter, value in (*counters.items(), *[("step", step) for step in sorted(steps)[-1:]]):
            if value < job.counters[counter]:
                self.complain(f"{id}: {counter} went back from {job.counters[counter]} to {value}")
            job.counters[counter] = max(value, job.counters[counter])
        if view["state"] not in ENDED:
            self.not_ended(id, job, view, now)
            return
        now_ended = (view["attempt"], view["state"], view["exit"])
        if now_ended not in job.ends_seen:
            job.ends_seen.add(now_ended)
            self.counts[view["state"]] += 1
            self.check_end(id, job, view, now)
        if job.ended not in (None, now_ended) and job.ended[0] == view["attempt"]:
            if not self.may_run(job, now):
                self.complain(f"{id}: was {job.ended}, is {now_ended}")
        job.ended = now_ended if view["state"] == "done" or not self.is_open("run", job.name, now) else None

    def not_ended(self, id, job, view, now):
        if job.ended and not self.may_run(job, now):
            self.complain(f"{id}: was {job.ended}, is {view['state']}, and nobody ran it again")
        job.ended = None
        # Nobody may have been told of it: its client was killed, or its daemon before it could answer.
        if job.name not in self.newest and not self.is_open("rm", job.name, now):
            self.newest[job.name] = id

    def saw_checkpoints(self, view):
        """What any answer says of checkpoints, also one that comes late."""
        job = self.job(view["id"], view["name"])
        for c in view["checkpoints"]:
            if not c["confirmed"]:
                continue
            step = c["step"] or 0
            job.confirmed[c["attempt"]] = max(step, job.confirmed.get(c["attempt"], 0))
            place = c["durable"] and PLACE.search(c["durable_path"])
            if place and c["durable_path"] not in job.stored:
                self.counts["checkpoints stored"] += 1
                job.stored[c["durable_path"]] = ((int(place[1]), int(place[2])), step)

    def check_end(self, id, job, view, now):
        state, exit, number = view["state"], view["exit"], view["attempt"]
        attempt = self.attempt(id, number)
        ran = attempt.step is not None
        said = f"{id}: attempt {number} is {state} with exit {exit}"
        if state == "lost" and (exit is not None or (ran and not attempt.unseen)):
            self.complain(f"{said}, and its shim was not killed")
        if state == "done" and exit != 0:
            self.complain(said)
        if exit is None:
            # Stopped or parked while it waited for its next attempt: that has no exit.
            if state not in ("stopped", "parked", "lost") and ran and not attempt.unseen:
                self.complain(f"{said}: its process ended with {attempt.exit}")
            return
        possible = attempt.possible_exits(now)
        self.counts["exit codes shown"] += exit == attempt.exit
        if exit not in possible:
            self.complain(f"{said}: possible was {sorted(possible)}")

    def ran(self, name, id, again, now):
        """A run was answered: it goes on with the job of that name, unless a new one was asked for."""
        before = self.newest.get(name)
        if before in (None, id) or again or self.is_open("run", name, now):
            self.newest[name] = id
        else:
            self.complain(f"{name}: is {before}, and a run of it made {id}")
        self.job(id, name)
        self.listed.add(id)

    def removing(self, name):
        self.newest.pop(name, None)
        self.listed -= {id for id, job in self.jobs.items() if job.name == name}

    def saw_list(self, ids, now):
        for id in self.listed - set(ids):
            self.complain(f"{id}: is no longer listed")
        self.listed = {id for id in ids if not self.is_open("rm", self.jobs[id].name, now)}

    def client_returned(self, name, code):
        """An attached run or wait: 0 only of a job that said 0."""
        said = {a.exit for job in self.jobs.values() if job.name == name for a in job.attempts.values()}
        if code == 0 and 0 not in said:
            self.complain(f"{name}: a client returned 0, and no attempt exited with 0: {said}")

    # What lies in the durable directory.

    def missing(self, disk):
        """What is wrong there now. A look while something is written may be: ask again."""
        wrong = []
        for id, job in self.jobs.items():
            there = disk[id].checkpoints if id in disk else {}
            wrong += [f"{id}: {path}: {c.wrong}" for path, c in there.items() if c.wrong]
            good = {path: c for path, c in there.items() if not c.wrong}
            for path, (key, step) in job.stored.items():
                if path in good and good[path].step >= step:
                    continue
                newer = [c for c in good.values() if c.key > key]
                if len(newer) < KEEP:
                    wrong.append(f"{id}: {path} (step {step}) was stored and is gone, {len(newer)} newer")
        return wrong

    def saw_disk(self, disk):
        """What is found there counts as stored, whether or not the daemon came to say so."""
        for id, job in self.jobs.items():
            good = {path: c for path, c in disk[id].checkpoints.items() if not c.wrong} if id in disk else {}
            for path in set(job.stored) - set(good) if len(good) >= KEEP else ():
                del job.stored[path]  # missing() has looked whether it may be gone
            job.stored.update({path: (c.key, c.step) for path, c in good.items()})
