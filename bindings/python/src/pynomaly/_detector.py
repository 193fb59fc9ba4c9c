"""Any detector of the library, in the library's own convention."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from ctypes import byref
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _inputs, _library
from ._calibration import Calibration
from ._catalog import OptionValue, detector_info
from ._errors import (
    ArgumentError,
    CancelledError,
    InvalidDataError,
    NotFittedError,
    NotSupportedError,
    ShapeMismatchError,
    from_status,
)
from ._few_rows import score_few
from ._library import library
from ._model import Model
from ._progress import Listener, Progress
from ._thresholds import Threshold, read_scores, threshold_rule

if TYPE_CHECKING:
    from typing_extensions import Self

FloatArray = NDArray[np.float64]


class Detector:
    """A detector of the library, by its name.

    Scores: higher is more anomalous. Labels: 1 outlier, 0 inlier.

    Parameters
    ----------
    name : str
        One of `detector_names()`.
    **options
        Options of the detector, as `detector_info(name)` lists them.

    Examples
    --------
    >>> from pynomaly import Detector
    >>> forest = Detector("IsolationForest", n_estimators=50)
    >>> X = [[0.1, 0.2], [0.0, 0.1], [0.2, 0.1], [9.0, 8.0]]
    >>> forest.fit(X).predict(X)
    array([0, 0, 0, 1], dtype=int32)

    Notes
    -----
    X may be an array or anything that becomes one, or a table of pandas, polars or pyarrow, whose
    column names are kept. Arrays of float32 and float64 are never copied, whatever their strides.

    All methods may be called from several threads at the same time: a fit prepares a new model and
    puts it in the place of the old one when it is done.

    Methods that may take long have the parameters

    threads : int, default=0
        At most so many threads; 0: the limit of `set_thread_limit`, or all processors.
    progress : bool or callable, default=None
        True: a progress bar. A function is called with the fraction done and the name of the step;
        it stops the call, which then raises CancelledError, by returning True.
    """

    def __init__(self, name: str, /, **options: OptionValue) -> None:
        self._model = Model.create(name, options)
        self._who = name

    # ------------------------------------------------------------------------------- options

    @property
    def name(self) -> str:
        """The name of the detector."""
        return self._model.name

    @property
    def options(self) -> dict[str, OptionValue]:
        """All options and their values now."""
        return self._model.options()

    def set_options(self, **options: OptionValue) -> Self:
        """Set options. They take effect with the next fit."""
        model = self._model.copy()
        for name, value in options.items():
            model.set_option(name, value)
        self._model = model
        return self

    # ------------------------------------------------------------------------------- fitting

    def fit(
        self,
        X: Any,
        *,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        threads: int = 0,
        progress: Progress = None,
    ) -> Self:
        """Learn from the rows of X.

        A row is drawn in proportion to its weight; a contamination is a share of the rows, whatever
        their weights. With the option warm_start a fitted model is grown. When it fails or is stopped
        the earlier model stays.

        X may also be a stream of batches that is larger than memory: anything with the Arrow C
        stream interface, such as a pyarrow.RecordBatchReader, and a pyarrow.parquet.ParquetFile, a
        pyarrow.dataset.Dataset or its Scanner. Detectors with partial_fit learn from every row; others
        from a uniform random sample of 131072 rows when there are more. Detectors of series hold the
        whole stream in memory. Streams take no weights and no labels.

        Labels, one a row, are 0 for inliers and 1 for outliers. Only detectors that need them (see
        `detector_info`) look at them.
        """
        model = self._model.copy(fitted=self._model.options().get("warm_start") is True)
        listening: dict[str, Any] = {"threads": threads, "progress": progress}
        if _inputs.is_stream(X):
            if sample_weight is not None or labels is not None:
                raise NotSupportedError("a stream is fitted without sample_weight and labels")
            _run_stream(library.pyn_detector_fit_stream, model, "fit", X, **listening)
        else:
            array, names = _inputs.read_table(X, self._who)
            _learn(model, "fit", array, names, self._who, sample_weight, labels, listening)
        model.read()
        self._model = model
        return self

    def partial_fit(
        self,
        X: Any,
        *,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        threads: int = 0,
        progress: Progress = None,
    ) -> Self:
        """Learn from more rows, where the detector can (see `detector_info`).

        The first call begins a model, later ones go on with it, and the columns stay the same.
        Options set in between wait for the next fit. With a contamination, the threshold is the
        quantile of the scores of this call's rows; when these are fewer than 1024, of so many with
        the rows of the calls before. When it fails or is stopped the earlier model stays.

        X may also be a stream, as for fit.
        """
        earlier = self._model
        if _inputs.is_stream(X):
            if sample_weight is not None or labels is not None:
                raise NotSupportedError("a stream is fitted without sample_weight and labels")
            model = earlier.copy()
            call = library.pyn_detector_partial_fit_stream
            _run_stream(call, model, "partial_fit", X, threads=threads, progress=progress)
            model.read()
            self._model = model
            return self
        if earlier.feature_count:
            array, names = self._read(earlier, X), None  # the names of before stay
        else:
            array, names = _inputs.read_table(X, self._who)
        model = earlier.copy()
        listening: dict[str, Any] = {"threads": threads, "progress": progress}
        _learn(model, "partial_fit", array, names, self._who, sample_weight, labels, listening)
        model.read()
        self._model = model
        return self

    # ------------------------------------------------------------------------------- using

    def score(self, X: Any, *, threads: int = 0, progress: Progress = None) -> FloatArray:
        """One score a row. Higher is more anomalous.

        X may also be a stream, as for fit: 8 bytes a row are needed for the scores, and one batch. With
        `score_stream` not even those.
        """
        model = self._model
        if type(X) is np.ndarray and model.feature_names is None:
            few = score_few(model, X)
            if few is not None:
                return few
        if _inputs.is_stream(X):
            parts: list[FloatArray] = [np.empty(0)]
            self.score_stream(X, parts.append, threads=threads, progress=progress)
            return np.concatenate(parts)
        array = self._read(model, X)
        scores = np.empty(array.shape[0])
        _run_on(model, "score", array, scores, threads=threads, progress=progress)
        return scores

    def score_stream(
        self,
        X: Any,
        take: Callable[[FloatArray], object],
        *,
        threads: int = 0,
        progress: Progress = None,
    ) -> int:
        """Score a stream batch by batch, in memory for one batch, and return how many rows there were.

        `take` is called with the scores of each batch, in order; an exception that it raises ends the call.
        """
        model = self._model
        self._check_fitted(model)
        rows = 0
        failure: BaseException | None = None

        def receive(scores: int, first: int, count: int, context: Any) -> int:
            nonlocal rows, failure
            try:
                view = (ctypes.c_double * count).from_address(scores)
                take(np.array(view))  # a copy: the library uses its own again
                rows += count
            except BaseException as error:  # it must not fly through the library
                failure = error
            return failure is not None

        callback = _library.ScoresCallback(receive)
        try:
            _run_stream(
                library.pyn_detector_score_stream, model, "score", X, callback, None,
                threads=threads, progress=progress,
            )  # fmt: skip
        except CancelledError:
            if failure is not None:
                raise failure from None
            raise
        return rows

    def predict(self, X: Any, *, threads: int = 0, progress: Progress = None) -> NDArray[np.int32]:
        """One label a row: 1 where the score is above the threshold, else 0. X may be a stream."""
        model = self._model
        if _inputs.is_stream(X):
            scores = self.score(X, threads=threads, progress=progress)
            return (scores > model.threshold).astype(np.int32)
        array = self._read(model, X)
        labels = np.empty(array.shape[0], dtype=np.int32)
        _run_on(model, "predict", array, labels, threads=threads, progress=progress)
        return labels

    def explain(self, X: Any, *, threads: int = 0, progress: Progress = None) -> FloatArray:
        """How much each feature adds to each row's score: rows x features, not negative.

        A row's shares sum to its score.
        """
        model = self._model
        array = self._read(model, X)
        shares = np.empty(array.shape)
        _run_on(model, "explain", array, shares, threads=threads, progress=progress)
        return shares

    def _read(self, model: Model, X: Any) -> _inputs.Array:
        self._check_fitted(model)
        array, names = _inputs.read_table(X, self._who)
        _inputs.check_names(model.feature_names, names, self._who)
        if array.shape[1] != model.feature_count:
            raise ShapeMismatchError(
                f"X has {array.shape[1]} features, but {self._who} is expecting "
                f"{model.feature_count} features as input."
            )
        return array

    def _check_fitted(self, model: Model) -> None:
        if not model.feature_count:
            raise NotFittedError(
                f"This {self._who} instance is not fitted yet. "
                "Call 'fit' with appropriate arguments before using this estimator."
            )

    # --------------------------------------------------------------------------- what it knows

    @property
    def is_fitted(self) -> bool:
        """Whether there is a model to score with."""
        return self._model.feature_count > 0

    @property
    def feature_count(self) -> int:
        """Columns of the fitted data."""
        self._check_fitted(self._model)
        return self._model.feature_count

    @property
    def feature_names(self) -> list[str] | None:
        """Column names of the fitted data, if it had some."""
        self._check_fitted(self._model)
        return self._model.feature_names

    @property
    def threshold(self) -> float:
        """The score above which a row is an outlier. It can be set."""
        self._check_fitted(self._model)
        return self._model.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._check_fitted(self._model)
        if not math.isfinite(value):
            raise ArgumentError(f"threshold must be finite; got {value}")
        model = self._model.copy()
        model.set_threshold(float(value))
        self._model = model

    def set_threshold(
        self,
        method: str | float = "pot",
        parameter: float | None = None,
        *,
        scores: ArrayLike | None = None,
        initial_quantile: float | None = None,
    ) -> Threshold:
        """Set the threshold by one of the methods of `find_threshold`, and tell what it found.

        `scores` are scores of ordinary rows, such as those of the training data. Without them it
        takes the `training_scores`, which not every detector keeps.
        """
        self._check_fitted(self._model)
        rule = threshold_rule(method, parameter, initial_quantile)
        model = self._model.copy()
        found = model.set_threshold_by(rule, None if scores is None else read_scores(scores))
        self._model = model
        return found

    @property
    def calibration(self) -> Calibration | None:
        """How scores become probabilities. It can be set; fitting drops it."""
        self._check_fitted(self._model)
        return self._model.calibration()

    @calibration.setter
    def calibration(self, calibration: Calibration | None) -> None:
        self._check_fitted(self._model)
        model = self._model.copy()
        model.set_calibration(calibration)
        self._model = model

    def calibrate(
        self,
        X: Any = None,
        labels: ArrayLike | None = None,
        *,
        method: str | None = None,
        threads: int = 0,
        progress: Progress = None,
    ) -> Self:
        """Learn from the scores of X how scores become probabilities.

        The rows of X are best others than those fitted on. Without X the `training_scores` are taken,
        which not every detector keeps. `method` is one of `Calibration`: "gaussian" unless said, with
        labels "logistic".
        """
        if X is None:
            scores = self.training_scores
        else:
            scores = self.score(X, threads=threads, progress=progress)
        method = method or ("gaussian" if labels is None else "logistic")
        self.calibration = Calibration(method, scores, labels)
        return self

    def predict_probability(
        self, X: Any, *, threads: int = 0, progress: Progress = None
    ) -> FloatArray:
        """The probability that a row is an outlier, by the calibration."""
        model = self._model
        array = self._read(model, X)
        probabilities = np.empty(array.shape[0])
        _run_on(
            model, "predict_probability", array, probabilities, threads=threads, progress=progress
        )
        return probabilities

    def fitted(self, name: str) -> float:
        """A number that fitting found, such as "max_samples" of an IsolationForest."""
        self._check_fitted(self._model)
        return self._model.fitted(name)

    @property
    def training_scores(self) -> FloatArray:
        """The scores of the rows that were fitted, where the detector keeps them: a row is not among its
        own neighbours. Others raise NotSupportedError."""
        self._check_fitted(self._model)
        return self._model.training_scores()

    # --------------------------------------------------------------------------------- keeping

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a model file, which C, C++ and Python can load. An old file is replaced whole."""
        self._check_fitted(self._model)
        self._model.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load a model file. Safe with files from strangers, unlike pickle."""
        return cls._of(Model.from_file(path))

    def to_bytes(self) -> bytes:
        """The contents of the model file."""
        self._check_fitted(self._model)
        return self._model.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Load the contents of a model file. Safe with bytes from strangers, unlike pickle."""
        return cls._of(Model.from_bytes(bytes(data)))

    @classmethod
    def _of(cls, model: Model) -> Self:
        detector = cls.__new__(cls)
        detector._model = model
        detector._who = model.name
        return detector

    def __getstate__(self) -> dict[str, Any]:
        model = self._model
        content = model.to_bytes() if self.is_fitted else model.options()
        return {"name": model.name, "who": self._who, "content": content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        content = state["content"]
        self._who = state["who"]
        self._model = (
            Model.from_bytes(content)
            if isinstance(content, bytes)
            else Model.create(state["name"], content)
        )

    def __copy__(self) -> Self:
        return self._of(self._model)

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({self.name!r}{options})"


def _learn(
    model: Model,
    step: str,
    array: _inputs.Array,
    names: list[str] | None,
    who: str,
    sample_weight: ArrayLike | None,
    labels: ArrayLike | None,
    listening: dict[str, Any],
) -> None:
    """Let a model that nobody else sees yet learn from an array."""
    _inputs.check_not_empty(array, who)
    rows = array.shape[0]
    given: dict[str, _inputs.Array] = {}
    if sample_weight is not None:
        given["sample_weight"] = _inputs.read_weights(sample_weight, rows)
    if labels is not None and detector_info(model.name).needs_labels:
        given["label"] = _inputs.read_labels(labels, rows)
    _run_on(model, step, array, given=given, **listening)
    if names is not None:
        model.set_feature_names(names)


def _run_on(
    model: Model,
    step: str,
    array: _inputs.Array,
    out: _inputs.Array | None = None,
    **options: Any,
) -> None:
    """Make a call that reads an array and may write one."""
    matrix = byref(_inputs.as_matrix(array))
    room = [] if out is None else [out.ctypes.data, out.size]
    try:
        _run(getattr(library, f"pyn_detector_{step}"), model, step, matrix, *room, **options)
    except InvalidDataError as failure:
        raise _explained(failure, array, learning=out is None) from None


def _run_stream(function: Any, model: Model, step: str, X: Any, *room: Any, **options: Any) -> None:
    """Make a call that takes a stream over."""
    stream = _inputs.Stream(X)
    _run(function, model, step, stream.pointer, *room, **options)


def _run(
    function: Any,
    model: Model,
    step: str,
    data: Any,
    *room: Any,
    threads: int = 0,
    progress: Progress = None,
    given: dict[str, _inputs.Array] | None = None,
) -> None:
    """Make a call that may be long: listened to, with the interpreter lock given up."""
    error = _library.Error()
    call = _library.Call(threads=threads)
    for what, array in (given or {}).items():
        setattr(call, "labels" if what == "label" else what, array.ctypes.data)
        setattr(call, f"{what}_count", array.size)
    with Listener(step, progress) as listener:
        call.progress = listener.pointer
        status = function(model.pointer, data, byref(call), *room, byref(error))
        if listener.failure is not None:
            raise listener.failure
        if status:
            raise from_status(status, error)


def _explained(failure: InvalidDataError, array: _inputs.Array, learning: bool) -> InvalidDataError:
    """Say of data that cannot be used what scikit-learn says, before what the library says."""
    row, column = failure.row, failure.column
    if learning and row is None and column is None and 1 in array.shape:
        what = "sample" if array.shape[0] == 1 else "feature"
        failure.args = (f"Found array with 1 {what}(s) (shape={array.shape}).\n{failure}",)
    elif row is not None and column is not None and not np.isfinite(array[row, column]):
        what = (
            "NaN"
            if np.isnan(array[row, column])
            else f"infinity or a value too large for dtype({array.dtype.name!r})"
        )
        failure.args = (f"Input X contains {what}.\n{failure}",)
    return failure
