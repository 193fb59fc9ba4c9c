"""`pynomaly record --diff`: differential flame graphs, from files and from processes, and in a browser."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import INTERPRETERS, PROGRAMS
from test_picture import CHROMIUM, SVG

PYTHON = INTERPRETERS[sorted(INTERPRETERS)[-1]]

BASE = """\
main (a.py:9);slower (a.py:1) 100
main (a.py:9);faster (a.py:2) 500
main (a.py:9);same (a.py:3);inner (a.py:4) 300
main (a.py:9);same (a.py:3);gone & <away> (a.py:5);deeper (a.py:6) 60
main (a.py:9);gone too (a.py:7) 40
"""
NEW = """\
main (a.py:9);slower (a.py:1) 600
main (a.py:9);faster (a.py:2) 300
main (a.py:9);same (a.py:3);inner (a.py:4) 602
main (a.py:9);new (a.py:8) 498
"""


def titles(picture):
    root = ElementTree.fromstring(picture)
    return {title.text.split(":")[0].split(" (")[0]: title.text for title in root.iter(f"{SVG}title") if title.text}


def fills(picture):
    """hue, saturation, lightness of each frame."""
    found = {}
    for g in ElementTree.fromstring(picture).iter(f"{SVG}g"):
        title, rect = g.find(f"{SVG}title"), g.find(f"{SVG}rect")
        if title is not None and rect is not None:
            numbers = re.fullmatch(r"hsl\((\d+),(\d+)%,(\d+)%\)", rect.get("fill")).groups()
            found[title.text.split(":")[0].split(" (")[0]] = tuple(map(int, numbers))
    return found


@pytest.fixture
def compare(cli, tmp_path):
    def compare(base, new, *options):
        (tmp_path / "base.txt").write_bytes(base if isinstance(base, bytes) else base.encode())
        (tmp_path / "new.txt").write_bytes(new if isinstance(new, bytes) else new.encode())
        output = tmp_path / "diff.svg"
        result = cli(
            "record", "--diff", tmp_path / "base.txt", "--input", tmp_path / "new.txt", "-o", output, *options
        )
        return result, output.read_text() if output.exists() else ""

    return compare


def test_of_two_files(compare, tmp_path):
    result, picture = compare(BASE, NEW)
    assert result.code == 0 and result.err == f"pynomaly: written to {tmp_path}/diff.svg\n"
    said = titles(picture)
    assert said["slower"] == "slower (a.py:1): 600 samples, 30 %; base 10 %: +20 points"
    assert said["faster"] == "faster (a.py:2): 300 samples, 15 %; base 50 %: -35 points"
    assert said["same"] == "same (a.py:3): 602 samples, 30.1 %; base 36 %: -5.9 points"
    assert said["inner"] == "inner (a.py:4): 602 samples, 30.1 %; base 30 %: +0.1 points"
    assert said["new"] == "new (a.py:8): 498 samples, 24.9 %; not in the base"
    assert said["all"] == "all: 2000 samples, 100 %; base 100 %: +0 points"
    color = fills(picture)
    red, blue = 4, 214
    assert color["slower"][0] == color["new"][0] == red and color["faster"][0] == color["same"][0] == blue
    # The stronger the more; grey where chance does as much.
    assert color["faster"][2] < color["same"][2] and color["slower"][2] <= color["new"][2]
    assert color["inner"] == color["all"] == color["main"] == (0, 0, 86)
    # What is gone is said in words, and is no frame.
    text = " ".join(element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text"))
    assert "Only in the base: main (a.py:9) > same (a.py:3) > gone & <away> (a.py:5), 6 % of the base" in text
    assert "Only in the base: main (a.py:9) > gone too (a.py:7), 4 % of the base" in text
    assert "deeper" not in text and "gone too" not in said
    assert "left out" not in text
    words = "".join(ElementTree.fromstring(picture).find(f"*[@id='legend']").itertext())
    assert "red: more" in words and "blue: less" in words and "chance" in words


def test_widths_are_those_of_the_new_one(compare):
    _, picture = compare(BASE, NEW)
    width = {}
    for g in ElementTree.fromstring(picture).iter(f"{SVG}g"):
        title, rect = g.find(f"{SVG}title"), g.find(f"{SVG}rect")
        if title is not None and rect is not None:
            width[title.text.split(" (")[0]] = float(rect.get("width"))
    assert width["slower"] == pytest.approx(1180 * 0.3, abs=0.02) and width["new"] == pytest.approx(1180 * 0.249, abs=0.02)


def test_the_same_recording_is_grey(compare):
    _, picture = compare(BASE, BASE)
    assert set(fills(picture).values()) == {(0, 0, 86)}


def test_many_gone_stacks_are_summed_up(compare):
    base = "".join(f"main;f{n} 10\n" for n in range(25)) + "main;stays 750\n"
    _, picture = compare(base, "main;stays 5\n")
    assert picture.count("Only in the base: main &gt; f") == 10
    assert "and 15 more, 15 % of the base together" in picture
    assert set(titles(picture)) >= {"main", "stays"} and "f3" not in titles(picture)


def test_numbers_of_processes_and_threads_do_not_matter(compare):
    _, picture = compare(
        "process 12: python a.py;thread 12: main;f 3\n", "process 99: python a.py;thread 1234: main;f 4\n"
    )
    assert "Only in the base" not in picture and "not in the base" not in picture.split("<script")[0]


@pytest.mark.parametrize(
    "text, line, word",
    [
        (BASE + "main;f\n", 6, "there is no number of samples"),
        ("main 3\nno-number\n", 2, "there is no number of samples"),
        ("main 3\nmain;f -4\n", 2, "the number of samples is no whole number"),
        ("main 3\n\nmain;f 4.5\n", 3, "the number of samples is no whole number"),
        ("main 0\n", 1, "the number of samples is no whole number"),
        ("main 99999999999999999999999\n", 1, "the number of samples is no whole number"),
        ("main;;f 3\n", 1, "a frame has no name"),
        (" 3\n", 1, "a frame has no name"),
        ('{"$schema": "https://www.speedscope.app"}\n', 1, "the number of samples is no whole number"),
        (b"\x1f\x8b\x08\x00\xff\xfe\n", 1, "there is no number"),
        ("main 300000000000000\n", 1, "the number of samples is no whole number"),
        ("main 200000000000000\nf 200000000000000\ng 1\n", 3, "the number of samples is no whole number"),
    ],
)
@pytest.mark.parametrize("side", ["base", "new"])
def test_bad_files(compare, tmp_path, text, line, word, side):
    result, picture = compare(*(text, NEW) if side == "base" else (BASE, text))
    assert result.code == 1 and picture == ""
    name = "the base" if side == "base" else "the recording"
    assert result.err.startswith(f"pynomaly: {tmp_path}/{side}.txt: {name}, line {line}: {word}"), result.err
    assert "main;work;inner 12" in result.err


def test_files_without_samples(compare, cli, tmp_path):
    for text in ("", "\n\n"):
        for pair in ((text, NEW), (BASE, text)):
            result, picture = compare(*pair)
            assert result.code == 1 and picture == ""
            assert "holds no samples" in result.err or "is empty" in result.err
    result = cli("record", "--diff", tmp_path / "none.txt", "--input", tmp_path / "new.txt")
    assert result.code == 1 and "cannot read" in result.err and "No such file" in result.err
    result = cli("record", "--diff", tmp_path, "--input", tmp_path / "new.txt")
    assert result.code == 1 and "Is a directory" in result.err


def test_odd_but_right_files(compare):
    result, picture = compare("a b;c (d e) 3\r\n\r\na b 1", "a b;c (d e) 3\r\na b;\xff\ufffe]]> 2\n".encode("latin-1", "replace"))
    assert result.code == 0, result.err
    assert "c (d e)" in " ".join(titles(picture).values())


def test_deep_and_wide_files(compare):
    base = "".join(";".join(f"f{n % 7}_{level}" for level in range(200)) + f";g{n} 3\n" for n in range(3000))
    new = "".join(";".join(f"f{n % 5}_{level}" for level in range(200)) + f";g{n} 4\n" for n in range(3000))
    result, picture = compare(base, new)
    assert result.code == 0 and len(picture) < 5_000_000
    ElementTree.fromstring(picture)
    result, picture = compare("f;" * 20_000 + "g 1\n", "f;" * 20_000 + "g 1\n")
    assert result.code == 0
    ElementTree.fromstring(picture)


def test_options(cli, tmp_path):
    (tmp_path / "base.txt").write_text(BASE)
    base = tmp_path / "base.txt"
    for options, word in (
        (["--diff", base, "--input", base, "--pid", 1], "--input is instead of a process"),
        (["--diff", base, "--input", base, "--", "true"], "--input is instead of a process"),
        (["--input", base], "--input goes with --diff"),
        (["--diff", base, "--input", base, "--format", "raw"], "does not go with --format raw"),
        (["--diff", base], "Give a process"),
        (["--memory", "--pid", 1], "not there yet"),
    ):
        result = cli("record", *options)
        assert result.code == 2 and word in result.err, result.err


def test_a_recording_against_an_earlier_one(cli, start, tmp_path):
    base, output = tmp_path / "base.txt", tmp_path / "diff.svg"
    program = "def one(n):\n    for _ in range(n): pass\ndef other(n):\n    for _ in range(n): pass\n"
    loop = "print('ready', flush=True)\nwhile True: one({}); other({})\n"
    first = start(PYTHON, "-c", program + loop.format(3000, 1000))
    result = cli(
        "record", "--pid", first.pid, "--function", "--rate", 500, "--duration", 1, "-f", "raw", "-o", base
    )
    assert result.code == 0, result.err
    second = start(PYTHON, "-c", program + loop.format(1000, 3000))
    result = cli(
        "record", "--pid", second.pid, "--function", "--rate", 500, "--duration", 1, "--diff", base, "-o", output
    )
    assert result.code == 0 and "samples taken" in result.err
    color = fills(output.read_text())
    assert color["one"][0] == 214 and color["other"][0] == 4
    assert re.search(r"; base [\d.]+ %: -[\d.]+ points", titles(output.read_text())["one"])
    # A bad base is known before the recording, and the file that was there stays.
    base.write_text("nonsense\n")
    before = output.read_bytes()
    result = cli("record", "--pid", second.pid, "--diff", base, "-o", output, timeout=5)
    assert result.code == 1 and "line 1" in result.err and output.read_bytes() == before


DRIVER = r"""
<script type="text/javascript"><![CDATA[
(function () {
  const seen = [];
  const groups = () => Array.from(document.querySelectorAll("#frames > g"));
  const titled = word => groups().find(g => g.querySelector("title").textContent.startsWith(word));
  const fill = word => titled(word).querySelector("rect").getAttribute("fill");
  const note = (what, value) => seen.push(what + "=" + value);
  for (const word of ["slower", "faster", "same", "inner", "new", "all"]) {
    note(word, titled(word).querySelector("title").textContent);
    note(word + "-fill", fill(word));
  }
  titled("slower").querySelector("rect").dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
  note("details", document.getElementById("details").textContent);
  titled("same").querySelector("rect").dispatchEvent(new MouseEvent("click", {bubbles: true}));
  note("zoomed", titled("inner").querySelector("rect").getAttribute("width"));
  note("zoomed-fill", fill("inner"));
  const text = document.createElementNS("http://www.w3.org/2000/svg", "desc");
  text.setAttribute("id", "seen");
  text.textContent = seen.join("\n");
  document.documentElement.appendChild(text);
})();
]]></script>
</svg>
"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is here (package chromium)")
def test_in_a_browser(compare, tmp_path):
    _, picture = compare(BASE, NEW)
    driven = tmp_path / "driven.svg"
    driven.write_text(picture[: picture.rindex("</svg>")] + DRIVER)
    browser = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/browser",
            "--virtual-time-budget=2000", "--dump-dom", driven.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = re.search(r'<desc id="seen">(.*?)</desc>', browser.stdout, re.S)
    assert found, browser.stdout[-2000:] + browser.stderr[-2000:]
    seen = dict(line.split("=", 1) for line in found[1].splitlines())
    assert seen["slower"] == "slower (a.py:1): 600 samples, 30.00 %; base 10.00 %: +20.00 points"
    assert seen["faster"].endswith("; base 50.00 %: -35.00 points")
    assert seen["new"].endswith(" 24.90 %; not in the base")
    assert seen["details"] == seen["slower"]
    assert float(seen["zoomed"]) == 1180
    # The script colours as the picture without it does.
    for word, color in fills(picture).items():
        if f"{word}-fill" in seen:
            assert seen[f"{word}-fill"] == "hsl({},{}%,{}%)".format(*color)
    assert seen["zoomed-fill"] == "hsl(0,0%,86%)"
