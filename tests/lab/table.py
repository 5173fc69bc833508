# SPDX-License-Identifier: Apache-2.0
"""What came out, a row for each platform. All of it, from all suites: table.py; GPUJOB_LAB_TABLE=markdown
says how."""
import os
import re
import sys
import unittest
from contextlib import contextmanager

COLUMNS = ("platform", "detected by", "confidence", "session left", "quota", "idle", "notice", "durable place",
           "second session finds it", "trap")
ROWS = {}
SUITES = ("platforms_test", "idle_test", "notice_test")


@contextmanager
def cell(platform, column):
    """Yields a list for what the cell says; it says FAILED when the block does not come to its end."""
    assert column in COLUMNS
    said = ROWS.setdefault(platform, {}).setdefault(column, [])
    said.append("FAILED")
    more = []
    yield more
    said.remove("FAILED")
    said += [text for text in more if text not in said]


def duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def roughly(seconds):
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


def write(rows):
    lines = [COLUMNS, *((name, *("; ".join(row.get(c, ())) or "-" for c in COLUMNS[1:])) for name, row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    print()
    for line in lines:
        print(" | ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def brief(name, row):
    """What a README has room for. "?": only the user knows; "-": nothing was seen."""
    def first(column):
        said = row.get(column) or ["-"]
        return "FAILED" if "FAILED" in said else said[0]

    known_by = re.sub(r" in the environment|^(file|directory) ", "", first("detected by"))
    if known_by.startswith("no "):
        known_by = "the user says so" if "asks the user" in row.get("confidence", ()) else "nothing"
    session = re.sub("^.* of |unknown", "", first("session left"))
    quota = re.sub("[0-9:]+ of ", "", first("quota"))
    place, later = (first(c).replace("/gpujob", "") for c in ("durable place", "second session finds it"))
    if later.endswith(" (read-only)"):
        place += ", then " + later.removesuffix(" (read-only)")
    notices = [re.sub(": saved in time|,", "", text) for text in row.get("notice", ()) if "alone" not in text]
    idle = first("idle")
    cells = (name, known_by, session or "?", "?" if "user" in idle else idle,
             "?" if "user" in quota else quota, place, " ".join(notices) or "-")
    return f"| {' | '.join(cells)} |"


def write_markdown(rows):
    print("| platform | known by | session | idle | quota | kept in | notice |\n" + "|---" * 7 + "|")
    print("\n".join(brief(*row) for row in rows))


def show(order):
    rows = sorted(ROWS.items(), key=lambda item: order.index(item[0]))
    (write_markdown if os.environ.get("GPUJOB_LAB_TABLE") == "markdown" else write)(rows)


def show_all():
    """Runs every suite first. The suites' own tables are left out."""
    import table  # this file as they know it
    from machine_of import MACHINES
    suites = unittest.TestSuite()
    for name in SUITES:
        module = __import__(name)
        module.tearDownModule = lambda: None
        suites.addTest(unittest.defaultTestLoader.loadTestsFromModule(module))
    result = unittest.TextTestRunner().run(suites)
    table.show(list(MACHINES))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(show_all())
