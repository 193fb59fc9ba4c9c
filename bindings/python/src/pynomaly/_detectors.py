"""The estimators of the library's detectors, for type checkers and readers.

Written by `make python-classes` from the options that the library lists; not by hand.
"""

from __future__ import annotations

from typing import Literal

from ._outlier_detector import OutlierDetector

__all__: list[str] = [
    "KNN",
]


class KNN(OutlierDetector):
    """How far the nearest rows are; rows far from all others are anomalous.

    Parameters
    ----------
    n_neighbors : int, default=5
        Neighbours of a row; where the data have no more rows than this, all the others.
        Allowed: int in [1, 2147483648].

    method : {'largest', 'mean', 'median'}, default='largest'
        What of the distances to the neighbours is the score: the "largest", "mean" or "median".

    algorithm : {'auto', 'kd_tree', 'brute'}, default='auto'
        How neighbours are found, always exactly: "kd_tree", "brute" (all rows), or "auto" for the
        one that a trial on some of the rows finds faster.

    leaf_size : int, default=32
        Most rows in a leaf of the tree; changes the speed only.
        Allowed: int in [1, 65536].

    metric : {'minkowski', 'euclidean', 'manhattan', 'chebyshev', 'cosine'}, default='minkowski'
        Distance of two rows: "minkowski" with the power p, "euclidean", "manhattan", "chebyshev" or
        "cosine" (1 - cosine of the angle; a row of zeros is at distance 1 from the others).

    p : float, default=2.0
        Power of the metric "minkowski": 1 is manhattan, 2 euclidean.
        Allowed: float in [1.0, 1000000.0].

    contamination : 'auto' or float, default=0.1
        Share of outliers in the training data, which sets the threshold; "auto" for the upper fence
        of a box plot of the training scores, Q3 + 1.5 (Q3 - Q1).
        Allowed: float in (0.0, 0.5], or "auto".

    novelty : bool, default=False
        true: every row that is scored is new; false: a row that equals a training row is that row,
        so that scoring the training data gives the training scores.

    n_jobs : int, default=None
        The number of threads for all methods. ``None`` means 1 unless in a
        :obj:`joblib.parallel_backend` context. ``-1`` means using all processors. The results do
        not depend on it.

    verbose : int, default=0
        Above 0, long calls show a progress bar (of tqdm, where it is installed).

    Attributes
    ----------
    detector_ : Detector
        The fitted detector underneath, in the library's own convention. The numbers that fitting
        found, as ``detector_.fitted(name)`` gives them, are attributes of the estimator, too, with
        an underscore behind their name.

    offset_ : float
        The score below which a row is an outlier, and what `decision_function` takes off
        `score_samples`.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit. Defined only when `X` has feature names that are all
        strings.

    References
    ----------
    .. [1] Ramaswamy, Rastogi, Shim: Efficient Algorithms for Mining Outliers from Large Data Sets,
           SIGMOD 2000

    .. [2] Angiulli, Pizzuti: Fast Outlier Detection in High Dimensional Spaces, PKDD 2002 (mean)
    """

    __module__ = "pynomaly"
    detector_name = "KNN"

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        method: Literal["largest", "mean", "median"] = "largest",
        algorithm: Literal["auto", "kd_tree", "brute"] = "auto",
        leaf_size: int = 32,
        metric: Literal["minkowski", "euclidean", "manhattan", "chebyshev", "cosine"] = "minkowski",
        p: float = 2.0,
        contamination: float | Literal["auto"] = 0.1,
        novelty: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.method = method
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.contamination = contamination
        self.novelty = novelty
        self.n_jobs = n_jobs
        self.verbose = verbose
