"""One detector of the C library."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_double, c_int64, c_size_t, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _library
from ._calibration import Calibration
from ._catalog import OptionValue, detector_info, from_value
from ._errors import ArgumentError, OptionError, call
from ._library import encode, library, text
from ._thresholds import Threshold

UNKNOWN = -1


class Model:
    """Owns a `pyn_detector`, and frees it.

    A model is only changed by whoever made it, before anyone else can see it. What is shared stays
    as it is, so that one thread may go on scoring with a model while another fits the next.

    `few` is how many rows may be scored with the interpreter lock kept (see _few_rows); UNKNOWN until
    that has been measured.
    """

    __slots__ = (
        "feature_count",
        "feature_names",
        "few",
        "is_built_in",
        "name",
        "pointer",
        "threshold",
    )

    def __init__(self, pointer: c_void_p) -> None:
        self.pointer = pointer
        self.name = text(library.pyn_detector_get_name(pointer))
        self.is_built_in = detector_info(self.name).plugin is None
        self.feature_count = 0
        self.feature_names: list[str] | None = None
        self.threshold = np.nan
        self.few = UNKNOWN
        self.read()

    def __del__(self, free: Any = library.pyn_detector_free) -> None:
        if hasattr(self, "pointer"):
            free(self.pointer)

    # ------------------------------------------------------------------------- coming to be

    @classmethod
    def create(cls, name: str, options: dict[str, Any]) -> Model:
        pointer = c_void_p()
        call(library.pyn_detector_create, encode(name), byref(pointer))
        model = cls(pointer)
        for option, value in options.items():
            model.set_option(option, value)
        return model

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Model:
        with open(path, "rb"):  # for the exceptions one knows: FileNotFoundError and the like
            pass
        pointer = c_void_p()
        call(library.pyn_detector_load_file, os.fsencode(path), byref(pointer))
        return cls(pointer)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        pointer = c_void_p()
        call(library.pyn_detector_load_memory, data, len(data), byref(pointer))
        return cls(pointer)

    def copy(self, fitted: bool = True) -> Model:
        """Another of the same options, and when `fitted` with the same knowledge if there is any."""
        if fitted and self.is_fitted:
            pointer = c_void_p()
            call(library.pyn_detector_copy, self.pointer, byref(pointer))
            return Model(pointer)
        return Model.create(self.name, self.options())

    # ------------------------------------------------------------------------------- options

    def set_option(self, name: str, value: Any) -> None:
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            value = float(value) if self._takes_only_fractions(name) else int(value)
        if isinstance(value, (bool, np.bool_)):
            call(library.pyn_detector_set_bool, self.pointer, encode(name), bool(value))
        elif isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise OptionError(f"{name} must fit 64 bits; got {value}")
            call(library.pyn_detector_set_int, self.pointer, encode(name), value)
        elif isinstance(value, (float, np.floating)):
            call(library.pyn_detector_set_double, self.pointer, encode(name), float(value))
        elif isinstance(value, str):
            call(library.pyn_detector_set_string, self.pointer, encode(name), encode(value))
        else:
            allowed = {option.name: option.allowed for option in detector_info(self.name).options}
            raise OptionError(
                f"{name} must be {allowed[name]}; got {value!r}"
                if name in allowed
                else f"{self.name} has no option {name!r}; its options are {', '.join(allowed)}"
            )

    def _takes_only_fractions(self, name: str) -> bool:
        for option in detector_info(self.name).options:
            if option.name == name:
                return float in option.types and int not in option.types
        return False

    def options(self) -> dict[str, OptionValue]:
        options = {}
        value = _library.Value()
        for option in detector_info(self.name).options:
            call(library.pyn_detector_get_option, self.pointer, encode(option.name), byref(value))
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
        count = c_int64()
        call(library.pyn_detector_get_feature_count, self.pointer, byref(count))
        self.feature_count = count.value
        names = [library.pyn_detector_get_feature_name(self.pointer, i) for i in range(count.value)]
        self.feature_names = None if None in names else [text(name) for name in names]
        threshold = c_double()
        call(library.pyn_detector_get_threshold, self.pointer, byref(threshold))
        self.threshold = threshold.value

    def fitted(self, name: str) -> float:
        value = c_double()
        call(library.pyn_detector_get_fitted, self.pointer, encode(name), byref(value))
        return value.value

    def training_scores(self) -> NDArray[np.float64]:
        try:
            count = int(self.fitted("n_samples"))
        except ArgumentError:
            count = 0  # the library says that there are none
        scores = np.empty(count)
        call(library.pyn_detector_get_training_scores, self.pointer, scores.ctypes.data, count)
        return scores

    def set_feature_names(self, names: list[str]) -> None:
        array = (ctypes.c_char_p * len(names))(*map(encode, names))
        call(library.pyn_detector_set_feature_names, self.pointer, array, len(names))

    def set_threshold(self, threshold: float) -> None:
        call(library.pyn_detector_set_threshold, self.pointer, threshold)
        self.threshold = threshold

    def set_threshold_by(
        self, rule: _library.ThresholdRule, scores: NDArray[np.float64] | None
    ) -> Threshold:
        found = _library.Threshold()
        given = (None, 0) if scores is None else (scores.ctypes.data, scores.size)
        call(library.pyn_detector_set_threshold_by, self.pointer, byref(rule), *given, byref(found))
        self.threshold = found.value
        return Threshold.of(found)

    def calibration(self) -> Calibration | None:
        pointer = c_void_p()
        call(library.pyn_detector_get_calibration, self.pointer, byref(pointer))
        return Calibration.of(pointer) if pointer else None

    def set_calibration(self, calibration: Calibration | None) -> None:
        pointer = None if calibration is None else calibration._pointer
        call(library.pyn_detector_set_calibration, self.pointer, pointer)

    # ---------------------------------------------------------------------------------- saving

    def to_bytes(self) -> bytes:
        size = c_size_t()
        call(library.pyn_detector_save_memory, self.pointer, None, 0, byref(size))
        data = ctypes.create_string_buffer(size.value)
        call(library.pyn_detector_save_memory, self.pointer, data, size.value, byref(size))
        return data.raw[: size.value]

    def save(self, path: str | os.PathLike[str]) -> None:
        encoded = os.fsencode(path)
        if b"\0" in encoded:
            raise ValueError(f"embedded null character in {path!r}")
        call(library.pyn_detector_save_file, self.pointer, encoded)
