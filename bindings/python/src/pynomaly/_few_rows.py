"""Scoring a few rows in the fastest way Python has: a call that keeps the interpreter lock.

Giving the lock up costs more than it is worth when a call takes microseconds. How many rows that is
depends on the detector, its options and what it has learned; so the first few rows that a model is
given are timed.
"""

from __future__ import annotations

import ctypes
import time
from ctypes import byref, c_int64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _library
from ._inputs import FLOAT32, FLOAT64, as_matrix
from ._library import library, library_keeping_lock
from ._model import UNKNOWN, Model
from ._progress import Listener

ROWS = 64
CELLS = 65536

LONGEST = 250e-6
"""Seconds that a call may keep the interpreter lock: a twentieth of the time after which Python makes
a thread hand it on."""


def score_few(model: Model, X: NDArray[Any]) -> NDArray[np.float64] | None:
    """The scores of a few rows.

    None when this way is not open: too many rows, other types, or the library finds a fault, which
    then is told by going the long way.
    """
    dtype = X.dtype
    if dtype is FLOAT64:
        code, misaligned = _library.FLOAT64, 7
    elif dtype is FLOAT32:
        code, misaligned = _library.FLOAT32, 3
    else:
        return None
    shape = X.shape
    if len(shape) != 2 or X.size > CELLS:
        return None
    if not 0 < shape[0] <= model.few and not _prove_few(model, X):
        return None
    try:
        data = _address(_byte_of(X))  # four times as fast as X.ctypes.data
    except (TypeError, ValueError):  # read-only, or not contiguous
        data = X.ctypes.data
    row_stride, column_stride = X.strides
    if (data | row_stride | column_stride) & misaligned:
        return None
    try:
        desk = _desks.pop()
    except IndexError:
        desk = _Desk()
    matrix = desk.matrix
    matrix.data = data
    matrix.dtype = code
    matrix.rows, matrix.columns = shape
    matrix.row_stride = row_stride
    matrix.column_stride = column_stride
    status = _score(
        model.pointer, desk.matrix_pointer, desk.call_pointer, desk.scores_pointer, _ROWS, None
    )
    scores = None if status else desk.scores[: shape[0]].copy()
    _desks.append(desk)
    return scores


def _prove_few(model: Model, X: NDArray[Any]) -> bool:
    """Whether the rows of X are few for a model of which that is not known yet.

    Found out by scoring the first of them; not found out when that one has a fault.
    """
    if model.few != UNKNOWN or not 0 < X.shape[0] <= ROWS:
        return False
    row = as_matrix(X[:1])
    score = np.empty(1)
    fastest = np.inf
    with Listener("score", None) as listener:  # so that Ctrl-C stops even a row that takes long
        call = _library.Call(threads=1)
        call.progress = listener.pointer
        arguments = model.pointer, byref(row), byref(call), score.ctypes.data, 1, None
        for _ in range(3):  # the first time finds the processor's caches cold
            start = time.perf_counter()
            status = library.pyn_detector_score(*arguments)
            fastest = min(fastest, time.perf_counter() - start)
            if listener.failure is not None:
                raise listener.failure
            if status:
                return False
            if fastest > 10 * LONGEST:
                break
    model.few = min(ROWS, int(LONGEST / fastest))
    return bool(X.shape[0] <= model.few)


class _Desk:
    """What a call needs in memory, made once and used again.

    A call takes a desk from the pile and puts it back: other threads, and signal handlers that
    score amid a call, find another or make one.
    """

    __slots__ = ("call", "call_pointer", "matrix", "matrix_pointer", "scores", "scores_pointer")

    def __init__(self) -> None:
        self.matrix = _library.Matrix()
        self.matrix_pointer = byref(self.matrix)
        self.call = _library.Call(threads=1)
        self.call_pointer = byref(self.call)
        self.scores = np.empty(ROWS)
        self.scores_pointer = c_void_p(self.scores.ctypes.data)


_desks: list[_Desk] = []
_ROWS = c_int64(ROWS)
_address = ctypes.addressof
_byte_of: Any = ctypes.c_char.from_buffer

# Without argument types ctypes passes its own values on as they are, which takes half the time.
_score = library_keeping_lock["pyn_detector_score"]
_score.restype = ctypes.c_int32
