# SPDX-License-Identifier: Apache-2.0
"""The storm's model believes no false history: each lie is caught, and the truth is not."""
import collections
import random
import time
import unittest

from storm_acts import Acts
from storm_look import DiskJob, Stored
from storm_model import Model

NAME, ID = "digits", "d1"
PLACE = "/durable/jobs/d1/attempts/{}-s1/checkpoints/{}"


def checkpoint(attempt, seq, step, durable="stored"):
    path = PLACE.format(attempt, seq) if durable else ""
    return {"seq": seq, "attempt": attempt, "step": step, "confirmed": True, "durable": durable, "durable_path": path}


def view(state, attempt=1, exit=None, checkpoints=(), **more):
    return dict({"id": ID, "name": NAME, "state": state, "attempt": attempt, "exit": exit, "interruptions": 0,
                 "failures": 0, "checkpoints": list(checkpoints)}, **more)


def disk(*checkpoints, attempt=1, end=None, has_spec=True, **budgets):
    """checkpoints: (attempt, seq, step) or with a fourth, why it does not verify."""
    job = DiskJob()
    job.name = NAME if has_spec else None
    job.has_spec, job.attempt, job.recorded = has_spec, attempt, attempt if has_spec else 0
    job.budgets = [{"interruptions": 0, "failures": 0}, dict({"interruptions": 0, "failures": 0}, **budgets)]
    job.ends = [end] if end else []
    for made_by, seq, step, *wrong in checkpoints:
        path = PLACE.format(made_by, seq)
        job.checkpoints[path] = Stored(path, (made_by, seq), step, wrong[0] if wrong else None)
    return {ID: job}


class History(unittest.TestCase):
    def setUp(self):
        self.model = Model()
        self.now = 0.0

    def run_line(self):
        """A user's line, answered at once."""
        self.model.asked("run", NAME)
        self.model.ran(NAME, ID, False, self.now)
        self.model.answered("run", NAME, self.now, True)

    def start(self, attempt=1, step=0, alone=True):
        self.now += 1
        self.model.started(ID, NAME, attempt, step, alone, self.now)

    def ends(self, exit, attempt=1):
        self.now += 1
        self.model.ends(ID, attempt, exit, self.now)

    def saw(self, *args, **more):
        self.now += 1
        self.model.saw(view(*args, **more), self.now)

    def stop(self):
        self.model.asked("stop", NAME)
        self.model.answered("stop", NAME, self.now, True)

    def caught(self, *words):
        self.assertEqual(len(self.model.violations), 1, self.model.violations)
        for word in words:
            self.assertIn(word, self.model.violations[0])

    def believed(self):
        self.assertEqual(self.model.violations, [])


class Stores(History):
    def saved(self, *steps):
        self.run_line()
        self.start()
        self.saw("running", checkpoints=[checkpoint(1, seq, step) for seq, step in enumerate(steps, 1)])

    def test_what_was_stored_and_is_gone(self):
        self.saved(10)
        self.assertEqual(len(self.model.missing(disk())), 1)
        self.assertEqual(len(self.model.missing({})), 1)

    def test_what_was_stored_and_does_not_verify(self):
        self.saved(10)
        self.assertTrue(self.model.missing(disk((1, 1, 10, "other bytes"))))

    def test_what_was_stored_and_is_now_an_earlier_step(self):
        self.saved(10)
        self.assertTrue(self.model.missing(disk((1, 1, 9))))

    def test_older_ones_may_go_for_two_newer_ones_only(self):
        self.saved(10, 20, 30)
        self.assertEqual(self.model.missing(disk((1, 2, 20), (1, 3, 30))), [])
        self.assertTrue(self.model.missing(disk((1, 3, 30))))
        self.assertTrue(self.model.missing(disk((1, 2, 20, "bad"), (1, 3, 30))))

    def test_a_resume_from_an_older_one(self):
        self.saved(10, 20)
        self.start(2, step=20)
        self.believed()
        self.start(3, step=10)
        self.caught("began at step 10", "20 was saved")

    def test_what_was_found_there_counts_although_nobody_said_so(self):
        self.saved(10)
        self.model.saw_disk(disk((1, 1, 10), (1, 2, 15)))
        self.start(2, step=10)
        self.caught("15 was saved")

    def test_what_was_confirmed_holds_as_long_as_the_machine_does(self):
        self.run_line()
        self.start()
        self.saw("running", checkpoints=[checkpoint(1, 1, 10, durable=None)])
        self.model.vanished(None)
        self.start(2, step=0)
        self.caught("10 was saved")

    def test_and_goes_with_it(self):
        self.run_line()
        self.start()
        self.saw("running", checkpoints=[checkpoint(1, 1, 10, durable=None)])
        self.model.vanished(disk())
        self.run_line()
        self.start(2, step=0)
        self.believed()

    def test_a_job_that_is_gone_with_what_was_stored(self):
        self.saved(10)
        self.model.vanished({})
        self.caught("the job is gone")

    def test_a_job_that_nobody_can_continue_any_more(self):
        self.saved(10)
        self.model.vanished(disk((1, 1, 10), has_spec=False))
        self.caught("no attempt says what job it is")

    def test_a_run_that_makes_another_job_of_it(self):
        self.saved(10)
        self.model.ran(NAME, "d2", False, self.now)
        self.caught("is d1", "made d2")

    def test_also_on_the_next_machine(self):
        self.saved(10)
        self.model.vanished(disk((1, 1, 10)))
        self.model.ran(NAME, "d2", False, self.now)
        self.caught("is d1", "made d2")

    def test_unless_it_never_began(self):
        self.saved(10)
        self.model.ran(NAME, "d2", True, self.now)
        self.model.vanished(dict(disk((1, 1, 10)), d2=disk(has_spec=False)[ID]))
        self.model.ran(NAME, "d1", False, self.now)
        self.believed()

    def test_and_where_only_its_begin_is_recorded(self):
        self.saved(10)
        self.model.ran(NAME, "d2", True, self.now)
        self.model.vanished(dict(disk((1, 1, 10)), d2=disk((1, 1, 0))[ID]))
        self.model.ran(NAME, "d2", False, self.now)
        self.believed()
        self.model.ran(NAME, "d1", False, self.now)
        self.caught("a run of it made d1")

    def test_a_job_that_is_listed_no_longer(self):
        self.saved(10)
        self.model.saw_list([ID], self.now)
        self.believed()
        self.model.saw_list([], self.now)
        self.caught("no longer listed")

    def test_unless_it_was_removed(self):
        self.saved(10)
        self.model.asked("rm", NAME)
        self.model.saw_list([], self.now)
        self.believed()


