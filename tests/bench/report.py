# SPDX-License-Identifier: Apache-2.0
"""One line per figure, as text, Markdown or JSON."""
import dataclasses


@dataclasses.dataclass
class Row:
    """What was measured. A value is a number, several of them (percentiles), or None."""
    figure: str  # the name of the function that measured it
    what: str
    unit: str
    gpujob: object
    tsp: object = None
    target: str = ""
    met: object = None  # True, False, or None without a target

    def cells(self):
        verdict = "" if self.met is None else "met" if self.met else "MISSED"
        return [self.what, self.unit, shown(self.gpujob), shown(self.tsp), self.target, verdict]


HEADINGS = ["", "", "gpujob", "tsp", "to reach", ""]


def shown(value):
    if value is None:
        return "–"
    if isinstance(value, (list, tuple)):
        return " / ".join(shown(v) for v in value)
    if value == 0 or isinstance(value, int) or value >= 100:
        return f"{value:.0f}"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.01 else 5
    return f"{value:.{digits}f}"


def machine_lines(machine, command):
    fsync = shown(machine["fsync_ms"])
    return [
        "{cpu}, {cores} cores, {memory_gb} GB, kernel {kernel}, {distribution}".format(**machine),
        "state on {filesystem}; 4 KiB appended and fdatasync: {fsync} ms (median of 20, before "
        "each figure)".format(fsync=fsync, **machine),
        "{gpujob} (sources {commit}), {tsp}; load {load_before} and {processes} processes before; "
        "{date}".format(**machine),
        f"made by: {command}",
    ]


def text(machine, command, rows):
    table = [HEADINGS] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS))]
    lines = machine_lines(machine, command) + [""]
    for line in table:
        cells = [cell.rjust(width) if i in (2, 3) else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(machine, command, rows):
    lines = machine_lines(machine, f"`{command}`")
    table = [HEADINGS, ["---", "---", "---:", "---:", "---", "---"]] + [row.cells() for row in rows]
    table = [[line[0].replace("  ", "… ", 1), *line[1:]] for line in table]
    return "\n".join([*(line + "  " for line in lines), "",
                      *("| " + " | ".join(line) + " |" for line in table)])


def as_json(machine, command, rows):
    return {"command": command, "machine": machine,
            "rows": [dataclasses.asdict(row) for row in rows]}
