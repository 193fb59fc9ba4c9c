"""Thresholds from scores."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _library
from ._errors import ArgumentError, call
from ._library import encode, library

METHODS = {"percentile": 1, "iqr": 2, "mad": 3, "pot": 4}


@dataclass(frozen=True)
class Threshold:
    """A threshold, and what was found on the way to it.

    The last five are of peaks over threshold ("pot"), else 0.

    Attributes
    ----------
    value : float
        Rows with a score above it are outliers.

    count, exceeding : int
        Scores looked at, and those of them above the threshold.

    initial_threshold : float
        The score where the tail begins.

    peak_count : int
        Scores above that: the peaks.

    shape, scale : float
        Of the generalised Pareto distribution of the peaks' excesses. A shape of 0 is an exponential
        tail, above 0 a heavier one, below 0 one with an end.

    log_likelihood : float
        Of the excesses.
    """

    value: float
    count: int
    exceeding: int
    initial_threshold: float
    peak_count: int
    shape: float
    scale: float
    log_likelihood: float

    @classmethod
    def of(cls, found: _library.Threshold) -> Threshold:
        return cls(**{name: getattr(found, name) for name in cls.__dataclass_fields__})


def find_threshold(
    scores: ArrayLike,
    method: str | float = "pot",
    parameter: float | None = None,
    *,
    initial_quantile: float | None = None,
) -> Threshold:
    """The threshold of an array of anomaly scores (higher: more anomalous).

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Scores, mostly of ordinary rows. At least one, all finite.

    method : {"percentile", "iqr", "mad", "pot"} or float, default="pot"
        - "percentile": the percentile `parameter` (99), interpolated.
        - "iqr": the upper fence of a box plot, Q3 + `parameter` (1.5) times (Q3 - Q1).
        - "mad": `parameter` (3.5) robust standard deviations above the median.
        - "pot": peaks over threshold: the score that a share `parameter` (1e-3) of further scores
          will exceed, by a generalised Pareto tail (Siffer and others 2017).

        The parameter may stand behind a colon: "pot:1e-3". A number is the threshold itself.

    initial_quantile : float, default=None
        Where the tail of "pot" begins. None: 0.98, or lower, down to 0.9, for at least 50 peaks.

    Examples
    --------
    >>> import numpy as np
    >>> from pynomaly import find_threshold
    >>> scores = np.random.default_rng(0).exponential(size=10_000)
    >>> round(find_threshold(scores, "pot", 1e-4).value, 1)  # the true one: 9.2
    8.9
    """
    numbers = read_scores(scores)
    rule = threshold_rule(method, parameter, initial_quantile)
    found = _library.Threshold()
    call(
        library.pyn_threshold_from_scores,
        numbers.ctypes.data,
        numbers.size,
        byref(rule),
        byref(found),
    )
    return Threshold.of(found)


def threshold_rule(
    method: str | float, parameter: float | None = None, initial_quantile: float | None = None
) -> _library.ThresholdRule:
    """A rule for the library."""
    rule = _library.ThresholdRule()
    if not isinstance(method, str):
        rule.parameter = float(method)
    elif method in METHODS:
        rule.method = METHODS[method]
    else:
        call(library.pyn_threshold_rule_from_text, encode(method), byref(rule))
        if parameter is not None:
            raise ArgumentError(f"{method!r} and parameter={parameter!r} both say how; give one")
    if parameter is not None:
        if rule.method == 0 or parameter == 0:
            raise ArgumentError(f"the threshold {method!r} cannot have parameter={parameter!r}")
        rule.parameter = float(parameter)
    if initial_quantile is not None:
        if rule.method != METHODS["pot"] or initial_quantile == 0:
            raise ArgumentError(
                f"the threshold {method!r} cannot have initial_quantile={initial_quantile!r}"
            )
        rule.initial_quantile = float(initial_quantile)
    return rule


def read_scores(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores as the library takes them."""
    return np.ascontiguousarray(scores, dtype=np.float64).ravel()
