"""Plugins loaded by the real library, through its C interface. PYNOMALY_LIBRARY says which; .build/plugins has the
example plugins (make plugins)."""

import os
import pathlib
import re
import subprocess

import cffi
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = pathlib.Path(os.environ.get("PYNOMALY_LIBRARY", ROOT / ".build/release/libpynomaly.so"))
PLUGINS = ROOT / ".build/plugins"


class Refused(Exception):
    """What pyn_error says."""

    def __init__(self, error, text):
        super().__init__(text)
        self.code, self.row, self.column = error.code, error.row, error.column


class Pynomaly:
    def __init__(self):
        text = re.sub(r"^#include .*$", "", (ROOT / "include/pynomaly.h").read_text(), flags=re.MULTILINE)
        command = ["cc", "-E", "-P", "-x", "c", "-"]
        plain = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        self.ffi = cffi.FFI()
        self.ffi.cdef(plain.stdout)
        self.lib = self.ffi.dlopen(str(LIBRARY))

    def call(self, function, *arguments):
        error = self.new("pyn_error")
        if function(*arguments, error) != self.lib.PYN_OK:
            raise Refused(error, self.ffi.string(error.message).decode())

    def new(self, kind, **fields):
        return self.ffi.new(f"{kind} *", {"struct_size": self.ffi.sizeof(kind), **fields})

    def load(self, path):
        info = self.new("pyn_plugin_info")
        self.call(self.lib.pyn_plugin_load, str(path).encode(), info)
        return [self.ffi.string(info.detectors[i]).decode() for i in range(info.detector_count)]

    def detector(self, name, **options):
        return Detector(self, name, options)


class Detector:
    """One detector object, and numpy in and out."""

    def __init__(self, pynomaly, name, options=None, model=None):
        self.p, lib, ffi = pynomaly, pynomaly.lib, pynomaly.ffi
        handle = ffi.new("pyn_detector **")
        if model is None:
            self.p.call(lib.pyn_detector_create, name.encode(), handle)
        else:
            self.p.call(lib.pyn_detector_load_memory, ffi.from_buffer(model), len(model), handle)
        self.handle = ffi.gc(handle[0], lib.pyn_detector_free)
        self.name = name
        for option, value in (options or {}).items():
            self.p.call(lib.pyn_detector_set_text, self.handle, option.encode(), str(value).encode())

    def _matrix(self, X):
        self._kept = X
        return self.p.new(
            "pyn_matrix",
            data=self.p.ffi.cast("void *", X.ctypes.data),
            dtype=self.p.lib.PYN_FLOAT32 if X.dtype == np.float32 else self.p.lib.PYN_FLOAT64,
            rows=X.shape[0],
            columns=X.shape[1],
            row_stride=X.strides[0],
            column_stride=X.strides[1],
        )

    def fit(self, X, threads=1):
        call = self.p.new("pyn_call", threads=threads)
        self.p.call(self.p.lib.pyn_detector_fit, self.handle, self._matrix(X), call)
        return self

    def _numbers(self, function, X, count, threads):
        out = np.full(count, np.nan)
        pointer = self.p.ffi.cast("double *", out.ctypes.data)
        call = self.p.new("pyn_call", threads=threads)
        self.p.call(function, self.handle, self._matrix(X), call, pointer, count)
        return out

    def score(self, X, threads=1):
        return self._numbers(self.p.lib.pyn_detector_score, X, len(X), threads)

    def explain(self, X, threads=1):
        return self._numbers(self.p.lib.pyn_detector_explain, X, X.size, threads).reshape(X.shape)

    def threshold(self):
        value = self.p.ffi.new("double *")
        self.p.call(self.p.lib.pyn_detector_get_threshold, self.handle, value)
        return value[0]

    def fitted(self, name):
        value = self.p.ffi.new("double *")
        self.p.call(self.p.lib.pyn_detector_get_fitted, self.handle, name.encode(), value)
        return value[0]

    def saved(self):
        size = self.p.ffi.new("size_t *")
        save = self.p.lib.pyn_detector_save_memory
        self.p.call(save, self.handle, self.p.ffi.NULL, 0, size)
        model = bytearray(size[0])
        self.p.call(save, self.handle, self.p.ffi.from_buffer(model), len(model), size)
        return bytes(model)

    def again(self):
        """Saved and loaded."""
        return Detector(self.p, self.name, model=self.saved())


@pytest.fixture(scope="session")
def pynomaly():
    return Pynomaly()


@pytest.fixture(scope="session")
def example(pynomaly):
    """Loads one of the example plugins; returns a function that makes its detector."""

    def load(plugin):
        manifest = PLUGINS / plugin / f"{plugin}.toml"
        assert manifest.is_file(), f"{manifest} is not there: run make plugins"
        (name,) = pynomaly.load(manifest)
        return lambda **options: pynomaly.detector(name, **options)

    return load


def obeys_the_house(make, X):
    """What holds for every detector: the same bits however it is asked, before and after saving."""
    one, three = make().fit(X), make().fit(X, threads=3)
    scores = one.score(X)
    assert np.isfinite(scores).all()
    assert one.saved() == three.saved()
    assert (three.score(X, threads=3) == scores).all()
    assert (one.score(np.asfortranarray(X)) == scores).all()
    assert (one.score(X[::-1])[::-1] == scores).all()
    assert (one.again().score(X) == scores).all()
    assert one.again().threshold() == one.threshold()
    shares = one.explain(X)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), scores, rtol=1e-9, atol=1e-12)
    holed = X.copy()
    holed[3, 1] = np.nan
    for call in (make().fit, one.score):
        with pytest.raises(Refused) as refused:
            call(holed)
        assert (refused.value.row, refused.value.column) == (3, 1)
