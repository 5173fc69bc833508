#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A captured terminal as an SVG picture, for README: blocks and lines are drawn, so that a chart looks
the same with every font.

tmux capture-pane -e -N -p | tests/bench/top_picture.py [-o FILE.svg] [--title TEXT]
"""
import argparse
import re
import sys
from html import escape

CELL, ROW, SIZE, EDGE = 8.4, 18, 14, 14
INK, DIM, PAPER, FRAME = "#d8dee6", "#8a94a3", "#12171f", "#2b3441"
COLOURS = {31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 37: INK}
ESCAPE = re.compile(r"\x1b\[([0-9;]*)m|\x1b[()][0-9A-B]|[\x0e\x0f]")
EIGHTHS = " ▁▂▃▄▅▆▇█"


class Pen:
    def __init__(self):
        self.colour, self.bold, self.dim, self.reverse = None, False, False, False

    def set(self, codes):
        for code in [int(c or 0) for c in codes.split(";")]:
            if code == 0:
                self.__init__()
            elif code in (1, 2, 7):
                setattr(self, {1: "bold", 2: "dim", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code == 27:
                self.reverse = False
            elif code == 39:
                self.colour = None
            elif code in COLOURS:
                self.colour = COLOURS[code]

    def state(self):
        ink = self.colour or (DIM if self.dim else INK)
        return (PAPER if self.reverse else ink), self.bold, (ink if self.reverse else None)


def runs(line, pen):
    """(column, text, ink, bold, paper) of a line; carries the pen over to the next one."""
    column, at = 0, 0
    for match in [*ESCAPE.finditer(line), None]:
        text = line[at:match.start() if match else len(line)]
        if text:
            yield column, text, *pen.state()
            column += len(text)
        if match:
            at = match.end()
            if match[1] is not None:
                pen.set(match[1])


def rectangle(x, y, width, height, fill, opacity=1):
    more = f' opacity="{opacity}"' if opacity != 1 else ""
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"{more}/>'


def cells(x, y, char, count, ink):
    """So many of a character that is drawn."""
    width = count * CELL
    if char == "░":
        return rectangle(x, y, width, ROW, ink, 0.25)
    if char in "─━":
        thick = 1 if char == "─" else 3
        return rectangle(x, y + (ROW - thick) / 2, width, thick, ink)
    height = ROW * EIGHTHS.index(char) / 8
    return rectangle(x, y + ROW - height, width, height, ink)


def draw_run(run, row):
    column, text, ink, bold, paper = run
    x, y = EDGE + column * CELL, EDGE + row * ROW
    if paper:
        yield rectangle(x, y, CELL * len(text), ROW, paper)
    for part in re.finditer(rf"([{EIGHTHS[1:]}░─━])\1*|[^{EIGHTHS[1:]}░─━]+", text):
        left = x + part.start() * CELL
        if part[1]:
            yield cells(left, y, part[1], len(part[0]), ink)
            continue
        for word in re.finditer(r"\S+(?: \S+)*", part[0]):
            weight = ' font-weight="bold"' if bold else ""
            yield (f'<text x="{left + word.start() * CELL:.2f}" y="{y + ROW - 5:.2f}" fill="{ink}"{weight} '
                   f'textLength="{len(word[0]) * CELL:.2f}" lengthAdjust="spacingAndGlyphs">{escape(word[0])}</text>')


def picture(text, title):
    lines = text.rstrip("\n").split("\n")
    pen = Pen()
    body, widest = [], 0
    for row, line in enumerate(lines):
        for run in runs(line, pen):
            widest = max(widest, run[0] + len(run[1]))
            body += draw_run(run, row)
    width, height = 2 * EDGE + max(widest, 80) * CELL, 2 * EDGE + len(lines) * ROW
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-size="{SIZE}" xml:space="preserve" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}" stroke="{FRAME}"/>', *body, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", metavar="FILE", help="else standard output")
    parser.add_argument("--title", default="gpujob top")
    options = parser.parse_args()
    svg = picture(sys.stdin.read(), options.title)
    if options.o:
        with open(options.o, "w", encoding="utf-8") as f:
            f.write(svg)
    else:
        sys.stdout.write(svg)


if __name__ == "__main__":
    main()
