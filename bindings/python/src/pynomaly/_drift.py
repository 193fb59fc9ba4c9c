"""Whether a stream still looks like the data that a detector was fitted on."""

from __future__ import annotations

import warnings
from ctypes import byref, c_double, c_size_t, c_void_p, create_string_buffer
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _inputs, _library
from ._detector import Detector
from ._errors import ArgumentError, NotSupportedError, ShapeMismatchError, call, from_status
from ._library import library
from ._progress import Listener, Progress
from ._thresholds import read_scores

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._outlier_detector import OutlierDetector

CORRECTIONS = {"holm": 1, "benjamini-hochberg": 2}
SPENDINGS = {"lifetime": 1, "each look": 2}


@dataclass(frozen=True)
class FeatureDrift:
    """What the last look found of a feature.

    Attributes
    ----------
    name : str
        The column's name, "x0" and so on where there are none, or "score".

    statistic, p_value : float
        Of the two-sample Kolmogorov-Smirnov test.

    adjusted_p_value : float
        Corrected for the number of features: drifted where it is at most the level.

    psi : float
        The population stability index. By rule of thumb below 0.1 no change, above 0.25 a large one.

    drifted : bool
        Whether the last look found it drifted.

    first_drift : int or None
        How many rows had gone by at the first look that found it drifted.
    """

    name: str
    statistic: float
    p_value: float
    adjusted_p_value: float
    psi: float
    drifted: bool
    first_drift: int | None


