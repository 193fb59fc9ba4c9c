"""How the wheel finds its library."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from pathlib import Path

import pytest

from pynomaly import _library

pytest.importorskip("hatchling")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def build(monkeypatch):
    monkeypatch.delenv("PYNOMALY_LIBRARY", raising=False)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path):
    """A project of which only the folders are there."""
    (tmp_path / "Package.swift").touch()
    (tmp_path / "bindings" / "python").mkdir(parents=True)
    return tmp_path


def test_library_named_by_the_environment(build, project, monkeypatch):
    monkeypatch.setenv("PYNOMALY_LIBRARY", _library.library._name)
    assert build.find_library(project / "bindings/python") == Path(_library.library._name)
    monkeypatch.setenv("PYNOMALY_LIBRARY", str(project / "no.so"))
    with pytest.raises(SystemExit, match=r"no.so, which is not a file"):
        build.find_library(project / "bindings/python")


def test_library_of_the_project(build, project):
    library = project / ".build" / "release" / "libpynomaly.so"
    library.parent.mkdir(parents=True)
    library.touch()
    assert build.find_library(project / "bindings/python") == library


def test_library_is_built(build, project, monkeypatch):
    swift = project / "swift"
    swift.write_text(
        '#!/bin/sh\nmkdir -p .build/release && echo "$@" > .build/release/libpynomaly.so\n'
    )
    swift.chmod(0o755)
    monkeypatch.setenv("PATH", str(project), prepend=":")
    library = build.find_library(project / "bindings/python")
    assert library.read_text().startswith("build -c release")
    assert library.read_text().endswith("--product pynomaly\n")


def test_without_swift(build, project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(SystemExit) as caught:
        build.find_library(project / "bindings/python")
    for remedy in ("install Swift 6.1", "set PYNOMALY_LIBRARY", "pip install pynomaly"):
        assert remedy in str(caught.value)
    (project / "Package.swift").unlink()
    with pytest.raises(SystemExit, match="checkout of the whole project"):
        build.find_library(project / "bindings/python")


def test_the_copy_is_stripped_and_tagged(build, tmp_path):
    library = Path(_library.library._name)
    if not library.is_file():
        library = Path(_library.BUNDLED)
    copy = build.stripped(library, tmp_path)
    assert copy.stat().st_size <= library.stat().st_size
    if shutil.which("readelf"):
        assert b".symtab" not in copy.read_bytes()
    assert build.platform_tag(copy).endswith(platform.machine())
    versions = tmp_path / "versions.so"
    versions.write_bytes(b"\0GLIBC_2.2.5\0GLIBC_2.35\0GLIBC_2.4\0")
    if platform.libc_ver()[0] == "glibc":
        assert build.platform_tag(versions).startswith("manylinux_2_35_")
    versions.write_bytes(b"no versions")
    assert build.platform_tag(versions).startswith("linux_")
