"""IsolationForest with the interface of scikit-learn."""

from __future__ import annotations

import numbers
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._detector import Detector, FloatArray
from ._errors import OptionError
from ._estimator import BaseEstimator, NotFittedError, OutlierMixin
from ._inputs import check_not_empty

if TYPE_CHECKING:
    from typing_extensions import Self

_OUR_OPTIONS = (
    "n_estimators",
    "max_samples",
    "contamination",
    "max_features",
    "bootstrap",
    "warm_start",
    "ndim",
    "missing_values",
)


class IsolationForest(OutlierMixin, BaseEstimator):
    """Isolation Forest: rows that random splits set apart quickly are anomalous.

    Each tree splits a small sample of the rows at random thresholds of random features until every
    row stands alone. An outlier is alone after few splits; the shorter its paths through the trees,
    the more anomalous it is (Liu, Ting, Zhou 2008).

    The interface is that of `sklearn.ensemble.IsolationForest`. Where scikit-learn is installed this
    is one of its estimators (pipelines, clone, model selection); it also works without.

    Parameters
    ----------
    n_estimators : int, default=100
        The number of trees.

    max_samples : "auto", int or float, default="auto"
        The number of samples to draw from X to train each tree.

        An int is a number of rows, a float a share of them, "auto" means at most 256. More rows than
        there are mean all of them.

    contamination : 'auto' or float, default='auto'
        The share of outliers in the training data, above 0 and at most 0.5: fitting sets `offset_`
        so that as many training rows fall below it. 'auto' takes the paper's threshold of 0.5.

    max_features : int or float, default=1.0
        The number of features to draw from X to train each tree.

        An int is a number of features, a float a share of them, at least one.

    bootstrap : bool, default=False
        If True, the samples of a tree are drawn with replacement.

    n_jobs : int, default=None
        The number of threads for all methods. ``None`` means 1 unless in a
        :obj:`joblib.parallel_backend` context. ``-1`` means using all processors. The results do not
        depend on it.

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the forest. Pass an int for reproducible results. None: a fresh one for each fit.

    verbose : int, default=0
        Above 0, long calls show a progress bar (of tqdm, where it is installed).

    warm_start : bool, default=False
        True: fitting again keeps the trees there are and adds more, up to `n_estimators`.

    ndim : int, default=1
        How many features a split combines. 1: the method of the paper. 2 or more: slanted splits
        (extended isolation forest).

    missing_values : {'error', 'native'}, default='error'
        What NaN in the data means. 'error': refuse it. 'native': a value like any other.

    Attributes
    ----------
    detector_ : Detector
        The fitted detector underneath, in the library's own convention.

    offset_ : float
        The score below which a row is an outlier, and what `decision_function` takes off
        `score_samples`. -0.5 when contamination is "auto".

    n_estimators_ : int
        The number of trees grown.

    max_samples_ : int
        The number of samples drawn for each tree.

    max_features_ : int
        The number of features drawn for each tree.

    random_state_ : int
        The seed that was used.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit. Defined only when `X` has feature names that are all
        strings.

    References
    ----------
    .. [1] F. T. Liu, K. M. Ting and Z. -H. Zhou. "Isolation forest." 2008 Eighth IEEE International
           Conference on Data Mining (ICDM), 2008, pp. 413-422.

    Examples
    --------
    >>> from pynomaly import IsolationForest
    >>> X = [[-1.1], [0.3], [0.5], [100]]
    >>> clf = IsolationForest(random_state=0).fit(X)
    >>> clf.predict([[0.1], [0], [90]])
    array([ 1,  1, -1])
    """

    detector_: Detector
    offset_: float
    n_estimators_: int
    max_samples_: int
    max_features_: int
    random_state_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: str | float = "auto",
        contamination: str | float = "auto",
        max_features: float = 1.0,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        verbose: int = 0,
        warm_start: bool = False,
        ndim: int = 1,
        missing_values: str = "error",
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.ndim = ndim
        self.missing_values = missing_values

    # ------------------------------------------------------------------------------- fitting

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the forest.

        Parameters
        ----------
        X : array-like, table or stream of shape (n_samples, n_features)
            The input samples. Arrays of float32 and float64 are not copied. A stream is anything
            with the Arrow C stream interface, such as a pyarrow.RecordBatchReader.

        y : Ignored
            Not used, present for API consistency by convention.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. A sample is drawn in proportion to its weight. If None, then samples are
            equally weighted.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        options = {name: getattr(self, name) for name in _OUR_OPTIONS}
        options["random_state"] = _seed(self.random_state)
        if self.warm_start and hasattr(self, "detector_"):
            detector = self.detector_.__copy__().set_options(**options)
            self._check_growth()
        else:
            detector = Detector("IsolationForest", **options)
        detector._who = type(self).__name__
        detector.fit(
            X,
            sample_weight=sample_weight,
            threads=_threads(self.n_jobs),
            progress=bool(self.verbose),
        )
        self._take(detector)
        if isinstance(self.max_samples, numbers.Integral) and self.max_samples > self.max_samples_:
            warnings.warn(
                f"max_samples ({self.max_samples}) is greater than the total number of samples "
                f"({self.max_samples_}). max_samples will be set to n_samples for estimation.",
                stacklevel=2,
            )
        return self

    def _check_growth(self) -> None:
        if self.n_estimators == self.n_estimators_:
            warnings.warn(
                "Warm-start fitting without increasing n_estimators does not fit new trees.",
                stacklevel=3,
            )
        elif self.n_estimators < self.n_estimators_:
            raise OptionError(
                f"n_estimators={self.n_estimators} must be larger or equal to the number of trees "
                f"already grown, {self.n_estimators_}, when warm_start==True"
            )

    def _take(self, detector: Detector) -> None:
        """Make a fitted detector this estimator's own."""
        self.detector_ = detector
        self.offset_ = -detector.threshold
        self.n_estimators_ = int(detector.fitted("n_estimators"))
        self.max_samples_ = int(detector.fitted("max_samples"))
        self.max_features_ = int(detector.fitted("max_features"))
        seed = detector.options["random_state"]
        self.random_state_ = seed if isinstance(seed, int) else int(detector.fitted("random_state"))
        self.n_features_in_ = detector.feature_count
        if detector.feature_names is not None:
            self.feature_names_in_ = np.asarray(detector.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int_]:
        """Fit to X and label its rows: -1 for outliers and 1 for inliers."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    # ------------------------------------------------------------------------------- using

    def predict(self, X: Any) -> NDArray[np.int_]:
        """Label the rows of X: +1 where it is an inlier, -1 where it is an outlier."""
        return _SIGNS.take(self.decision_function(X) < 0)

    def decision_function(self, X: Any) -> FloatArray:
        """`score_samples(X) - offset_`: negative for outliers, positive for inliers."""
        scores = self._score(X)
        return np.subtract(-self.offset_, scores, scores)

    def score_samples(self, X: Any) -> FloatArray:
        """The opposite of the anomaly score of the paper: the lower, the more abnormal."""
        scores = self._score(X)
        return np.negative(scores, scores)

    def explain(self, X: Any) -> FloatArray:
        """How much each feature adds to the anomaly of each row.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_features)
            Not negative. A row's shares sum to its anomaly score, ``-score_samples(X)``: the higher
            a share, the more its feature makes the row an outlier.
        """
        return self._detector().explain(
            X, threads=_threads(self.n_jobs), progress=bool(self.verbose)
        )

    def _score(self, X: Any) -> FloatArray:
        """Scores in the library's sign, in an array of our own."""
        if type(X) is np.ndarray:
            try:
                model = self.detector_._model
            except AttributeError:
                pass
            else:
                if model.feature_names is None:
                    few = model.score_few(X)
                    if few is not None:
                        return few
        scores = self._detector().score(
            X, threads=_threads(self.n_jobs), progress=bool(self.verbose)
        )
        if not scores.size:
            check_not_empty(np.empty((0, self.n_features_in_)), type(self).__name__)
        return scores

    def _detector(self) -> Detector:
        if not hasattr(self, "detector_"):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. "
                "Call 'fit' with appropriate arguments before using this estimator."
            )
        return self.detector_

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
        """A fitted estimator of a fitted detector."""
        if detector.name != "IsolationForest":
            raise OptionError(f"this is a model of {detector.name}, not of IsolationForest")
        options: dict[str, Any] = detector.options
        if options["random_state"] == "random":
            options["random_state"] = None
        forest = cls(**options)
        forest._take(detector)
        return forest

    def _with_offset(self) -> Detector:
        """The detector with the threshold that offset_ stands for, which users may have set."""
        detector = self._detector()
        if detector.threshold != -self.offset_:
            detector = detector.__copy__()
            detector.threshold = -self.offset_
        return detector

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing_values == "native"
        return tags


_SIGNS = np.array([1, -1])


def _seed(random_state: Any) -> int | str:
    if random_state is None:
        return "random"
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        return int(random_state)
    draw = getattr(random_state, "integers", None) or getattr(random_state, "randint", None)
    if draw is None:
        raise OptionError(
            "random_state must be an int, a numpy.random.RandomState, a numpy.random.Generator or "
            f"None; got {random_state!r}"
        )
    return int(draw(2**31 - 1))


def _threads(n_jobs: int | None) -> int:
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