class DriftDetector:
    """Says when a stream of rows no longer looks like the reference: when to fit anew.

    It keeps a sample of the reference and the last rows of the stream, and compares them feature by
    feature, and by a detector's scores, with the two-sample Kolmogorov-Smirnov test. Threads may
    share one; they wait for each other.

    Parameters
    ----------
    reference : array-like or table of shape (n_samples, n_features)
        What the stream should look like. All finite. With a detector: rows that it was NOT fitted
        on, of the same kind. Many detectors score the rows they were fitted on lower than others, so
        with those as the reference every stream seems to drift.

    detector : Detector or fitted estimator, default=None
        Whose scores are watched, too. KNN may have the rows it was fitted on as the reference: then its
        `training_scores` are taken. Detectors of series (MatrixProfile, SlidingWindow) score a row by
        those before it; such scores are not independent, and give false alarms.

    window : int, default=1000
        So many rows of the stream are compared.

    step : int, default=None
        Rows from a look to the next. None: `window`. The first is when the window is full.

    alpha : float, default=0.05
        The level of false alarms.

    correction : {"holm", "benjamini-hochberg"}, default="holm"
        For the number of features.

    spending : {"lifetime", "each look"}, default="lifetime"
        For the number of looks. "lifetime": the chance of ever a false alarm is at most alpha,
        however long the stream; look k has the level alpha / (k (k + 1)). "each look": each look has
        the level alpha, so false alarms come about once in 1 / alpha looks. Both presume that rows
        are independent of each other.

    reference_rows : int, default=10000
        Of a longer reference a random sample of so many rows is kept.

    random_state : int, default=0
        By which that is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from pynomaly import DriftDetector
    >>> random = np.random.default_rng(0)
    >>> drift = DriftDetector(random.normal(size=(5000, 2)), window=500)
    >>> drift.update(random.normal(size=(500, 2)))
    False
    >>> drift.update(random.normal([0.0, 0.5], size=(500, 2)))
    True
    >>> [feature.name for feature in drift.report() if feature.drifted]
    ['x1']
    """

    def __init__(
        self,
        reference: Any,
        *,
        detector: Detector | OutlierDetector | None = None,
        window: int = 1000,
        step: int | None = None,
        alpha: float = 0.05,
        correction: str = "holm",
        spending: str = "lifetime",
        reference_rows: int = 10_000,
        random_state: int = 0,
    ) -> None:
        if not (
            detector is None
            or isinstance(detector, Detector)
            or hasattr(type(detector), "score_samples")  # an instance's may raise, saying why
            or hasattr(detector, "score_samples")
        ):
            raise ArgumentError(
                f"detector must be a Detector, an estimator with score_samples, or None; got {detector!r}"
            )
        options = _library.DriftOptions(
            alpha=alpha,
            window=_number(window, "window", 0),
            step=_number(window if step is None else step, "step", 0),
            reference_rows=_number(reference_rows, "reference_rows", 0),
            random_state=_number(random_state, "random_state", -(2**63)),
            correction=_chosen("correction", correction, CORRECTIONS),
            spending=_chosen("spending", spending, SPENDINGS),
        )
        if step == 0:
            raise ArgumentError("step is 0 rows; allowed are 1 and more")
        self._detector = detector
        array, self._names = _inputs.read_table(reference, type(self).__name__)
        self._pointer = c_void_p()
        scores = self._reference_scores(reference, array.shape[0])
        call(
            library.pyn_drift_create,
            byref(_inputs.as_matrix(array)),
            *_pointer_and_count(scores),
            byref(options),
            byref(self._pointer),
        )
        self._columns = array.shape[1]

    def __del__(self, free: Any = library.pyn_drift_free) -> None:
        if hasattr(self, "_pointer"):
            free(self._pointer)

    def update(self, X: Any, *, threads: int = 0, progress: Progress = None) -> bool:
        """Take the next rows of the stream, and tell whether there was an alarm so far.

        Columns of a table are found by the names of the reference's, in whatever order. `progress` is
        True for a progress bar, or a function of the fraction done (0 to 1) and the step's name, which
        stops the call by returning True; it must not use this object. Stopped, by it or by Ctrl-C, none
        of the rows was taken.
        """
        array, names = _inputs.read_table(X, type(self).__name__)
        if self._names is not None and names is not None:
            missing = [name for name in self._names if name not in names]
            if missing:
                raise ShapeMismatchError(f"X lacks the columns {', '.join(map(repr, missing))}")
            if names != self._names:
                X = array = array[:, [names.index(name) for name in self._names]]
        with warnings.catch_warnings():
            if X is array:  # put in order here, without its names
                warnings.simplefilter("ignore", UserWarning)
            scores = self._scores(X)
        options, error = _library.Call(threads=threads), _library.Error()
        with Listener("drift", progress) as listener:
            options.progress = listener.pointer
            status = library.pyn_drift_update(
                self._pointer,
                byref(_inputs.as_matrix(array)),
                *_pointer_and_count(scores),
                byref(options),
                byref(error),
            )
            if listener.failure is not None:
                raise listener.failure
            if status:
                raise from_status(status, error)
        return self.drifted

    def report(self, *, as_frame: bool = False) -> Any:
        """What the last look found: a list of `FeatureDrift`, or a pandas.DataFrame."""
        names = self._names or [f"x{index}" for index in range(self._columns)]
        rows = []
        for index in range(self._report().feature_count):
            found = _library.DriftFeature()
            call(library.pyn_drift_get_feature, self._pointer, index, byref(found))
            rows.append(
                FeatureDrift(
                    name=names[index] if index < len(names) else "score",
                    statistic=found.statistic,
                    p_value=found.p_value,
                    adjusted_p_value=found.adjusted_p_value,
                    psi=found.psi,
                    drifted=bool(found.drifted),
                    first_drift=found.first_drift or None,
                )
            )
        if not as_frame:
            return rows
        frame = import_module("pandas").DataFrame
        return frame(rows, columns=[field.name for field in fields(FeatureDrift)])

    @property
    def drifted(self) -> bool:
        """Whether there was an alarm so far: whether it is time to fit anew."""
        return bool(self._report().first_drift > 0)

    @property
    def first_drift(self) -> int | None:
        """How many rows had gone by at the first alarm."""
        return self._report().first_drift or None

    @property
    def rows(self) -> int:
        """Rows taken so far."""
        return int(self._report().rows)

    @property
    def looks(self) -> int:
        """Looks so far."""
        return int(self._report().looks)

    @property
    def level(self) -> float:
        """The level of the last look; 0 before the first."""
        return float(self._report().level)

    def to_bytes(self) -> bytes:
        """All that the drift detector has seen, but for `detector`."""
        size = c_size_t()
        call(library.pyn_drift_save_memory, self._pointer, None, 0, byref(size))
        data = create_string_buffer(size.value)
        call(library.pyn_drift_save_memory, self._pointer, data, size.value, byref(size))
        return data.raw[: size.value]

    @classmethod
    def from_bytes(cls, data: bytes, *, detector: Detector | OutlierDetector | None = None) -> Self:
        """Go on from bytes of `to_bytes`. Safe with bytes from strangers, unlike pickle."""
        pointer = c_void_p()
        call(library.pyn_drift_load_memory, bytes(data), len(data), byref(pointer))
        drift = cls.__new__(cls)
        drift._pointer = pointer
        drift._detector = detector
        drift._names = None
        report = drift._report()
        drift._columns = report.feature_count - (detector is not None)
        return drift

    def __getstate__(self) -> dict[str, Any]:
        state = {key: value for key, value in vars(self).items() if key != "_pointer"}
        return {**state, "content": self.to_bytes()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._pointer = c_void_p()
        content = state.pop("content")
        call(library.pyn_drift_load_memory, content, len(content), byref(self._pointer))
        vars(self).update(state)

    def _report(self) -> Any:
        report = _library.DriftReport()
        call(library.pyn_drift_get_report, self._pointer, byref(report))
        return report

    def _reference_scores(self, X: Any, rows: int) -> NDArray[np.float64] | None:
        """The detector's scores; those it kept where X is what it was fitted on, each row now being its own
        nearest neighbour, and so no score above the kept one."""
        scores = self._scores(X)
        fitted = getattr(self._detector, "detector_", self._detector)
        if scores is None or not isinstance(fitted, Detector):
            return scores
        try:
            kept = fitted.training_scores
        except NotSupportedError:
            return scores
        return kept if kept.size == rows and np.all(scores <= kept) else scores

    def _scores(self, X: Any) -> NDArray[np.float64] | None:
        if self._detector is None:
            return None
        if isinstance(self._detector, Detector):
            return self._detector.score(X)
        return np.negative(self._detector.score_samples(X))


class KolmogorovSmirnov(NamedTuple):
    """A statistic and its p-value."""

    statistic: float
    p_value: float


def kolmogorov_smirnov(first: ArrayLike, second: ArrayLike) -> KolmogorovSmirnov:
    """The two-sample Kolmogorov-Smirnov test, as `scipy.stats.ks_2samp` with method="exact".

    Samples have 1 to 65536 finite values. p-values below 1e-14, and those of samples the product of
    whose sizes is more than 2**25, are Kolmogorov's limit: at most too large.
    """
    a, b = read_scores(first), read_scores(second)
    statistic, p_value = c_double(), c_double()
    call(
        library.pyn_kolmogorov_smirnov,
        *_pointer_and_count(a),
        *_pointer_and_count(b),
        byref(statistic),
        byref(p_value),
    )
    return KolmogorovSmirnov(statistic.value, p_value.value)


def _pointer_and_count(values: NDArray[np.float64] | None) -> tuple[int | None, int]:
    return (None, 0) if values is None else (values.ctypes.data, values.size)


def _number(value: int, name: str, least: int) -> int:
    try:
        whole = int(value)
        fits = whole == value and least <= whole < 2**63 and not isinstance(value, bool)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ArgumentError(f"{name} must be an int from {least} to {2**63 - 1}; got {value!r}")
    return whole


def _chosen(what: str, name: str, choices: dict[str, int]) -> int:
    if not isinstance(name, str) or name not in choices:
        raise ArgumentError(f"{what} must be one of {', '.join(map(repr, choices))}; got {name!r}")
    return choices[name]
