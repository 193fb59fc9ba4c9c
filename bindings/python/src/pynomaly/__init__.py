"""Anomaly detection that any program can embed: the Python face of libpynomaly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._catalog import DetectorInfo, OptionInfo, detector_info, detector_names
from ._detector import Detector
from ._errors import (
    ArgumentError,
    CancelledError,
    Error,
    FileError,
    InternalError,
    InvalidDataError,
    ModelFormatError,
    NotFittedError,
    NotSupportedError,
    OptionError,
    OutOfMemoryError,
    ShapeMismatchError,
    UnknownDetectorError,
)
from ._library import get_thread_limit, kernels_name, set_thread_limit
from ._library import version as library_version
from ._measures import average_precision, roc_auc

if TYPE_CHECKING:
    from ._isolation_forest import IsolationForest

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "CancelledError",
    "Detector",
    "DetectorInfo",
    "Error",
    "FileError",
    "InternalError",
    "InvalidDataError",
    "IsolationForest",
    "ModelFormatError",
    "NotFittedError",
    "NotSupportedError",
    "OptionError",
    "OptionInfo",
    "OutOfMemoryError",
    "ShapeMismatchError",
    "UnknownDetectorError",
    "average_precision",
    "detector_info",
    "detector_names",
    "get_thread_limit",
    "kernels_name",
    "library_version",
    "load",
    "roc_auc",
    "save",
    "set_thread_limit",
]


def save(model: Detector | IsolationForest, path: str | os.PathLike[str]) -> None:
    """Save a fitted detector or estimator to a model file, which C, C++ and Python can load."""
    model.save(path)


def load(path: str | os.PathLike[str]) -> Detector | IsolationForest:
    """Load a model file: an estimator where there is one for the detector, else a Detector.

    Safe with files from strangers, unlike pickle.
    """
    detector = Detector.load(path)
    if detector.name == "IsolationForest":
        from ._isolation_forest import IsolationForest

        return IsolationForest.from_detector(detector)
    return detector


def __getattr__(name: str) -> Any:
    """Import IsolationForest when it is first asked for: scikit-learn comes with it."""
    if name == "IsolationForest":
        from ._isolation_forest import IsolationForest

        globals()[name] = IsolationForest
        return IsolationForest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
