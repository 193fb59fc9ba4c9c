"""Every example of README.md runs as it stands there, against an installed tree.

PYNOMALY_STAGE names the folder below which `make install DESTDIR=... PREFIX=/usr` put it.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAGE = pathlib.Path(os.environ["PYNOMALY_STAGE"])
README = (ROOT / "README.md").read_text()
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{STAGE}/usr/bin:{os.environ['PATH']}",
    "LD_LIBRARY_PATH": f"{STAGE}/usr/lib",
    "PKG_CONFIG_SYSROOT_DIR": str(STAGE),
    "PKG_CONFIG_PATH": f"{STAGE}/usr/lib/pkgconfig",
}


def block(language: str, having: str = "") -> str:
    """The first block of that language that has those words."""
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)
    return next(text for text in found if having in text)


def run(command, **options):
    result = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, **options
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def compile_and_run(tmp_path, compiler, source, name):
    (tmp_path / name).write_text(source)
    flags = run(["pkg-config", "--cflags", "--libs", "pynomaly"]).split()
    run([*compiler, name, *flags, "-o", "program"], cwd=tmp_path)
    return run(["./program"], cwd=tmp_path)


def test_c(tmp_path):
    printed = compile_and_run(tmp_path, ["cc", "-std=c99", "-Wall", "-Werror"], block("c"), "a.c")
    scores = [float(line.split()[-1]) for line in printed.splitlines()]
    assert len(scores) == 4 and scores[3] == max(scores)


def test_cpp(tmp_path):
    printed = compile_and_run(tmp_path, ["c++", "-std=c++17", "-Wall", "-Werror"], block("cpp"), "a.cpp")
    values = [float(line) for line in printed.splitlines()]
    assert len(values) == 8 and values[3] == max(values[:4]) and values[4:] == [0, 0, 0, 1]
    assert (tmp_path / "forest.pynomaly").stat().st_size > 0


def test_python(tmp_path):
    pytest.importorskip("pynomaly")
    printed = run([sys.executable, "-c", block("python")], cwd=tmp_path)
    assert re.sub(r"\s+", " ", printed).startswith("[-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 1 1]")


def test_command_line(tmp_path):
    (tmp_path / "Benchmarks").symlink_to(ROOT / "Benchmarks")
    printed = run(["bash", "-euc", block("sh", "pynomaly fit")], cwd=tmp_path)
    assert "AUC" in printed
    assert "<html" in (tmp_path / "report.html").read_text().lower()
    rows = (tmp_path / "scores.csv").read_text().splitlines()
    assert len(rows) == len((ROOT / "Benchmarks/host-metrics/host-metrics.csv").read_text().splitlines())


def test_plugins(tmp_path):
    (tmp_path / "Benchmarks").symlink_to(ROOT / "Benchmarks")
    printed = run(["bash", "-euc", block("sh", "plugin new")], cwd=tmp_path)
    assert re.search(r"\d+ passed", printed)
    assert "TailDistance" in printed and "AUC" in printed


def test_profiles(tmp_path):
    run(["bash", "-euc", block("sh", "pynomaly record")], cwd=tmp_path)
    picture = (tmp_path / "flame.svg").read_text()
    assert picture.lstrip().startswith(("<?xml", "<svg")) and "genexpr" in picture


def test_examples_are_short():
    for language, words in [("c", ""), ("cpp", ""), ("python", ""), ("sh", "fit"), ("sh", "plugin")]:
        assert len(block(language, words).strip().splitlines()) <= 18, language


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link
    assert shutil.which("make")
