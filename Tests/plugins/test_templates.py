"""What `pynomaly plugin new` writes: it builds, keeps the contract, and becomes a wheel. The words in the files are
filled in here as the tool does; Tests/cli tests the tool."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import ROOT, obeys_the_house

HOME = ROOT / "Sources/PynomalyCLI/Plugin"
CLI = pathlib.Path(os.environ.get("PYNOMALY_CLI", ROOT / ".build/release/pynomaly-cli"))


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def templates():
    """The triples of the generated Swift file."""
    text = (HOME / "Templates.generated.swift").read_text()
    texts = dict(re.findall(r'^private let (text\d+) = #+"""\n(.*?)\n"""#+$', text, re.DOTALL | re.MULTILINE))
    triples = re.findall(r'^    \("(\w+)", "([^"]+)", (text\d+)\),$', text, re.MULTILINE)
    return [(language, path, texts[name]) for language, path, name in triples]


@pytest.fixture(scope="module", params=["c", "cpp", "swift"])
def project(request, tmp_path_factory):
    language = request.param
    folder = tmp_path_factory.mktemp("templates") / language
    words = {
        "@NAME@": f"my-first-{language}",
        "@DETECTOR@": f"MyFirst_{language}",
        "@IDENTIFIER@": f"my_first_{language}",
        "@VERSION@": "0.0.0",
    }

    def filled(text):
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    for of, path, text in templates():
        if of == language:
            place = folder / filled(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(filled(text))
    run("make", "-C", folder)
    return folder, words["@NAME@"], words["@DETECTOR@"]


def test_the_embedded_files_are_those_of_the_folder():
    run(HOME / "embed-templates", "--check")


def test_a_stale_file_is_found_out(tmp_path):
    for part in ("Sources/PynomalyCLI/Plugin", "include", "bindings/cpp"):
        shutil.copytree(ROOT / part, tmp_path / part)
    with open(tmp_path / "include/pynomaly_plugin.h", "a") as header:
        header.write("/* later */\n")
    check = [tmp_path / "Sources/PynomalyCLI/Plugin/embed-templates", "--check"]
    assert subprocess.run(check, capture_output=True).returncode == 1


def test_nothing_is_left_to_fill_in(project):
    folder, _, _ = project
    for path in folder.rglob("*"):
        if path.is_file() and "build" not in path.relative_to(folder).parts:
            assert not re.search("@[A-Z]+@", str(path) + path.read_text()), path


def test_it_exports_one_function(project):
    folder, name, _ = project
    names = run("nm", "-D", "--defined-only", folder / f"build/lib{name}.so").split("\n")
    assert [line.split()[-1] for line in names if line] == ["pynomaly_plugin_init"]


def test_it_works(pynomaly, project):
    folder, name, detector = project
    assert pynomaly.load(folder / f"build/{name}.toml") == [detector]
    X = np.random.default_rng(0).normal(size=(501, 3))
    model = pynomaly.detector(detector).fit(X)
    median = np.median(X, axis=0)
    expected = (0.6745 * np.abs(X - median) / np.median(np.abs(X - median), axis=0)).max(axis=1)
    np.testing.assert_allclose(model.score(X), expected, rtol=1e-12)
    assert model.threshold() == 3.5
    shares = model.explain(X).argmax(axis=1)
    assert (shares == (np.abs(X - median) / np.median(np.abs(X - median), axis=0)).argmax(axis=1)).all()
    obeys_the_house(lambda: pynomaly.detector(detector), X)


def test_check_passes(project):
    folder, _, _ = project
    if not CLI.is_file() or subprocess.run([CLI, "plugin", "--help"], capture_output=True).returncode:
        pytest.skip("this build has no `pynomaly plugin`")
    run("make", "-C", folder, "check", f"PYNOMALY={CLI}")


def test_wheel(project, tmp_path):
    folder, name, _ = project
    run(
        *[sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"],
        *["--wheel-dir", tmp_path, folder / "wheel"],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert re.search(r"-py3-none-\w*linux_\w+\.whl$", wheel.name)
    package = "pynomaly_" + name.replace("-", "_")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert {f"{package}/{file}" for file in ("__init__.py", f"lib{name}.so", f"{name}.toml")} <= set(names)
        (entries,) = [n for n in names if n.endswith("entry_points.txt")]
        assert archive.read(entries).decode().split() == ["[pynomaly.plugins]", name, "=", package]


def test_cmake(project, tmp_path):
    folder, name, _ = project
    if not (folder / "CMakeLists.txt").is_file():
        pytest.skip("SwiftPM builds this one")
    run("cmake", "-S", folder, "-B", tmp_path)
    run("cmake", "--build", tmp_path)
    assert list(tmp_path.glob(f"lib{name}.so")) and list(tmp_path.glob(f"{name}.toml"))
