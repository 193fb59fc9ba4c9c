"""The flame graph in a browser: headless Chromium opens it, clicks and searches."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import INTERPRETERS, PROGRAMS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SVG = "{http://www.w3.org/2000/svg}"

# Runs after the picture's own script and leaves what it saw as text.
DRIVER = r"""
<script type="text/javascript"><![CDATA[
(function () {
  const seen = [];
  const groups = () => Array.from(document.querySelectorAll("#frames > g"));
  const titled = word => groups().find(g => g.querySelector("title").textContent.startsWith(word));
  const widths = word => Number(titled(word).querySelector("rect").getAttribute("width"));
  const click = element => element.dispatchEvent(new MouseEvent("click", {bubbles: true}));
  const note = (what, value) => seen.push(what + "=" + value);
  note("before", widths("a1 "));
  note("all", widths("all:"));
  titled("a1 ").querySelector("rect").dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
  note("details", document.getElementById("details").textContent);
  click(titled("a1 ").querySelector("rect"));
  note("zoomed", widths("a1 "));
  note("sibling", titled("b1 ") ? "there" : "gone");
  note("reset", document.getElementById("reset").getAttribute("visibility"));
  click(document.getElementById("reset"));
  note("after", widths("a1 "));
  note("siblingAfter", titled("b1 ") ? "there" : "gone");
  window.prompt = () => "^a1 ";
  click(document.getElementById("search"));
  note("matched", document.getElementById("matched").textContent);
  note("found", groups().filter(g => g.getAttribute("class").includes("found")).length);
  click(document.getElementById("search"));
  note("matchedAfter", document.getElementById("matched").textContent.trim());
  window.prompt = () => "a1 (";
  click(document.getElementById("search"));
  note("noPattern", document.getElementById("matched").textContent);
  const text = document.createElementNS("http://www.w3.org/2000/svg", "desc");
  text.setAttribute("id", "seen");
  text.textContent = seen.join("\n");
  document.documentElement.appendChild(text);
})();
]]></script>
</svg>
"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is here (package chromium)")
def test_clicks_and_search(cli, start, tmp_path):
    target = start(INTERPRETERS[sorted(INTERPRETERS)[-1]], PROGRAMS / "flip.py")
    picture = tmp_path / "flame.svg"
    result = cli("record", "--pid", target.pid, "--function", "--rate", 300, "--duration", 1, "-o", picture)
    assert result.code == 0, result.err
    driven = tmp_path / "driven.svg"
    text = picture.read_text()
    driven.write_text(text[: text.rindex("</svg>")] + DRIVER)
    browser = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path}/browser",
            "--virtual-time-budget=2000",
            "--dump-dom",
            driven.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = re.search(r'<desc id="seen">(.*?)</desc>', browser.stdout, re.S)
    assert found, browser.stdout[-2000:] + browser.stderr[-2000:]
    seen = dict(line.split("=", 1) for line in found[1].splitlines())
    root = ElementTree.fromstring(text)
    titles = [title.text for title in root.iter(f"{SVG}title")]
    share = next(float(t.split(", ")[1].split()[0]) for t in titles if t.startswith("a1 "))
    assert float(seen["all"]) == 1180
    assert abs(float(seen["before"]) - 11.8 * share) < 0.2
    assert seen["details"].startswith("a1 (flip.py:") and seen["details"].endswith(" %")
    assert float(seen["zoomed"]) == 1180 and seen["sibling"] == "gone" and seen["reset"] == "visible"
    assert seen["after"] == seen["before"] and seen["siblingAfter"] == "there"
    assert abs(float(seen["matched"].split()[1]) - share) < 0.02 and seen["found"] == "1"
    assert seen["matchedAfter"] == ""
    # What is no regular expression is looked for as it stands.
    assert abs(float(seen["noPattern"].split()[1]) - share) < 0.02
