# SPDX-License-Identifier: Apache-2.0
"""Reads a page as a browser would, strictly: what is opened is closed, nothing comes from outside."""
import html.parser

VOID = {"meta", "br", "hr", "img", "link", "input"}
EMPTY_IN_SVG = {"rect", "line", "path", "circle"}  # written <rect/>
LINKS = {"href", "src", "xlink:href", "action", "data", "poster", "srcset", "formaction"}


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.wrong, self.ids = [], [], [], [], []
        self.rows, self.heads = [], []
        self.feed(text)
        self.close()
        if self.open:
            self.wrong.append(f"not closed: {self.open}")
        if len(self.ids) != len(set(self.ids)):
            self.wrong.append(f"one id twice: {sorted(self.ids)}")

    def look(self, tag, attributes):
        self.tags.append(tag)
        for key, value in attributes:
            if key in LINKS or key.startswith("on"):
                self.wrong.append(f"<{tag} {key}={value}>")
            if key == "id":
                self.ids.append(value)
        if tag in ("script", "iframe", "object", "embed", "base", "link", "img", "form"):
            self.wrong.append(f"<{tag}>")

    def handle_starttag(self, tag, attributes):
        self.look(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.look(tag, attributes)
        if tag not in EMPTY_IN_SVG | VOID:
            self.wrong.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and any(t in self.open for t in ("td", "th")):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] in ("h1", "h2"):
            self.heads.append(data)

    @property
    def text(self):
        return " ".join(t.strip() for t in self.texts if t.strip())