class Exits(History):
    def setUp(self):
        super().setUp()
        self.run_line()
        self.start()

    def test_the_process_and_the_view_agree(self):
        self.ends(7)
        self.saw("failed", exit=7)
        self.believed()

    def test_another_code(self):
        self.ends(7)
        self.saw("failed", exit=8)
        self.caught("exit 8", "[7]")

    def test_a_code_that_nobody_gave(self):
        self.saw("failed", exit=1)
        self.caught("exit 1", "[]")

    def test_success_that_was_none(self):
        self.ends(7)
        self.saw("done", exit=7)
        self.caught("done")

    def test_a_code_that_is_lost(self):
        self.ends(7)
        self.saw("failed", exit=None)
        self.caught("ended with 7")

    def test_a_lost_job_whose_shim_lived(self):
        self.ends(7)
        self.saw("lost")
        self.caught("its shim was not killed")

    def test_a_lost_job_whose_shim_was_killed(self):
        self.model.killed_shim(ID, 1)
        self.saw("lost")
        self.believed()

    def test_success_of_a_job_whose_shim_was_killed(self):
        self.model.killed_shim(ID, 1)
        self.saw("done", exit=0)
        self.caught("done")

    def test_a_signal_that_somebody_sent_and_one_that_nobody_did(self):
        self.model.signalled(ID, 1, 11)
        self.saw("failed", exit=139)
        self.believed()
        self.start(2)
        self.saw("failed", attempt=2, exit=139)
        self.assertEqual(len(self.model.violations), 2)  # nobody ran it again, either

    def test_a_term_by_gpujob_without_a_reason(self):
        self.saw("parked", exit=143)
        self.caught("exit 143")

    def test_a_term_by_gpujob_because_of_a_stop(self):
        self.stop()
        self.saw("stopped", exit=143)
        self.believed()

    def test_a_stop_may_come_before_the_process_has_said_that_it_began(self):
        self.saw("running")
        self.stop()
        self.run_line()
        self.saw("stopped", attempt=2, exit=143)
        self.believed()
        self.saw("stopped", attempt=4, exit=143)
        self.caught("attempt 4", "exit 143")

    def test_a_term_by_gpujob_at_the_sessions_end(self):
        self.model.session(limit_at=self.now + 10)
        self.run_line()
        self.start(2)
        self.now += 11
        self.saw("parked", attempt=2, exit=143)
        self.believed()

    def test_a_verdict_that_changes(self):
        self.ends(7)
        self.saw("failed", exit=7)
        self.saw("lost")
        self.assertTrue(any("was (1, 'failed', 7)" in text for text in self.model.violations))

    def test_a_client_that_returns_a_success_that_was_none(self):
        self.ends(7)
        self.model.client_returned(NAME, 7)
        self.believed()
        self.model.client_returned(NAME, 0)
        self.caught("returned 0")


