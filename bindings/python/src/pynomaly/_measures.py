"""How good scores are, against labels that are known."""

from __future__ import annotations

from ctypes import byref, c_double
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._errors import ShapeMismatchError, call
from ._library import library


def roc_auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve of scores (higher: more anomalous) against labels (0: inlier)."""
    return _measure(library.pyn_roc_auc, scores, labels)


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Average precision of scores (higher: more anomalous) against labels (0: inlier)."""
    return _measure(library.pyn_average_precision, scores, labels)


def _measure(function: Any, scores: ArrayLike, labels: ArrayLike) -> float:
    numbers = np.ascontiguousarray(scores, dtype=np.float64).ravel()
    kinds = np.ascontiguousarray(np.asarray(labels) != 0, dtype=np.int32).ravel()
    if numbers.size != kinds.size:
        raise ShapeMismatchError(f"{numbers.size} scores, but {kinds.size} labels")
    result = c_double()
    call(function, numbers.ctypes.data, kinds.ctypes.data, numbers.size, byref(result))
    return result.value
