"""Which detector to take for data of some size."""

from __future__ import annotations

from ctypes import byref, c_int64, sizeof
from dataclasses import dataclass
from typing import Literal

from . import _library
from ._errors import ArgumentError, call
from ._library import library, text

Policy = Literal["measured", "guide"]
_POLICIES = {"measured": 0, "guide": 1}


@dataclass(frozen=True)
class Selection:
    """A detector with its default options, and what it is expected to cost on this machine with one thread."""

    detector: str
    fits: bool
    """Whether it can do what was asked, within the limits."""
    measured: bool
    """False where nobody measured it, as with detectors of plugins and of series: the numbers are then NaN,
    and `fits` is False, for nobody knows whether it keeps within the limits."""
    fit_seconds: float
    score_seconds: float
    """Of all rows in one call."""
    score_row_seconds: float
    """Of a call for one row."""
    memory_bytes: float
    """The peak beyond the input."""
    roc_auc: float
    """Mean over labelled sets."""
    average_precision: float
    reason: str
    """In words."""


def select_detector(
    rows: int,
    columns: int,
    *,
    real_time: bool = False,
    policy: Policy = "measured",
    max_fit_seconds: float | None = None,
    max_score_ms: float | None = None,
    max_memory_bytes: float | None = None,
    partial_fit: bool = False,
    explain: bool = False,
    missing_values: bool = False,
    sample_weight: bool = False,
    machine_speed: float | None = None,
) -> list[Selection]:
    """Rank the detectors for data of some size, the best first.

    Parameters
    ----------
    rows, columns : int
        The shape of the data.
    real_time : bool, default=False
        Rows come one at a time and wait for their scores: the time of one row counts, not that of a fit.
    policy : {"measured", "guide"}, default="measured"
        "measured" ranks by measured quality (the mean of ROC-AUC and average precision over labelled sets)
        less 0.02 for every ten times a time above 1 s; the guide's detector comes first unless another is
        better by more than 0.04, the standard error. "guide" gives the one detector that the rule of the
        performance guide names, whatever the limits.
    max_fit_seconds, max_score_ms, max_memory_bytes : float, default=None
        Limits of a fit, of scoring one row, and of memory beyond the input. None: the guide's (30 s up to
        1,000 rows, 5 minutes up to 100,000, else 30 minutes; 10 ms; 8 GB).
    partial_fit, explain, missing_values, sample_weight : bool, default=False
        What the detector must be able to do.
    machine_speed : float, default=None
        The speed to predict for, as `machine_speed()` gives it. None: that of this machine.

    Returns
    -------
    selections : list of Selection
        Those that fit first, then those that nobody measured, then those that do not fit; `reason` says why.

    Examples
    --------
    >>> from pynomaly import select_detector
    >>> select_detector(5_000, 10, real_time=True, policy="guide")[0].detector
    'LocalOutlierFactor'
    """
    if policy not in _POLICIES:
        raise ArgumentError(f"policy must be one of {sorted(_POLICIES)}; got {policy!r}")
    request = _library.SelectionRequest(
        rows=_count(rows, "rows"),
        columns=_count(columns, "columns"),
        policy=_POLICIES[policy],
        real_time=bool(real_time),
        capabilities=explain * 1 + sample_weight * 2 + missing_values * 4 + partial_fit * 16,
        max_fit_seconds=_limit(max_fit_seconds, "max_fit_seconds"),
        max_score_milliseconds=_limit(max_score_ms, "max_score_ms"),
        max_memory_bytes=_limit(max_memory_bytes, "max_memory_bytes"),
        machine_speed=_limit(machine_speed, "machine_speed"),
    )
    room = max(1, library.pyn_detector_count()) + 16  # a plugin may be loaded meanwhile
    ranked = (_library.Selection * room)()
    ranked[0].struct_size = sizeof(_library.Selection)
    count = c_int64()
    call(library.pyn_select_detector, byref(request), ranked, room, byref(count))
    return [_selection(ranked[i]) for i in range(min(room, count.value))]


def machine_speed() -> float:
    """How fast one thread of this machine is; 1 is the machine on which the costs were measured.

    Fits small models for some 10 ms when first asked, and keeps the answer until the process ends.
    """
    return float(library.pyn_machine_speed())


def _selection(found: _library.Selection) -> Selection:
    return Selection(
        detector=text(found.detector),
        fits=bool(found.fits),
        measured=bool(found.measured),
        fit_seconds=found.fit_seconds,
        score_seconds=found.score_seconds,
        score_row_seconds=found.score_row_seconds,
        memory_bytes=found.memory_bytes,
        roc_auc=found.roc_auc,
        average_precision=found.average_precision,
        reason=text(found.reason),
    )


def _count(value: int, name: str) -> int:
    number = int(value)
    if not 1 <= number <= 2**48:
        raise ArgumentError(f"{name} is {value}; allowed are 1 to 2^48")
    return number


def _limit(value: float | None, name: str) -> float:
    if value is None:
        return 0.0
    if not value > 0:
        raise ArgumentError(f"{name} is {value}; allowed are numbers above 0")
    return float(value)
