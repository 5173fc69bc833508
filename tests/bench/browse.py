#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens the report in a real browser: at the width of a desk and of a phone, light and dark.

A command, not a test, since Chromium is 300 MB: apt-get install chromium-headless-shell, then
tests/bench/browse.py [--bin DIR] [--out DIR]. It fails where a page is wider than its window, and
writes a picture of each for people to look at.
"""
import argparse
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
WIDTHS = {"desk": 1280, "phone": 390, "small phone": 320}
SCHEMES = {"light": 1, "dark": 0}
# Beside the page, in a window of its own: the page itself needs no script.
MEASURE = """<!DOCTYPE html><iframe id="f" style="width:{width}px;height:800px;border:0" srcdoc="{page}">
</iframe><script>f.onload=()=>{{const d=f.contentDocument;d.querySelectorAll("details").forEach(x=>x.open=true);
document.title="wide="+d.documentElement.scrollWidth+" tall="+d.documentElement.scrollHeight}}</script>"""


def browse(browser, folder, *args):
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
                           "--hide-scrollbars", f"--user-data-dir={folder}/profile", *args],
                          capture_output=True, text=True, timeout=120)
    return done.stdout


def measure(browser, folder, page, width):
    """Width and height that the page takes in a window of that width, everything unfolded."""
    with open(folder + "/measure.html", "w") as f:
        f.write(MEASURE.format(width=width, page=html.escape(page)))
    dom = browse(browser, folder, "--virtual-time-budget=5000", "--dump-dom",
                 f"file://{folder}/measure.html")
    found = re.search(r"<title>wide=(\d+) tall=(\d+)</title>", dom)
    if not found:
        sys.exit(f"browse: {browser}: told no width: is it a Chromium?")
    return int(found[1]), int(found[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=ROOT + "/build/release/bin", metavar="DIR")
    parser.add_argument("--out", default="/tmp/gpujob-pages", metavar="DIR")
    args = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        sys.exit("browse: no Chromium: apt-get install chromium-headless-shell")
    os.makedirs(args.out, exist_ok=True)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="gj-") as folder:
        for which in ("full", "empty", "hostile"):
            page = subprocess.run([args.bin + "/report_page", which], check=True,
                                  capture_output=True, text=True).stdout
            path = f"{args.out}/{which}.html"
            with open(path, "w") as f:
                f.write(page)
            for name, width in WIDTHS.items():
                wide, tall = measure(browser, folder, page, width)
                verdict = "fits" if wide <= width else "IS TOO WIDE"
                wrong += wide > width
                print(f"{which:8} {name:12} {width:5} px: {wide} x {tall}: {verdict}")
                for scheme, number in SCHEMES.items():
                    picture = f"{args.out}/{which}-{name.replace(' ', '-')}-{scheme}.png"
                    browse(browser, folder, f"--window-size={width},{min(tall, 4000)}",
                           f"--blink-settings=preferredColorScheme={number}",
                           f"--screenshot={picture}", f"file://{path}")
    print(f"pictures: {args.out}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
