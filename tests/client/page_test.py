# SPDX-License-Identifier: Apache-2.0
"""The report's pages in a real browser, at the width of a desk and of phones."""
import os
import shutil
import subprocess
import tempfile
import unittest

import browser
from machine import BIN, main

WIDTHS = (1280, 390, 320)


class Page(unittest.TestCase):
    def setUp(self):
        program = browser.find()
        if not program:
            self.skipTest(browser.MISSING)
        self.root = tempfile.mkdtemp(prefix="gj-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.root)
        self.browser = browser.Browser(program)
        self.addCleanup(self.browser.__exit__)

    def write(self, text, name="page.html"):
        path = os.path.join(self.root, name)
        with open(path, "wb") as f:
            f.write(text.encode() if isinstance(text, str) else text)
        return path

    def page(self, which):
        return self.write(subprocess.run([os.path.join(BIN, "report_page"), which], check=True,
                                         stdout=subprocess.PIPE).stdout, which + ".html")

    def look_at(self, which):
        path = self.page(which)
        for width in WIDTHS:
            with self.subTest(page=which, width=width):
                light, dark = (self.browser.look(path, width, scheme) for scheme in ("light", "dark"))
                self.assertEqual(light.wrong + dark.wrong, [])
                self.assertGreater(light.height, 200)
                self.assertNotEqual(light.picture, dark.picture)
                self.assertEqual(self.browser.look(path, width).picture, light.picture, "a picture is by chance")

    def test_a_full_report_fits_is_still_and_asks_nobody(self):
        self.look_at("full")

    def test_an_empty_report_fits_is_still_and_asks_nobody(self):
        self.look_at("empty")

    def test_a_hostile_report_fits_is_still_and_asks_nobody(self):
        self.look_at("hostile")

    def test_what_a_page_must_not_do_is_seen(self):
        """Else the others could not fail."""
        head = '<!DOCTYPE html><meta name="viewport" content="width=device-width">'
        for body, seen in (
                ("<p>well</p>", None),
                ('<div style="width:500px">x</div>', "px wide in a window of 390"),
                ('<body style="overflow-x:hidden"><div class="w" style="width:500px">x</div>', 'sticks out of a window'),
                ('<div style="overflow-x:auto"><p style="width:500px">x</p></div>', None),
                ("<script>1</script>", "runs a script"),
                ("<p onclick='1'>x</p><img src='http://127.0.0.1:9/x.png'>", "asks for http://127.0.0.1:9/x.png"),
                ("<script>console.error('no')</script>", "writes to the console"),
                ("<link rel=stylesheet href=none.css>", "asks for file:")):
            with self.subTest(body=body):
                wrong = "\n".join(self.browser.look(self.write(head + body), 390).wrong)
                if seen:
                    self.assertIn(seen, wrong)
                else:
                    self.assertEqual(wrong, "")
        # Without a viewport of its own a phone takes a page for one of a desk.
        self.assertIn("px wide", "\n".join(self.browser.look(self.write("<!DOCTYPE html><p>x"), 390).wrong))


if __name__ == "__main__":
    main()
