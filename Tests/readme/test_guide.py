"""The guide has a page for every detector, which names all its options and shows its picture."""

import pathlib
import re

import pynomaly
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "Sources/Detection/Detection.docc"
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


@pytest.mark.parametrize("name", pynomaly.detector_names())
def test_detector_has_a_page(name):
    page = (PAGES / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    for option in pynomaly.detector_info(name).options:
        assert f"`{option.name}`" in page, f"{name}.md does not name the option {option.name}"
    assert f"(Resources/{name}.png)" in page
    for heading in ("When to use it", "Options", "What it computes", "Reference"):
        assert f"\n## {heading}" in page
    index = (PAGES / "Detection.md").read_text()
    assert f"({name}.md)" in index


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: there is no {target}"
