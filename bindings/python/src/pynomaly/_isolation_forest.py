"""IsolationForest with the interface of scikit-learn."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ._abilities import WeightedOutlierDetector
from ._detector import Detector
from ._errors import OptionError
from ._inputs import warn

if TYPE_CHECKING:
    from typing_extensions import Self


class IsolationForest(WeightedOutlierDetector):
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

    detector_name = "IsolationForest"

    n_estimators_: int
    max_samples_: int
    max_features_: int
    random_state_: int

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
            equally weighted. `contamination` is a share of the samples whatever their weights, as in
            scikit-learn.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        self._fit(X, sample_weight)
        if isinstance(self.max_samples, numbers.Integral) and self.max_samples > self.max_samples_:
            warn(
                f"max_samples ({self.max_samples}) is greater than the total number of samples "
                f"({self.max_samples_}). max_samples will be set to n_samples for estimation."
            )
        return self

    def _check_growth(self) -> None:
        if self.n_estimators == self.n_estimators_:
            warn("Warm-start fitting without increasing n_estimators does not fit new trees.")
        elif self.n_estimators < self.n_estimators_:
            raise OptionError(
                f"n_estimators={self.n_estimators} must be larger or equal to the number of trees "
                f"already grown, {self.n_estimators_}, when warm_start==True"
            )

    def _take(self, detector: Detector) -> None:
        super()._take(detector)
        self.n_estimators_ = int(detector.fitted("n_estimators"))
        self.max_samples_ = int(detector.fitted("max_samples"))
        self.max_features_ = int(detector.fitted("max_features"))
        seed = detector.options["random_state"]
        self.random_state_ = seed if isinstance(seed, int) else int(detector.fitted("random_state"))