class Starts(History):
    def setUp(self):
        super().setUp()
        self.run_line()
        self.start()

    def test_an_attempt_twice(self):
        self.start()
        self.caught("started twice")

    def test_two_processes_at_once(self):
        self.start(2, alone=False)
        self.caught("while another process of it lived")

    def test_an_earlier_attempt_after_a_later_one(self):
        self.start(3)
        self.start(2)
        self.caught("after attempt 3")

    def test_one_more_although_it_was_over(self):
        self.ends(7)
        self.saw("failed", exit=7)
        self.start(2)
        self.caught("nobody ran it again")

    def test_one_more_because_somebody_ran_it_again(self):
        self.ends(7)
        self.saw("failed", exit=7)
        self.run_line()
        self.start(2)
        self.believed()

    def test_one_more_after_a_success_that_nobody_has_seen(self):
        self.ends(0)
        self.start(2)
        self.caught("exited with 0")

    def test_one_more_on_the_next_machine_although_a_success_was_recorded(self):
        self.ends(0)
        self.model.vanished(disk(end={"state": "done"}))
        self.run_line()
        self.start(2)
        self.caught("was done")

    def test_the_next_machine_goes_on_with_what_was_recorded_and_nobody_was_told_of(self):
        self.model.removing(NAME)
        # A run whose client was killed: all that anybody knows of it is that it is listed.
        self.model.saw(dict(view("held"), id="j2"), self.now)
        self.model.vanished(disk() | {"j2": disk()[ID]})
        self.model.ran(NAME, "j2", False, self.now + 100)
        self.believed()
        self.model.ran(NAME, ID, False, self.now + 100)
        self.caught("is j2, and a run of it made " + ID)

    def test_the_next_machine_goes_on_with_what_was_being_run(self):
        self.ends(0)
        self.saw("done", exit=0)
        self.model.asked("run", NAME)  # with --again; the VM vanishes before the answer
        self.model.vanished(disk(end={"state": "done"}) | {"j2": disk()[ID]})
        self.model.ran(NAME, "j2", False, self.now + 100)
        self.believed()

    def test_the_next_machine_goes_on_with_no_other_where_nothing_was_being_run(self):
        self.model.ran(NAME, ID, True, self.now)
        self.model.vanished(disk() | {"j2": disk()[ID]})
        self.model.ran(NAME, "j2", False, self.now + 100)
        self.caught("is d1, and a run of it made j2")

    def test_the_next_machine_goes_on_with_what_began_last(self):
        self.model.started("j2", NAME, 1, 0, True, self.now)
        self.model.removing(NAME)
        self.run_line()  # answered by j1, which never came to begin
        self.model.vanished(disk() | {"j2": disk()[ID]})
        self.model.ran(NAME, "j2", False, self.now + 100)
        self.believed()
        self.model.ran(NAME, ID, False, self.now + 100)
        self.caught("is j2, and a run of it made " + ID)

    def test_one_more_on_the_next_machine_when_none_was(self):
        self.ends(0)
        self.saw("done", exit=0)
        self.model.vanished(disk())
        self.run_line()
        self.start(2)
        self.believed()

    def test_one_more_after_a_stop(self):
        self.stop()
        self.saw("stopped", exit=143)
        self.saw("running", attempt=2)
        self.caught("nobody ran it again")

    def test_the_same_number_on_the_next_machine_when_nothing_of_it_was_durable(self):
        self.start(2)
        self.model.vanished(disk(attempt=1))
        self.start(2)
        self.believed()

    def test_the_same_number_on_the_next_machine_when_it_was_durable(self):
        self.start(2)
        self.model.vanished(disk(attempt=2))
        self.start(2)
        self.caught("started twice")


class Counters(History):
    def test_each_of_them_going_back(self):
        for counter in ("attempt", "interruptions", "failures"):
            with self.subTest(counter=counter):
                self.setUp()
                self.saw("running", **{counter: 3})
                self.saw("running", **{counter: 4})
                self.believed()
                self.saw("running", **{counter: 2})
                self.caught(f"{counter} went back from 4 to 2")

    def test_the_step_going_back(self):
        self.saw("running", checkpoints=[checkpoint(1, 1, 10)])
        self.saw("running", checkpoints=[checkpoint(1, 2, 9)])
        self.caught("step went back from 10 to 9")

    def test_the_next_machine_counts_from_what_was_durable(self):
        self.saw("running", attempt=4, failures=2)
        self.model.vanished(disk(attempt=3, failures=1))
        self.saw("parked", attempt=3, failures=1)
        self.believed()
        self.saw("parked", attempt=3, failures=0)
        self.caught("failures went back from 1 to 0")


class Calm(Acts):
    """A storm in which killing a helper is left to no chance at all."""
    ACTS = {"ps": 1, "kill_helper": 0}

    def __init__(self, minutes_gone):
        self.rng, self.minutes, self.clients = random.Random(1), 2, []
        self.began = time.monotonic() - 60 * minutes_gone
        self.counts = collections.Counter()

    def never_happened(self):
        return ["kill helper"] * (not self.counts["kill helper"])

    def act_ps(self):
        pass

    def act_kill_helper(self):
        return self.counts["tried"] > 3  # it is not always there

    def storm(self):
        for self.counts["tried"] in range(100):
            self.act()
        return self.counts["kill helper"]


class Calmness(unittest.TestCase):
    def test_what_never_happened_is_made_to_happen_in_the_second_half(self):
        self.assertEqual(Calm(minutes_gone=1.1).storm(), 1)

    def test_the_first_half_is_left_to_chance(self):
        self.assertEqual(Calm(minutes_gone=0.5).storm(), 0)


if __name__ == "__main__":
    unittest.main()
