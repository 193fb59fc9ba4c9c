"""Which estimator class stands for which detector."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ._catalog import DetectorInfo, detector_info, detector_names

if TYPE_CHECKING:
    from ._outlier_detector import OutlierDetector

HAND_WRITTEN = {
    "IsolationForest": "_isolation_forest",
    "LocalOutlierFactor": "_local_outlier_factor",
    "MatrixProfile": "_matrix_profile",
}
"""The detectors whose estimator is written by hand, each in a module of its own."""


@cache
def estimator_class(name: str) -> type[OutlierDetector]:
    """The class of the detector's estimator, with the interface of scikit-learn.

    Parameters
    ----------
    name : str
        One of `detector_names()`, also the detector of a plugin that has been loaded.

    Returns
    -------
    class : type[OutlierDetector]
        A subclass of `OutlierDetector`. Its constructor has a parameter for each option of the
        detector, of the same name and default (but `random_state=None`, a fresh seed for each fit, as
        in scikit-learn), and `n_jobs` and `verbose`. The same class each time, which is also an
        attribute of the package: `estimator_class("IsolationForest")` is `pynomaly.IsolationForest`.
        Instances can be pickled; where the detector is a plugin's, the plugin must be loaded before
        they are unpickled.

    Examples
    --------
    >>> from pynomaly import estimator_class
    >>> estimator_class("IsolationForest")(ndim=2)
    IsolationForest(ndim=2)
    """
    module = import_module(f".{HAND_WRITTEN.get(name, '_detectors')}", __package__)
    if name in HAND_WRITTEN or name in module.__all__:
        found: type[OutlierDetector] = getattr(module, name)
        return found
    return make_class(detector_info(name), class_name(name))


def make_class(info: DetectorInfo, name: str) -> type[OutlierDetector]:
    """A class of that name for the detector, with a constructor and a docstring of its own."""
    from ._class_source import module_source

    code = compile(module_source({name: info}), f"<estimator of {info.name}>", "exec")
    namespace = {"__name__": f"{__package__}._detectors", "__package__": __package__}
    exec(code, namespace)  # noqa: S102 - our own text, as in the standard library's namedtuple
    made: type[OutlierDetector] = namespace[name]  # type: ignore[assignment]
    return made


def class_name(detector: str) -> str:
    """What the class of a detector is called: as the detector, unless the package has something else
    of that name."""
    there = vars(sys.modules[__package__]).get(detector)
    free = there is None or getattr(there, "detector_name", None) == detector
    return detector if free else f"Detector_{detector}"


def find_class(name: str) -> type[OutlierDetector] | None:
    """The estimator class of that name, if there is one."""
    for detector in detector_names():
        if class_name(detector) == name:
            return estimator_class(detector)
    return None


def class_names() -> list[str]:
    """The names of the estimator classes of all detectors."""
    return [class_name(detector) for detector in detector_names()]
