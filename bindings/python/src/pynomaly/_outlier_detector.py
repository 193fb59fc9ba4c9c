"""What all detectors with the interface of scikit-learn have in common."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._catalog import detector_info
from ._detector import Detector, FloatArray
from ._errors import ArgumentError, InvalidDataError, OptionError
from ._estimator import BaseEstimator, NotFittedError, OutlierMixin
from ._estimators import estimator_class
from ._few_rows import score_few
from ._inputs import check_not_empty
from ._parameters import (
    allows_missing_values,
    option_value,
    parameter_value,
    parameters,
    threads,
)
from ._thresholds import Threshold

if TYPE_CHECKING:
    from typing_extensions import Self


class OutlierDetector(OutlierMixin, BaseEstimator):
    """A detector of the library with the interface of scikit-learn.

    The base of all estimators. Where scikit-learn is installed they are estimators of its kind
    (pipelines, clone, model selection); they also work without.

    A subclass names its detector, and has a constructor that stores one parameter for each option of
    the detector, and `n_jobs` and `verbose`:

    >>> from pynomaly import OutlierDetector
    >>> class SmallForest(OutlierDetector):
    ...     detector_name = "IsolationForest"
    ...
    ...     def __init__(self, *, n_estimators=10, random_state=0, n_jobs=None, verbose=0):
    ...         self.n_estimators = n_estimators
    ...         self.random_state = random_state
    ...         self.n_jobs = n_jobs
    ...         self.verbose = verbose
    >>> SmallForest().fit([[0.1], [0.2], [0.3], [9.0]]).detector_.options["n_estimators"]
    10

    Options without a parameter keep the library's default.

    Attributes
    ----------
    detector_name : str
        The name of the detector in the library; an attribute of the class.

    detector_ : Detector
        The fitted detector underneath, in the library's own convention.

    offset_ : float
        The score below which a row is an outlier, and what `decision_function` takes off
        `score_samples`.

    found_threshold_ : Threshold
        What `set_threshold` found. Defined only after that.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit. Defined only when `X` has feature names that are all
        strings.

    Notes
    -----
    The numbers that fitting finds, as ``detector_.fitted(name)`` gives them, are attributes, too, with
    an underscore behind their name.
    """

    detector_name: ClassVar[str]

    n_jobs: int | None
    verbose: int
    detector_: Detector
    offset_: float
    found_threshold_: Threshold
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    # ------------------------------------------------------------------------------- fitting

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector.

        Parameters
        ----------
        X : array-like, table or stream of shape (n_samples, n_features)
            The input samples. Arrays of float32 and float64 are not copied. A stream is anything
            with the Arrow C stream interface, such as a pyarrow.RecordBatchReader.

        y : array-like of shape (n_samples,), default=None
            Only for detectors that learn from labels (`detector_info(name).needs_labels`): -1 for
            outliers and 1 for inliers. Others ignore it.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit(X, y=y)

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int_]:
        """Fit to X and label its rows: -1 for outliers and 1 for inliers."""
        return self.fit(X, y).predict(X)

    def _fit(self, X: Any, sample_weight: ArrayLike | None = None, y: Any = None) -> Self:
        labels = self._labels(y)
        options = self._options()
        if options.get("warm_start") and "detector_" in vars(self):
            detector = self.detector_.__copy__().set_options(**options)
            self._check_growth()
        else:
            detector = Detector(self.detector_name, **options)
        detector._who = type(self).__name__
        detector.fit(X, sample_weight=sample_weight, labels=labels, **self._how())
        self._take(detector)
        return self

    def _partial_fit(self, X: Any, sample_weight: ArrayLike | None = None, y: Any = None) -> Self:
        labels = self._labels(y)
        if "detector_" in vars(self):
            detector = self.detector_.__copy__()
        else:
            detector = Detector(self.detector_name, **self._options())
        detector._who = type(self).__name__
        detector.partial_fit(X, sample_weight=sample_weight, labels=labels, **self._how())
        self._take(detector)
        return self

    def _options(self) -> dict[str, Any]:
        return {
            option.name: option_value(option, getattr(self, parameter))
            for parameter, option in parameters(self.detector_name).items()
            if hasattr(self, parameter)
        }

    def _labels(self, y: Any) -> NDArray[np.bool_] | None:
        """Which rows are outliers, for detectors that want to know."""
        if not detector_info(self.detector_name).needs_labels:
            return None
        who = type(self).__name__
        if y is None:
            raise InvalidDataError(f"{who} requires y to be passed, but the target y is None.")
        return _outliers(y, who)

    def set_threshold(
        self,
        method: str | float = "pot",
        parameter: float | None = None,
        *,
        X: Any = None,
        initial_quantile: float | None = None,
    ) -> Self:
        """Set `offset_` by one of the methods of `find_threshold`.

        Parameters
        ----------
        method : {"percentile", "iqr", "mad", "pot"} or float, default="pot"
            How the threshold is found from anomaly scores (``-score_samples``), also with its
            parameter behind a colon: "pot:1e-3". A number is the threshold itself.

        parameter : float, default=None
            The percentile, the factor or the risk of the method.

        X : array-like or table of shape (n_samples, n_features), default=None
            Rows whose scores the threshold is found from, such as the training data. None: the
            scores that the detector kept from training; not every detector keeps them.

        initial_quantile : float, default=None
            Where the tail of "pot" begins.

        Returns
        -------
        self : object
            What was found is in `found_threshold_`.
        """
        detector = self._detector().__copy__()
        scores = None if X is None else self._score(X)
        found = detector.set_threshold(
            method, parameter, scores=scores, initial_quantile=initial_quantile
        )
        self._take(detector)
        self.found_threshold_ = found
        return self

    def calibrate(
        self, X: Any = None, y: ArrayLike | None = None, *, method: str | None = None
    ) -> Self:
        """Learn from the scores of X how scores become probabilities, for `predict_proba`.

        Parameters
        ----------
        X : array-like or table of shape (n_samples, n_features), default=None
            Rows, best others than those fitted on. None: the scores that the detector kept from
            training; not every detector keeps them.

        y : array-like of shape (n_samples,), default=None
            -1 for outliers and 1 for inliers.

        method : str, default=None
            A method of `Calibration`. None: "gaussian", or with y "logistic".

        Returns
        -------
        self : object
            Fitting drops the calibration.
        """
        labels = None if y is None else _outliers(y, type(self).__name__)
        detector = self._detector().__copy__().calibrate(X, labels, method=method, **self._how())
        self.detector_ = detector
        return self

    @property
    def predict_proba(self) -> Callable[[Any], FloatArray]:
        """The probability of being an inlier and of being an outlier, a column each, as PyOD has it.

        There only once `calibrate` was called.
        """
        if "detector_" not in vars(self) or self.detector_.calibration is None:
            raise AttributeError(_NOT_CALIBRATED)
        return self._predict_proba

    def _predict_proba(self, X: Any) -> FloatArray:
        outlier = self._detector().predict_probability(X, **self._how())
        return np.column_stack([1 - outlier, outlier])

    def _check_growth(self) -> None:
        """Called before a fitted model is grown: raise or warn if there is a reason."""

    def _take(self, detector: Detector) -> None:
        """Make a fitted detector this estimator's own."""
        self.detector_ = detector
        self.offset_ = -detector.threshold
        vars(self).pop("found_threshold_", None)
        self.n_features_in_ = detector.feature_count
        if detector.feature_names is not None:
            self.feature_names_in_ = np.asarray(detector.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    # ------------------------------------------------------------------------------- using

    def predict(self, X: Any) -> NDArray[np.int_]:
        """Label the rows of X: +1 where it is an inlier, -1 where it is an outlier."""
        return _SIGNS.take(self.decision_function(X) < 0)

    def decision_function(self, X: Any) -> FloatArray:
        """`score_samples(X) - offset_`: negative for outliers, positive for inliers."""
        scores = self._score(X)
        return np.subtract(-self.offset_, scores, scores)

    def score_samples(self, X: Any) -> FloatArray:
        """The opposite of the library's anomaly score: the lower, the more abnormal."""
        scores = self._score(X)
        return np.negative(scores, scores)

    def explain(self, X: Any) -> FloatArray:
        """How much each feature adds to the anomaly of each row.

        Not every detector can tell (`detector_info(name).explains`); others raise NotSupportedError.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_features)
            A row's shares sum to its anomaly score, ``-score_samples(X)``: the higher a share, the
            more its feature makes the row an outlier.
        """
        return self._detector().explain(X, **self._how())

    def _score(self, X: Any) -> FloatArray:
        """Scores in the library's sign, in an array of our own."""
        if type(X) is np.ndarray:
            try:
                model = self.detector_._model
            except AttributeError:
                pass
            else:
                if model.feature_names is None:
                    few = score_few(model, X)
                    if few is not None:
                        return few
        scores = self._detector().score(X, **self._how())
        if not scores.size:
            check_not_empty(np.empty((0, self.n_features_in_)), type(self).__name__)
        return scores

    def _how(self) -> dict[str, Any]:
        """How the detector is to make a call."""
        return {
            "threads": threads(getattr(self, "n_jobs", None)),
            "progress": bool(getattr(self, "verbose", False)),
        }

    def _detector(self) -> Detector:
        if "detector_" not in vars(self):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. "
                "Call 'fit' with appropriate arguments before using this estimator."
            )
        return self.detector_

    if not TYPE_CHECKING:  # type checkers shall know the attributes that there are, and no others

        def __getattr__(self, name: str) -> Any:
            """What fitting found, where nothing else has that name."""
            if name == "predict_proba":
                raise AttributeError(f"{type(self).__name__}: {_NOT_CALIBRATED}")
            if name.endswith("_") and not name.startswith("_"):
                detector = vars(self).get("detector_")
                if detector is not None:
                    try:
                        return _found(detector, name[:-1])
                    except ArgumentError:
                        pass
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # --------------------------------------------------------------------------------- keeping

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a model file, which C, C++ and Python can load. An old file is replaced whole."""
        self._with_offset().save(path)

    def to_bytes(self) -> bytes:
        """The contents of the model file."""
        return self._with_offset().to_bytes()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load a model file. Safe with files from strangers, unlike pickle."""
        return cls.from_detector(Detector.load(path))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Load the contents of a model file. Safe with bytes from strangers, unlike pickle."""
        return cls.from_detector(Detector.from_bytes(data))

    @classmethod
    def from_detector(cls, detector: Detector) -> Self:
        """A fitted estimator of a fitted detector. `OutlierDetector` itself, which is of no detector
        in particular, gives one of the class that is."""
        if not hasattr(cls, "detector_name"):
            return cast("Self", estimator_class(detector.name).from_detector(detector))
        if detector.name != cls.detector_name:
            raise OptionError(f"this is a model of {detector.name}, not of {cls.detector_name}")
        options = detector.options
        known = cls._get_param_names()
        estimator = cls(
            **{
                parameter: parameter_value(option, options[option.name])
                for parameter, option in parameters(detector.name).items()
                if parameter in known
            }
        )
        estimator._take(detector)
        return estimator

    def _with_offset(self) -> Detector:
        """The detector with the threshold that offset_ stands for, which users may have set."""
        detector = self._detector()
        if detector.threshold != -self.offset_:
            detector = detector.__copy__()
            detector.threshold = -self.offset_
        return detector

    def __sklearn_is_fitted__(self) -> bool:
        return "detector_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        info = detector_info(self.detector_name)
        tags.input_tags.allow_nan = allows_missing_values(
            info, getattr(self, "missing_values", None)
        )
        tags.target_tags.required = info.needs_labels
        return tags


def _found(detector: Detector, name: str) -> float:
    """A number that fitting found: an int where it counts something."""
    if name == "random_state":
        seed = detector.options.get(name)  # the number that fitting found may be rounded
        return seed if isinstance(seed, int) else int(detector.fitted(name))
    value = detector.fitted(name)
    options = {option.name: option for option in detector_info(detector.name).options}
    counts = name.startswith("n_") or name.endswith("_count")
    counts = counts or (name in options and int in options[name].types)
    return int(value) if counts and value.is_integer() else value


def _outliers(y: Any, who: str) -> NDArray[np.bool_]:
    """Which rows scikit-learn's labels call outliers."""
    labels = np.asarray(y)
    if not np.isin(labels, (-1, 1)).all():
        raise InvalidDataError(
            f"{who} learns from y of -1 for outliers and 1 for inliers; got {np.unique(labels)}"
        )
    return np.asarray(labels == -1)


_SIGNS = np.array([1, -1])
_NOT_CALIBRATED = "predict_proba is there once calibrate has been called on the fitted estimator"
