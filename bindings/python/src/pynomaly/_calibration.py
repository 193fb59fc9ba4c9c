"""Probabilities from scores."""

from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _library
from ._errors import ArgumentError, InvalidDataError, ShapeMismatchError, call
from ._library import library
from ._thresholds import read_scores

METHODS = {"linear": 1, "gaussian": 2, "gamma": 3, "tail": 4, "logistic": 5, "isotonic": 6}
_ALIASES = {"unify": "gaussian", "sigmoid": "logistic", "platt": "logistic"}


class Calibration:
    """Turns anomaly scores (higher: more anomalous) into probabilities in [0, 1].

    Parameters
    ----------
    method : {"linear", "gaussian", "gamma", "tail", "logistic", "isotonic"}
        - "linear": 0 at the least score, 1 at the greatest.
        - "gaussian" (also "unify", as PyOD calls it) and "gamma": how far a score stands out of such
          a distribution (Kriegel and others 2011).
        - "tail": 1 - the p-value of the score among those it learnt from, with a generalised Pareto
          tail.
        - "logistic" (also "sigmoid", as scikit-learn calls it): Platt's curve; needs labels.
        - "isotonic": the rising curve of least squares; needs labels.

    scores : array-like of shape (n_samples,)
        Scores to learn from, best of rows that the detector was not fitted on. All finite.

    labels : array-like of shape (n_samples,), default=None
        0 for inliers, anything else but NaN and None for outliers; both kinds.

    Attributes
    ----------
    location, scale, shape, slope, intercept : float
        What was found; 0 where the method does not find it.

    knot_count : int
        Points of the curve of "tail" and "isotonic".

    Examples
    --------
    >>> from pynomaly import Calibration
    >>> curve = Calibration("isotonic", [0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1])
    >>> curve.apply([0.0, 0.25, 0.5])
    array([0. , 0.5, 1. ])
    """

    def __init__(self, method: str, scores: ArrayLike, labels: ArrayLike | None = None) -> None:
        number = METHODS.get(_ALIASES.get(method, method)) if isinstance(method, str) else None
        if number is None:
            raise ArgumentError(
                f"there is no calibration {method!r}; there are {', '.join(METHODS)}"
            )
        numbers = read_scores(scores)
        kinds = None
        if labels is not None:
            given = np.asarray(labels).ravel()
            missing = given != given  # noqa: PLR0124 - NaN
            if given.dtype == object:
                missing = np.array([one is None or one != one for one in given])  # noqa: PLR0124
            unknown = np.flatnonzero(missing)
            if unknown.size:
                raise InvalidDataError(f"the label of row {unknown[0]} is {given[unknown[0]]!r}")
            kinds = np.ascontiguousarray(given != 0, dtype=np.int32)
            if kinds.size != numbers.size:
                raise ShapeMismatchError(f"{numbers.size} scores, but {kinds.size} labels")
        self._pointer = c_void_p()
        call(
            library.pyn_calibration_create,
            number,
            numbers.ctypes.data,
            None if kinds is None else kinds.ctypes.data,
            numbers.size,
            byref(self._pointer),
        )
        self._read()

    def __del__(self, free: Any = library.pyn_calibration_free) -> None:
        if hasattr(self, "_pointer"):
            free(self._pointer)

    @classmethod
    def of(cls, pointer: c_void_p) -> Calibration:
        """Own an object of the library."""
        calibration = cls.__new__(cls)
        calibration._pointer = pointer
        calibration._read()
        return calibration

    def _read(self) -> None:
        info = _library.CalibrationInfo()
        call(library.pyn_calibration_get_info, self._pointer, byref(info))
        self.method: str = next(name for name, number in METHODS.items() if number == info.method)
        self.location: float = info.location
        self.scale: float = info.scale
        self.shape: float = info.shape
        self.slope: float = info.slope
        self.intercept: float = info.intercept
        self.knot_count: int = info.knot_count

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The probability of each score."""
        numbers = read_scores(scores)
        probabilities = np.empty(numbers.size)
        call(
            library.pyn_calibration_apply,
            self._pointer,
            numbers.ctypes.data,
            numbers.size,
            probabilities.ctypes.data,
        )
        return probabilities

    def __reduce__(self) -> Any:
        raise TypeError("a Calibration is saved with its detector (set_calibration), not by itself")

    def __repr__(self) -> str:
        return f"<Calibration {self.method}>"
