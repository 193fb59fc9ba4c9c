"""A plugin of the first contract, built with the header of that day, works in today's library. When this fails, the
library has broken its word: frozen/ is never edited."""

import subprocess

import numpy as np
import pytest
from conftest import ROOT, Refused, obeys_the_house

FROZEN = ROOT / "Tests/plugins/frozen"


@pytest.fixture(scope="module")
def frozen(pynomaly, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frozen")
    library = folder / "libfrozen-1.so"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"]
    subprocess.run(["cc", *flags, FROZEN / "frozen-1.c", "-o", library, "-lm"], check=True)
    messages = []

    @pynomaly.ffi.callback("void(int32_t, const char *, const char *, void *)")
    def keep(level, plugin, message, context):
        messages.append((level, pynomaly.ffi.string(message)))

    pynomaly.lib.pyn_set_log_callback(keep, pynomaly.ffi.NULL)
    assert pynomaly.load(library) == ["Frozen1"]
    pynomaly.lib.pyn_set_log_callback(pynomaly.ffi.NULL, pynomaly.ffi.NULL)
    assert (pynomaly.lib.PYN_LOG_INFO, b"frozen-1 is here") in messages
    return lambda **options: pynomaly.detector("Frozen1", **options)


def test_it_works(frozen):
    X = np.random.default_rng(0).normal(size=(1000, 3))
    model = frozen(factor=4, offset=-5, strict="false", mode="square", several=0.5).fit(X, threads=3)
    np.testing.assert_allclose(model.score(X), 4 * np.abs(X[:, 0] - X[:, 0].mean()), atol=1e-12)
    assert model.threshold() == 12
    assert model.fitted("rows") == 1000
    assert (model.explain(X)[:, 0] == model.score(X)).all()


def test_house(frozen):
    obeys_the_house(frozen, np.random.default_rng(1).normal(size=(500, 2)))


def test_its_refusals_arrive(frozen):
    X = np.zeros((20, 2))
    X[7, 0] = 4711
    with pytest.raises(Refused, match="4711 is not welcome") as refused:
        frozen().fit(X)
    assert (refused.value.row, refused.value.column) == (7, 0)
    with pytest.raises(Refused, match="offset"):
        frozen(offset=1001)


def test_the_headers_of_today_only_grew():
    """Whatever the frozen header pins, the header of today says as well."""
    frozen = (FROZEN / "pynomaly_plugin-1.h").read_text()
    today = (ROOT / "include/pynomaly_plugin.h").read_text()
    for line in frozen.splitlines():
        words = line.split("/*")[0].strip()
        if words.startswith("PYN_") and "=" in words:
            assert words.rstrip(",") in today, words
