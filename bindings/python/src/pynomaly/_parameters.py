"""What the parameters of an estimator mean to the library."""

from __future__ import annotations

import keyword
import numbers
import os
import sys
from functools import cache
from typing import Any, cast

import numpy as np

from ._catalog import DetectorInfo, OptionInfo, detector_info
from ._errors import OptionError

TAKEN = frozenset(
    [
        *("fit", "fit_predict", "partial_fit", "calibrate", "set_threshold"),
        *("predict", "predict_proba", "score_samples", "decision_function", "explain"),
        *("save", "load", "to_bytes", "from_bytes", "from_detector"),
        *("get_params", "set_params", "get_metadata_routing"),
        *("set_fit_request", "set_partial_fit_request"),
        *("detector_name", "detector_", "offset_", "n_features_in_", "feature_names_in_"),
        *("n_jobs", "verbose"),
    ]
)
"""The methods and attributes of an estimator, and the parameters that every one has."""


def parameter_name(option: str) -> str:
    """The parameter that stands for an option: of the same name, wherever that is free."""
    taken = option in TAKEN or keyword.iskeyword(option)
    return f"option_{option.strip('_')}" if taken else option


@cache
def parameters(detector: str) -> dict[str, OptionInfo]:
    """The options of a detector by the names of their parameters."""
    return {parameter_name(option.name): option for option in detector_info(detector).options}


def is_seed(option: OptionInfo) -> bool:
    """Whether the option is a seed; None then stands for a fresh one."""
    return option.name == "random_state"


def default_value(option: OptionInfo) -> Any:
    """The default of an option's parameter: the library's, but no seed is a fresh seed."""
    return None if is_seed(option) else option.default


def option_value(option: OptionInfo, value: Any) -> Any:
    """What the library is told when the parameter is `value`."""
    return _seed(value, option) if is_seed(option) else value


def parameter_value(option: OptionInfo, value: Any) -> Any:
    """What the parameter is when the library says `value`."""
    return None if is_seed(option) and value == "random" else value


def allows_missing_values(info: DetectorInfo, value: Any) -> bool:
    """Whether `value` of the option missing_values lets NaN pass."""
    return info.takes_missing_values and value is not None and value != "error"


def _seed(random_state: Any, option: OptionInfo) -> int | str:
    if random_state is None:
        if "random" in option.choices:
            return "random"
        random_state = np.random.default_rng()
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        return int(random_state)
    draw = getattr(random_state, "integers", None) or getattr(random_state, "randint", None)
    if draw is None:
        raise OptionError(
            "random_state must be an int, a numpy.random.RandomState, a numpy.random.Generator or "
            f"None; got {random_state!r}"
        )
    return int(draw(2**31 - 1))


def threads(n_jobs: int | None) -> int:
    """The number of threads that n_jobs means, the way joblib counts if a program uses it."""
    if n_jobs is not None and not isinstance(n_jobs, numbers.Integral):
        raise OptionError(f"n_jobs must be an int or None; got {n_jobs!r}")
    if n_jobs == 0:
        raise OptionError("n_jobs == 0 has no meaning; -1 is for all processors, None for one")
    joblib = sys.modules.get("joblib")
    if joblib is not None:
        return cast(int, joblib.effective_n_jobs(n_jobs))
    if n_jobs is None:
        return 1
    if n_jobs > 0:
        return n_jobs
    return max(1, len(os.sched_getaffinity(0)) + 1 + n_jobs)
