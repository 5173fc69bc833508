# SPDX-License-Identifier: Apache-2.0
"""How far a job is: by its own word, and by the progress bar it prints."""
from machine import PYTHON, Case, main, wait_until

# A bar as tqdm draws it, which stands still at 45 % until the job is ended.
BAR = r"""
import sys, time
for n in (100, 450):
    sys.stderr.write(f"\r{n/10:3.0f}%|##        | {n}/1000 [00:32<00:39, 14.02it/s]")
    sys.stderr.flush()
print("\nnow", flush=True)
time.sleep(600)
"""
TOLD = r"""
import os, socket, sys, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
sys.stderr.write("\r 45%|##        | 450/1000 [00:32<00:39, 14.02it/s]")
notify.send(b"X_GPUJOB_PROGRESS=0.75")
time.sleep(600)
"""


class Progress(Case):
    def test_a_progress_bar_is_seen_in_the_output(self):
        vm = self.vm
        vm.start("--session-limit", "12h", "--session-start", "now")
        vm.ok("run", "-d", "--name", "bar", "--", PYTHON, "-c", BAR)
        wait_until(lambda: vm.show("bar")["progress"] == 0.45, "its bar")
        view = vm.show("bar")
        self.assertEqual((view["progress_by"], view["rate"]), ("output", "14.02it/s"))
        self.assertLessEqual(view["left_s"], 39)
        self.assertRegex(vm.ok("ps").stdout.decode(), r"45 %, about \d+(\.\d)?s left")
        self.assertIn("which fits into this session; by its progress bar, 14.02it/s",
                      " ".join(vm.ok("show", "bar").stdout.decode().split()))

    def test_a_killed_daemon_sees_it_again(self):
        vm = self.vm
        vm.start("--session-limit", "12h", "--session-start", "now")
        vm.ok("run", "-d", "--name", "bar", "--", PYTHON, "-c", BAR)
        wait_until(lambda: vm.show("bar")["progress"] == 0.45, "its bar")
        vm.kill_daemon()
        wait_until(lambda: vm.show("bar")["progress"] == 0.45, "its bar")

    def test_the_jobs_own_word_outranks_its_bar(self):
        vm = self.vm
        vm.start()
        vm.ok("run", "-d", "--name", "told", "--", PYTHON, "-c", TOLD)
        wait_until(lambda: vm.show("told")["progress_by"] == "job", "its word")
        self.assertEqual(vm.show("told")["progress"], 0.75)


if __name__ == "__main__":
    main()
