# SPDX-License-Identifier: Apache-2.0
"""What came out, a row for each platform."""
from contextlib import contextmanager

COLUMNS = ("platform", "detected by", "confidence", "session left", "quota", "durable place",
           "second session finds it", "trap")
ROWS = {}


@contextmanager
def cell(platform, column):
    """Yields a list for what the cell says; it says FAILED when the block does not come to its end."""
    row = ROWS.setdefault(platform, {})
    said = []
    before = row.get(column)
    row[column] = "FAILED"
    yield said
    row[column] = "; ".join(filter(None, [before, *said]))


def duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def show(order):
    rows = sorted(ROWS.items(), key=lambda item: order.index(item[0]))
    lines = [COLUMNS, *((name, *(row.get(c) or "-" for c in COLUMNS[1:])) for name, row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    print()
    for line in lines:
        print(" | ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
