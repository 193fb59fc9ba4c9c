"""The package itself: what importing it takes, and how it finds the library."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pynomaly
from pynomaly import _library


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_is_that_of_the_header_and_the_library():
    assert pynomaly.__version__ == pynomaly.library_version()
    header = Path(__file__).resolve().parents[3] / "include" / "pynomaly.h"
    if header.is_file():
        found = re.search(r'PYN_VERSION_STRING "(.*)"', header.read_text())
        assert found[1] == pynomaly.__version__


def test_every_function_of_the_header_that_is_declared_has_as_many_parameters():
    header = Path(__file__).resolve().parents[3] / "include" / "pynomaly.h"
    if not header.is_file():
        pytest.skip("the header is not beside these tests")
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
    found = re.findall(r"\b(pyn_\w+)\(([^()]*)\);", text)
    counts = {
        name: 0 if parameters.strip() == "void" else parameters.count(",") + 1
        for name, parameters in found
    }
    assert len(counts) > 30
    for name, (_, arguments) in _library._FUNCTIONS.items():
        assert counts[name] == len(arguments), name


def test_everything_public_is_there():
    for name in pynomaly.__all__:
        assert getattr(pynomaly, name).__doc__
    assert set(pynomaly.__all__) <= set(dir(pynomaly))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        pynomaly.Nothing  # noqa: B018
    assert Path(pynomaly.__file__).with_name("py.typed").exists()
    assert pynomaly.kernels_name() in ("baseline", "x86-64-v3")


def test_importing_brings_in_nothing_heavy():
    heavy = "{'sklearn', 'scipy', 'pandas', 'polars', 'pyarrow', 'joblib', 'tqdm'}"
    code = f"""
import sys, pynomaly
pynomaly.Detector("IsolationForest").fit([[1.0], [2.0]]).score([[1.0]])
assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_without_scikit_learn():
    code = """
import sys
for name in ("sklearn", "scipy", "joblib"):
    sys.modules[name] = None
import copy, pickle
from pynomaly import IsolationForest, NotFittedError
forest = IsolationForest(n_estimators=5, random_state=0)
assert repr(forest) == "IsolationForest(n_estimators=5, random_state=0)", repr(forest)
assert forest.get_params()["n_estimators"] == 5
try:
    forest.predict([[1.0]])
except NotFittedError:
    pass
else:
    raise AssertionError
labels = forest.set_params(contamination=0.25).fit_predict([[0.0], [0.1], [0.2], [9.0]])
assert labels.tolist() == [1, 1, 1, -1], labels
again = pickle.loads(pickle.dumps(forest))
assert (again.score_samples([[3.0]]) == forest.score_samples([[3.0]])).all()
try:
    forest.set_params(trees=3)
except ValueError as error:
    assert "n_estimators" in str(error)
else:
    raise AssertionError
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_a_library_that_is_not_there():
    done = run("import pynomaly", PYNOMALY_LIBRARY="/nowhere/libpynomaly.so")
    assert done.returncode != 0
    assert "/nowhere/libpynomaly.so" in done.stderr
    assert "set PYNOMALY_LIBRARY" in done.stderr


def build(folder, code):
    compiler = os.environ.get("CC", "cc")
    source = folder / "library.c"
    source.write_text(code)
    library = folder / "libpynomaly.so"
    try:
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    except FileNotFoundError:
        pytest.skip("no C compiler")
    return str(library)


def test_a_library_of_another_abi(tmp_path):
    library = build(tmp_path, "int pyn_abi_version(void) { return 2; }")
    done = run("import pynomaly", PYNOMALY_LIBRARY=library)
    assert "ABI version 2; this package needs version 1: update the pynomaly package" in done.stderr


def test_a_library_that_is_another(tmp_path):
    library = build(tmp_path, "int nothing(void) { return 0; }")
    done = run("import pynomaly", PYNOMALY_LIBRARY=library)
    assert "is not the libpynomaly this package needs" in done.stderr
    library = build(tmp_path, "int pyn_abi_version(void) { return 1; }")
    done = run("import pynomaly", PYNOMALY_LIBRARY=library)
    assert "pyn_version_string" in done.stderr
    assert "update the library" in done.stderr
