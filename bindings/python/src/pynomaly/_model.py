"""One detector of the C library."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_double, c_int64, c_size_t, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _library
from ._catalog import OptionValue, detector_info, from_value
from ._errors import OptionError, check
from ._inputs import FLOAT32, FLOAT64
from ._library import encode, library, library_keeping_lock, text


class Model:
    """Owns a `pyn_detector`, and frees it.

    A model is only changed by whoever made it, before anyone else can see it. What is shared stays
    as it is, so that one thread may go on scoring with a model while another fits the next.
    """

    __slots__ = ("feature_count", "feature_names", "few", "name", "pointer", "threshold")

    def __init__(self, pointer: c_void_p) -> None:
        self.pointer = pointer
        self.name = text(library.pyn_detector_get_name(pointer))
        self.feature_count = 0
        self.feature_names: list[str] | None = None
        self.threshold = np.nan
        self.few = 0
        self.read()

    def __del__(self, free: Any = library.pyn_detector_free) -> None:
        if hasattr(self, "pointer"):
            free(self.pointer)

    # ------------------------------------------------------------------------- coming to be

    @classmethod
    def create(cls, name: str, options: dict[str, Any]) -> Model:
        error = _library.Error()
        pointer = c_void_p()
        check(library.pyn_detector_create(encode(name), byref(pointer), byref(error)), error)
        model = cls(pointer)
        for option, value in options.items():
            model.set_option(option, value)
        return model

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Model:
        with open(path, "rb"):  # for the exceptions one knows: FileNotFoundError and the like
            pass
        error = _library.Error()
        pointer = c_void_p()
        status = library.pyn_detector_load_file(os.fsencode(path), byref(pointer), byref(error))
        check(status, error)
        return cls(pointer)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        error = _library.Error()
        pointer = c_void_p()
        check(
            library.pyn_detector_load_memory(data, len(data), byref(pointer), byref(error)), error
        )
        return cls(pointer)

    def copy(self, fitted: bool = True) -> Model:
        """Another of the same options, and when `fitted` with the same knowledge if there is any."""
        if fitted and self.is_fitted:
            return Model.from_bytes(self.to_bytes())
        return Model.create(self.name, self.options())

    # ------------------------------------------------------------------------------- options

    def set_option(self, name: str, value: Any) -> None:
        error = _library.Error()
        call: Any
        if isinstance(value, (bool, np.bool_)):
            call, value = library.pyn_detector_set_bool, int(value)
        elif isinstance(value, (int, np.integer)):
            call, value = library.pyn_detector_set_int, int(value)
            if not -(2**63) <= value < 2**63:
                raise OptionError(f"{name} must fit 64 bits; got {value}")
            if self._takes_only_fractions(name):
                call, value = library.pyn_detector_set_double, float(value)
        elif isinstance(value, (float, np.floating)):
            call, value = library.pyn_detector_set_double, float(value)
        elif isinstance(value, str):
            call, value = library.pyn_detector_set_string, encode(value)
        else:
            allowed = {option.name: option.allowed for option in detector_info(self.name).options}
            raise OptionError(
                f"{name} must be {allowed[name]}; got {value!r}"
                if name in allowed
                else f"{self.name} has no option {name!r}; its options are {', '.join(allowed)}"
            )
        check(call(self.pointer, encode(name), value, byref(error)), error)

    def _takes_only_fractions(self, name: str) -> bool:
        for option in detector_info(self.name).options:
            if option.name == name:
                return float in option.types and int not in option.types
        return False

    def options(self) -> dict[str, OptionValue]:
        error = _library.Error()
        options = {}
        for option in detector_info(self.name).options:
            value = _library.Value()
            check(
                library.pyn_detector_get_option(
                    self.pointer, encode(option.name), byref(value), byref(error)
                ),
                error,
            )
            options[option.name] = from_value(value)
        return options

    # --------------------------------------------------------------------------- what it knows

    @property
    def is_fitted(self) -> bool:
        return bool(library.pyn_detector_is_fitted(self.pointer))

    def read(self) -> None:
        """Bring what is kept on the Python side up to date with the C side."""
        if not self.is_fitted:
            return
        error = _library.Error()
        count = c_int64()
        check(
            library.pyn_detector_get_feature_count(self.pointer, byref(count), byref(error)), error
        )
        self.feature_count = count.value
        names = [
            library.pyn_detector_get_feature_name(self.pointer, i) for i in range(count.value)
        ]
        self.feature_names = None if None in names else [text(name) for name in names]
        threshold = c_double()
        check(
            library.pyn_detector_get_threshold(self.pointer, byref(threshold), byref(error)), error
        )
        self.threshold = threshold.value
        self.few = self._few()

    def fitted(self, name: str) -> float:
        error = _library.Error()
        value = c_double()
        check(
            library.pyn_detector_get_fitted(
                self.pointer, encode(name), byref(value), byref(error)
            ),
            error,
        )
        return value.value

    def set_feature_names(self, names: list[str]) -> None:
        error = _library.Error()
        array = (ctypes.c_char_p * len(names))(*map(encode, names))
        check(
            library.pyn_detector_set_feature_names(
                self.pointer, array, len(names), byref(error)
            ),
            error,
        )
        self.feature_names = names

    def set_threshold(self, threshold: float) -> None:
        error = _library.Error()
        check(library.pyn_detector_set_threshold(self.pointer, threshold, byref(error)), error)
        self.threshold = threshold

    # ---------------------------------------------------------------------------------- saving

    def to_bytes(self) -> bytes:
        error = _library.Error()
        size = c_size_t()
        save = library.pyn_detector_save_memory
        check(save(self.pointer, None, 0, byref(size), byref(error)), error)
        data = ctypes.create_string_buffer(size.value)
        check(save(self.pointer, data, size.value, byref(size), byref(error)), error)
        return data.raw[: size.value]

    def save(self, path: str | os.PathLike[str]) -> None:
        error = _library.Error()
        encoded = os.fsencode(path)
        if b"\0" in encoded:
            raise ValueError(f"embedded null character in {path!r}")
        check(library.pyn_detector_save_file(self.pointer, encoded, byref(error)), error)

    # ------------------------------------------------------------------------ scoring a few rows

    def _few(self) -> int:
        """How many rows are scored faster than giving up the interpreter lock is worth."""
        if self.name != "IsolationForest":
            return 0
        return min(_Desk.ROWS, 6400 // int(self.fitted("n_estimators")))

    def score_few(self, X: NDArray[Any]) -> NDArray[np.float64] | None:
        """The scores of a few rows in the fastest way Python has.

        None when that way is not open: too many rows, other types, or the library finds a fault,
        which then is told by going the long way.
        """
        dtype = X.dtype
        if dtype is FLOAT64:
            code, misaligned = _library.FLOAT64, 7
        elif dtype is FLOAT32:
            code, misaligned = _library.FLOAT32, 3
        else:
            return None
        shape = X.shape
        if len(shape) != 2 or not 0 < shape[0] <= self.few or X.size > _Desk.CELLS:
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
        status = _score(self.pointer, desk.matrix_pointer, None, desk.scores_pointer, _ROWS, None)
        scores = None if status else desk.scores[: shape[0]].copy()
        _desks.append(desk)
        return scores


class _Desk:
    """What a call needs in memory, made once and used again.

    A call takes a desk from the pile and puts it back: other threads, and signal handlers that
    score amid a call, find another or make one.
    """

    ROWS = 64
    CELLS = 65536

    __slots__ = ("matrix", "matrix_pointer", "scores", "scores_pointer")

    def __init__(self) -> None:
        self.matrix = _library.Matrix()
        self.matrix_pointer = byref(self.matrix)
        self.scores = np.empty(self.ROWS)
        self.scores_pointer = c_void_p(self.scores.ctypes.data)


_desks: list[_Desk] = []
_ROWS = c_int64(_Desk.ROWS)
_address = ctypes.addressof
_byte_of = ctypes.c_char.from_buffer

# Without argument types ctypes passes its own values on as they are, which takes half the time.
_score = library_keeping_lock["pyn_detector_score"]
_score.restype = ctypes.c_int32
