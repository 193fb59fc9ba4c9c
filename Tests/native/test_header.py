"""pynomaly.h as cffi takes it: no edits but the includes, which a binding generator drops."""

import os
import pathlib
import re
import subprocess

import cffi
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = ROOT / "include" / "pynomaly.h"
LIBRARY = os.environ.get("PYNOMALY_LIBRARY", ROOT / ".build/release/libpynomaly.so")


@pytest.fixture(scope="module")
def ffi():
    text = re.sub(r"^#include .*$", "", HEADER.read_text(), flags=re.MULTILINE)
    plain = subprocess.run(
        ["cc", "-E", "-P", "-x", "c", "-"], input=text, capture_output=True, text=True, check=True
    )
    ffi = cffi.FFI()
    ffi.cdef(plain.stdout)
    return ffi


@pytest.fixture(scope="module")
def lib(ffi):
    return ffi.dlopen(str(LIBRARY))


def test_every_declared_function_is_there(ffi, lib):
    functions = [name for name in dir(lib) if name.startswith("pyn_")]
    assert len(functions) >= 52
    for name in functions:
        assert getattr(lib, name) != ffi.NULL


def test_fit_and_score(ffi, lib):
    data = ffi.new("double[]", [0.1, 0.2, 0.0, 0.1, 0.2, 0.1, 9.0, 8.0])
    X = ffi.new(
        "pyn_matrix *",
        {
            "struct_size": ffi.sizeof("pyn_matrix"),
            "data": data,
            "dtype": lib.PYN_FLOAT64,
            "rows": 4,
            "columns": 2,
            "row_stride": 16,
            "column_stride": 8,
        },
    )
    forest = ffi.new("pyn_detector **")
    error = ffi.new("pyn_error *", {"struct_size": ffi.sizeof("pyn_error")})
    scores = ffi.new("double[4]")
    assert lib.pyn_detector_create(b"IsolationForest", forest, error) == lib.PYN_OK
    assert lib.pyn_detector_fit(forest[0], X, ffi.NULL, error) == lib.PYN_OK
    assert lib.pyn_detector_score(forest[0], X, ffi.NULL, scores, 4, error) == lib.PYN_OK
    assert max(scores) == scores[3]
    assert lib.pyn_detector_score(forest[0], X, ffi.NULL, scores, 3, error) == lib.PYN_ERROR_SHAPE_MISMATCH
    assert error.code == lib.PYN_ERROR_SHAPE_MISMATCH
    assert ffi.string(error.message)
    lib.pyn_detector_free(forest[0])


def test_the_blocks_shared_with_the_plugin_header_are_the_same():
    ours, theirs = HEADER.read_text(), HEADER.with_name("pynomaly_plugin.h").read_text()
    for word in ("STATUS", "MATRIX", "VALUE", "LOG"):
        pattern = rf"#ifndef PYN_{word}_DEFINED\n.*?\n#endif\n"
        block = re.search(pattern, ours, re.DOTALL)
        assert block, word
        assert block.group(0) in theirs, word
