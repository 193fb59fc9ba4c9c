"""pynomaly_plugin.hpp: every exception is told, none leaves the plugin."""

import subprocess

import numpy as np
import pytest
from conftest import ROOT, Detector, Refused

X = np.arange(20.0).reshape(10, 2)


def build(library, *flags):
    includes = [f"-I{ROOT}/include", f"-I{ROOT}/bindings/cpp"]
    source = ROOT / "Tests/plugins/faults/faults.cpp"
    command = ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", *includes, *flags]
    subprocess.run([*command, source, "-o", library], check=True)
    return library


@pytest.fixture(scope="module")
def faults(pynomaly, tmp_path_factory):
    pynomaly.load(build(tmp_path_factory.mktemp("faults") / "libfaults.so"))
    return lambda **options: pynomaly.detector("Faults", **options)


def use(model, where):
    """What makes the library call that function of the plugin."""
    if where == "partial_fit":
        call = model.p.new("pyn_call", threads=2)
        model.p.call(model.p.lib.pyn_detector_partial_fit, model.handle, model._matrix(X), call)
        return
    model.fit(X, threads=2)
    if where == "score":
        model.score(X)
    if where == "explain":
        model.explain(X)
    if where == "save":
        model.saved()
    if where == "fitted":
        model.fitted("rows")


@pytest.mark.parametrize("where", ["create", "fit", "chunk", "partial_fit", "score", "explain", "threshold", "save"])
@pytest.mark.parametrize(
    "what, status, words",
    [
        ("error", "PYN_ERROR_INVALID_DATA", "a fault of my own"),
        ("bad_alloc", "PYN_ERROR_OUT_OF_MEMORY", "memory"),
        ("length_error", "PYN_ERROR_OUT_OF_MEMORY", "memory"),
        ("runtime_error", "PYN_ERROR_PLUGIN", "words of the exception"),
        ("int", "PYN_ERROR_PLUGIN", "no std::exception"),
    ],
)
def test_exceptions_are_told(pynomaly, faults, where, what, status, words):
    with pytest.raises(Refused, match=words) as refused:
        use(faults(where=where, what=what), where)
    assert refused.value.code == getattr(pynomaly.lib, status)
    if what == "error":
        assert (refused.value.row, refused.value.column) == (7, 1)


@pytest.mark.parametrize("what, words", [("wrong_type", "of a type"), ("unknown_option", "did not declare: nothing")])
def test_mistakes_with_options(faults, what, words):
    with pytest.raises(Refused, match=words):
        faults(where="create", what=what).fit(X)


def test_a_fault_in_fitted_harms_nobody(faults):
    with pytest.raises(Refused):
        use(faults(where="fitted"), "fitted")


def test_all_kinds_of_a_value(faults):
    for text, value in (("3", 3), ("0.5", 0.5), ("true", 100), ("false", 200)):
        assert faults(number=text).fit(X).score(X).tolist() == (value + X[:, 0]).tolist()


def test_a_host_that_calls_it_back(faults):
    model = faults().fit(X)
    assert model.threshold() == 3 and model.fitted("rows") == 10
    assert (model.again().score(X) == model.score(X)).all()
    assert (model.score(np.asfortranarray(X.astype(np.float32))) == model.score(X)).all()


def test_bytes_too_many_or_too_few_are_refused(pynomaly, faults):
    """Through the small host, which hands over the plugin's bytes alone: see host/exercise.c. Here the whole file."""
    saved = faults().fit(X).saved()
    for model in (saved[:-1], saved + b"\0"):
        with pytest.raises(Refused):
            Detector(pynomaly, "Faults", model=model)


@pytest.mark.parametrize("thrown, words", [('std::runtime_error("init says no")', "init says no"), ("1", "std::exception")])
def test_an_exception_in_init_is_logged(pynomaly, tmp_path, thrown, words):
    library = build(tmp_path / "libinit.so", f"-DTHROW_IN_INIT={thrown}", "-Wno-unreachable-code")
    messages = []

    @pynomaly.ffi.callback("void(int32_t, const char *, const char *, void *)")
    def keep(level, plugin, message, context):
        messages.append(pynomaly.ffi.string(message).decode())

    pynomaly.lib.pyn_set_log_callback(keep, pynomaly.ffi.NULL)
    try:
        with pytest.raises(Refused) as refused:
            pynomaly.load(library)
    finally:
        pynomaly.lib.pyn_set_log_callback(pynomaly.ffi.NULL, pynomaly.ffi.NULL)
    assert refused.value.code == pynomaly.lib.PYN_ERROR_PLUGIN
    assert any(words in message for message in messages)
