# SPDX-License-Identifier: Apache-2.0
"""Every way a process can end comes back as it was."""
import signal

from machine import PYTHON, Case, main

# What ends a process that does not catch it (signal(7)); 32 and 33 belong to the C library.
FATAL = ["HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
         "PIPE", "ALRM", "TERM", "STKFLT", "XCPU", "XFSZ", "VTALRM", "PROF", "POLL", "PWR", "SYS"]

DIE = """
import os, signal, sys
number = int(sys.argv[1])
if number != signal.SIGKILL:
    signal.signal(number, signal.SIG_DFL)  # Python ignores some
os.kill(os.getpid(), number)
signal.pause()
"""


class Exit(Case):
    def test_all_256_exit_codes(self):
        for code in range(256):
            done = self.vm.run("run", "--name", f"c{code}", "--", "sh", "-c", f"exit {code}")
            self.assertEqual(done.returncode, code, done.stderr)
            view = self.vm.show(f"c{code}")
            # Without a checkpoint no code means that it goes on.
            self.assertEqual((view["state"], view["exit"], view["signal"], view["attempt"]),
                             ("done" if code == 0 else "failed", code, None, 1))

    def test_every_fatal_signal(self):
        numbers = {name: getattr(signal, "SIG" + name, None) or 16 for name in FATAL}
        numbers.update({f"RT {n}": n for n in range(34, 65)})
        for name, number in numbers.items():
            done = self.vm.run("run", "--name", f"s{int(number)}", "--", PYTHON, "-c", DIE, str(int(number)))
            self.assertEqual(done.returncode, 128 + number, (name, done.stderr))
            view = self.vm.show(f"s{int(number)}")
            self.assertEqual((view["state"], view["exit"]), ("failed", 128 + number))
            if not name.startswith("RT"):
                self.assertEqual(view["signal"], name)


if __name__ == "__main__":
    main()
