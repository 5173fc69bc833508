#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the report's pages for people to look at: at the width of a desk and of phones, light and dark.

tests/bench/browse.py [--bin DIR] [--out DIR] [PAGE.html...]

What must hold of them is a test (tests/client/page_test.py); here it is only said.
"""
import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/support")
import browser  # noqa: E402

WIDTHS = {"desk": 1280, "phone": 390, "small-phone": 320}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=ROOT + "/build/release/bin", metavar="DIR")
    parser.add_argument("--out", default="/tmp/gpujob-pages", metavar="DIR")
    parser.add_argument("pages", nargs="*", metavar="PAGE.html", help="instead of the pages of report_page")
    args = parser.parse_args()
    program = browser.find()
    if not program:
        sys.exit(f"browse: {browser.MISSING}")
    os.makedirs(args.out, exist_ok=True)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="gj-") as folder, browser.Browser(program) as opened:
        pages = args.pages
        for which in ("full", "empty", "hostile") if not pages else ():
            with open(f"{folder}/{which}.html", "wb") as f:
                subprocess.run([args.bin + "/report_page", which], check=True, stdout=f)
            pages = pages + [f.name]
        for path in pages:
            which = os.path.splitext(os.path.basename(path))[0]
            for name, width in WIDTHS.items():
                for scheme in "light", "dark":
                    looked = opened.look(path, width, scheme)
                    with open(f"{args.out}/{which}-{name}-{scheme}.png", "wb") as f:
                        f.write(looked.picture)
                print(f"{which:8} {name:12} {width:5} px: {looked.width} x {looked.height}: "
                      f"{'; '.join(looked.wrong) or 'fits'}")
                wrong += len(looked.wrong)
    print(f"pictures: {args.out}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
