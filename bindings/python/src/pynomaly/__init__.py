"""Anomaly detection that any program can embed: the Python face of libpynomaly."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._calibration import Calibration
from ._catalog import DetectorInfo, OptionInfo, detector_info, detector_names
from ._comparison import compare_recordings
from ._detector import Detector
from ._drift import DriftDetector, FeatureDrift, kolmogorov_smirnov
from ._errors import (
    ArgumentError,
    CancelledError,
    Error,
    FileError,
    InternalError,
    InvalidDataError,
    ModelFormatError,
    NoProcessError,
    NotFittedError,
    NotPermittedError,
    NotSupportedError,
    OptionError,
    OutOfMemoryError,
    PluginError,
    ShapeMismatchError,
    UnknownDetectorError,
)
from ._estimators import class_names, estimator_class, find_class
from ._library import get_thread_limit, kernels_name, set_thread_limit
from ._library import version as library_version
from ._measures import average_precision, roc_auc
from ._plugins import PluginInfo, load_plugin, load_plugins, plugins
from ._labels import label
from ._profiler import FlameGraph, Profiler, ProfilerStatistics, dump
from ._selection import Selection, machine_speed, select_detector
from ._thresholds import Threshold, find_threshold
from ._tuning import Tuning, tune

if TYPE_CHECKING:
    from . import _detectors
    from ._detectors import *
    from ._isolation_forest import IsolationForest
    from ._local_outlier_factor import LocalOutlierFactor
    from ._matrix_profile import MatrixProfile
    from ._outlier_detector import OutlierDetector

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Calibration",
    "CancelledError",
    "Detector",
    "DetectorInfo",
    "DriftDetector",
    "Error",
    "FeatureDrift",
    "FileError",
    "FlameGraph",
    "InternalError",
    "InvalidDataError",
    "IsolationForest",
    "LocalOutlierFactor",
    "MatrixProfile",
    "ModelFormatError",
    "NoProcessError",
    "NotFittedError",
    "NotPermittedError",
    "NotSupportedError",
    "OptionError",
    "OptionInfo",
    "OutOfMemoryError",
    "OutlierDetector",
    "PluginError",
    "PluginInfo",
    "Profiler",
    "ProfilerStatistics",
    "Selection",
    "ShapeMismatchError",
    "Threshold",
    "Tuning",
    "UnknownDetectorError",
    "average_precision",
    "compare_recordings",
    "detector_info",
    "detector_names",
    "dump",
    "estimator_class",
    "find_threshold",
    "get_thread_limit",
    "kernels_name",
    "kolmogorov_smirnov",
    "label",
    "library_version",
    "load",
    "load_plugin",
    "load_plugins",
    "machine_speed",
    "plugins",
    "roc_auc",
    "save",
    "select_detector",
    "set_thread_limit",
    "tune",
]


if TYPE_CHECKING:
    __all__ += _detectors.__all__
else:
    __all__ += [name for name in class_names() if name not in __all__]


def save(model: Detector | OutlierDetector, path: str | os.PathLike[str]) -> None:
    """Save a fitted detector or estimator to a model file, which C, C++ and Python can load."""
    model.save(path)


def load(path: str | os.PathLike[str]) -> OutlierDetector:
    """Load a model file: a fitted estimator of the detector's class.

    Safe with files from strangers, unlike pickle.
    """
    detector = Detector.load(path)
    return estimator_class(detector.name).from_detector(detector)


def __getattr__(name: str) -> Any:
    """Import or make the estimators when they are first asked for: scikit-learn comes with them."""
    found: Any
    if name == "OutlierDetector":
        found = import_module("._outlier_detector", __name__).OutlierDetector
    else:
        found = find_class(name)
    if found is None:
        hint = "; a plugin's detector is there once load_plugin has loaded it"
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}{hint if name[:1].isupper() else ''}"
        )
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, *class_names()})
