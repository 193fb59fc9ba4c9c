"""The report parses, stands alone, says what was found and trusts no text."""

import html.parser
import re

import numpy as np

from tables import csv_text, planted

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(html.parser.HTMLParser):
    """Checks that elements close in order, and gathers text and attributes."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def count(self, tag, **attributes):
        return sum(
            tag == name and attributes.items() <= given.items() for name, given in self.elements
        )


def make(cli, write, rows=3000, evil='<script>alert("x")</script>&', label=True):
    table, places = planted(rows=rows, columns=3)
    labels = np.isin(np.arange(rows), places).astype(int)
    cells = [[f"<i>{n}</i>", *row, labels[n]] for n, row in enumerate(table.tolist())]
    write("<b>t.csv", csv_text(["id <u>", evil, "y'z", "w", "label"], cells))
    arguments = ["--label-column", "label"] if label else []
    result = cli(
        "detect", "<b>t.csv", "--drop", "id <u>", *([] if label else ["--drop", "label"]),
        *arguments, "--report", "r.html", "-q",
    )
    assert result.code == 0, result.err
    return (cli.folder / "r.html").read_text(), places


def test_parses_and_escapes(cli, write):
    evil = '<script>alert("x")</script>&'
    text, places = make(cli, write)
    page = Page(text)
    words = "".join(page.text)
    assert evil in words and "y'z" in words and "<i>" in words and "Anomalies in <b>t.csv" in words
    assert page.count("script") == 1 and page.count("u") == 0 and page.count("li") == 20
    assert page.count("meta", name="viewport") == 1
    assert "ROC-AUC" in words and "Labelled 1" in words
    assert re.search(r"Row [\d,]+", words)


def test_needs_no_network(cli, write):
    text, _ = make(cli, write, label=False)
    page = Page(text)
    assert "http" not in text.replace("http-equiv", "")
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert "ROC-AUC" not in "".join(page.text)


def test_stays_small_and_keeps_the_peaks(cli, write):
    text, places = make(cli, write, rows=60_000)
    assert len(text) < 150_000
    line = re.search(r'class="line" d="M([^"]*)"', text).group(1)
    points = [tuple(map(float, point.split())) for point in line.split("L")]
    assert len(points) == 2000
    # The highest points are the buckets of the planted rows.
    highest = sorted(range(2000), key=lambda bucket: points[bucket][1])[: len(places)]
    assert {int(place * 2000 // 60_000) for place in places} == set(highest)
    bands = re.search(r'class="band" d="([^"]*)"', text).group(1)
    assert bands.count("M") == len(places)


def test_small_tables(cli, write):
    for body in ("1,2\n", "1,2\n1,2\n", "0,0\n" * 5):
        write("t.csv", "a,b\n" + body)
        assert cli("detect", "t.csv", "--report", "r.html").code == 0
        text = (cli.folder / "r.html").read_text()
        Page(text)
        assert "nan" not in text.lower().replace("nance", "")


def test_missing_values_in_the_report(cli, write):
    write("t.csv", "a,b\n" + "".join(f"{n},{'' if n % 3 else n * n % 7}\n" for n in range(18)))
    result = cli("detect", "t.csv", "--report", "r.html", "--set", "missing_values=native")
    assert result.code == 0
    assert "missing" in "".join(Page((cli.folder / "r.html").read_text()).text)
