"""LocalOutlierFactor with the interface of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._detector import FloatArray
from ._outlier_detector import OutlierDetector


class LocalOutlierFactor(OutlierDetector):
    """Local Outlier Factor: rows that lie much thinner than their neighbours are anomalous.

    The density around a row is the inverse of its mean reachability distance to its nearest
    neighbours. The score is the mean density of the neighbours over the row's own: about 1 inside a
    cluster, however dense the cluster is, and larger outside (Breunig and others 2000).

    The interface is that of `sklearn.neighbors.LocalOutlierFactor`, and the factors are the same to
    1e-6 relative, as the tests hold them, except where rows are equally far: there scikit-learn's choice
    of neighbours is open, and here the first rows are the neighbours. Where scikit-learn is installed this is one of its
    estimators; it also works without.

    Parameters
    ----------
    n_neighbors : int, default=20
        The number of neighbours. More than there are other rows mean all of them.

    algorithm : {'auto', 'kd_tree', 'brute'}, default='auto'
        How neighbours are found, always exactly. 'auto' tries both on some of the rows.

    leaf_size : int, default=32
        Most rows in a leaf of the tree. Changes the speed only.

    metric : {'minkowski', 'euclidean', 'manhattan', 'chebyshev', 'cosine'}, default='minkowski'
        The distance of two rows.

    p : float, default=2.0
        The power of the metric 'minkowski', at least 1. 1 is manhattan, 2 euclidean.

    contamination : 'auto' or float, default='auto'
        The share of outliers in the training data, above 0 and at most 0.5: fitting sets `offset_`
        so that as many training rows fall below it. 'auto' takes the threshold 1.5.

    novelty : bool, default=False
        True: every row that is scored is new, as with scikit-learn's ``novelty=True``. False: a row that
        equals a training row is that row, and not its own neighbour; so scoring the training data gives
        the training scores. (scikit-learn has no ``predict`` and ``score_samples`` then; here they are
        there in either case.)

    n_jobs : int, default=None
        The number of threads for all methods. ``None`` means 1 unless in a
        :obj:`joblib.parallel_backend` context. ``-1`` means using all processors. The results do not
        depend on it.

    verbose : int, default=0
        Above 0, long calls show a progress bar (of tqdm, where it is installed).

    Attributes
    ----------
    detector_ : Detector
        The fitted detector underneath, in the library's own convention.

    negative_outlier_factor_ : ndarray of shape (n_samples,)
        The opposite of the factors of the training rows.

    offset_ : float
        The score below which a row is an outlier, and what `decision_function` takes off
        `score_samples`. -1.5 when contamination is "auto".

    n_neighbors_ : int
        The number of neighbours used.

    n_samples_fit_ : int
        The number of training rows.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit. Defined only when `X` has feature names that are all
        strings.

    References
    ----------
    .. [1] M. M. Breunig, H.-P. Kriegel, R. T. Ng and J. Sander. "LOF: identifying density-based local
           outliers." ACM SIGMOD 2000, pp. 93-104.

    Examples
    --------
    >>> from pynomaly import LocalOutlierFactor
    >>> X = [[-1.1], [0.2], [101.1], [0.3]]
    >>> clf = LocalOutlierFactor(n_neighbors=2)
    >>> clf.fit_predict(X)
    array([ 1,  1, -1,  1])
    >>> clf.negative_outlier_factor_.round(4)
    array([ -0.9822,  -1.037 , -73.3697,  -0.9822])
    """

    detector_name = "LocalOutlierFactor"

    n_neighbors_: int

    def __init__(
        self,
        *,
        n_neighbors: int = 20,
        algorithm: str = "auto",
        leaf_size: int = 32,
        metric: str = "minkowski",
        p: float = 2.0,
        contamination: str | float = "auto",
        novelty: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.contamination = contamination
        self.novelty = novelty
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int_]:
        """Fit to X and label its rows by their training scores: -1 for outliers and 1 for inliers."""
        self.fit(X)
        return np.where(self.negative_outlier_factor_ < self.offset_, -1, 1)

    @property
    def negative_outlier_factor_(self) -> FloatArray:
        """The opposite of the factors of the training rows."""
        if "detector_" not in vars(self):
            raise AttributeError("negative_outlier_factor_ is there after fit")
        return -self.detector_.training_scores

    @property
    def n_samples_fit_(self) -> int:
        """The number of training rows."""
        if "detector_" not in vars(self):
            raise AttributeError("n_samples_fit_ is there after fit")
        return int(self.detector_.fitted("n_samples"))
