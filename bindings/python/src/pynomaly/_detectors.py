"""The estimators of the library's detectors, for type checkers and readers.

Written by `make python-classes` from the options that the library lists; not by hand.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ._abilities import IncrementalOutlierDetector, WeightedIncrementalOutlierDetector, WeightedOutlierDetector
from ._outlier_detector import OutlierDetector

__all__: list[str] = [
    "CBLOF",
    "COPOD",
    "ECOD",
    "EllipticEnvelope",
    "HBOS",
    "HalfSpaceTrees",
    "KNN",
    "LODA",
    "MAD",
    "OneClassSVM",
    "PCA",
    "RobustRandomCutForest",
    "SGDOneClassSVM",
]


class CBLOF(OutlierDetector):
    """How far rows are from the centre of the nearest large cluster; rows of small clusters, and
    those far from the centre of their own, are anomalous.

    Parameters
    ----------
    n_clusters : int, default=8
        Clusters to form by k-means; no more than there are distinct rows.
        Allowed: int in [1, 1000000].

    alpha : float, default=0.9
        The share of the rows that the large clusters hold together.
        Allowed: float in (0.0, 1.0].

    beta : float, default=5.0
        How many times as many rows the least large cluster has as the greatest small one.
        Allowed: float in (1.0, 1e+300].

    use_weights : bool, default=False
        Multiply each score by the number of rows of the row's own cluster.

    contamination : float, default=0.1
        Share of outliers in the training data, which sets the threshold.
        Allowed: float in (0.0, 0.5].

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh
        seed for each fit.

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
    .. [1] He, Xu, Deng: Discovering Cluster-based Local Outliers, Pattern Recognition Letters 24,
           2003
    """

    __module__ = "pynomaly"
    detector_name = "CBLOF"

    def __init__(
        self,
        *,
        n_clusters: int = 8,
        alpha: float = 0.9,
        beta: float = 5.0,
        use_weights: bool = False,
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.alpha = alpha
        self.beta = beta
        self.use_weights = use_weights
        self.contamination = contamination
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose


class COPOD(OutlierDetector):
    """Rows in the tails of the empirical copula, in the direction of skewness, are anomalous; no
    parameters.

    Parameters
    ----------
    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for 0.1, as PyOD
        takes it.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Li, Zhao, Botta, Ionescu, Hu: COPOD: Copula-Based Outlier Detection, ICDM 2020
    """

    __module__ = "pynomaly"
    detector_name = "COPOD"

    def __init__(
        self,
        *,
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


class ECOD(OutlierDetector):
    """Rows far out in the tail of a feature's empirical distribution are anomalous; no parameters.

    Parameters
    ----------
    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for 0.1, as PyOD
        takes it.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD: Unsupervised Outlier Detection Using Empirical
           Cumulative Distribution Functions, IEEE TKDE 2022
    """

    __module__ = "pynomaly"
    detector_name = "ECOD"

    def __init__(
        self,
        *,
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


class EllipticEnvelope(OutlierDetector):
    """An ellipse around the bulk of the data, whatever the outliers; rows far from its centre are
    anomalous.

    Parameters
    ----------
    assume_centered : bool, default=False
        The centre is 0 and only the covariance is estimated.

    support_fraction : 'auto' or float, default='auto'
        Share of the rows whose covariance has the least determinant; "auto" for the least that
        withstands the most outliers, (rows + columns + 1) / 2.
        Allowed: float in (0.0, 1.0], or "auto".

    contamination : float, default=0.1
        Share of outliers in the training data, which sets the threshold.
        Allowed: float in (0.0, 0.5].

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh
        seed for each fit.

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
    .. [1] Rousseeuw, Van Driessen: A Fast Algorithm for the Minimum Covariance Determinant
           Estimator, Technometrics 1999
    """

    __module__ = "pynomaly"
    detector_name = "EllipticEnvelope"

    def __init__(
        self,
        *,
        assume_centered: bool = False,
        support_fraction: float | Literal["auto"] = "auto",
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.assume_centered = assume_centered
        self.support_fraction = support_fraction
        self.contamination = contamination
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose


class HBOS(OutlierDetector):
    """Rows whose features fall into low bins of the features' histograms are anomalous.

    Parameters
    ----------
    n_bins : 'auto' or int, default=10
        Bins of each histogram; "auto" for the number that a penalised likelihood chooses (Birge,
        Rozenholc 2006, as in PyOD), less than the root of the rows.
        Allowed: int in [1, 1048576], or "auto".

    alpha : float, default=0.1
        Added to every density, so that empty bins have a finite score.
        Allowed: float in [1e-300, 1.0].

    tol : float, default=0.5
        How far outside, in widths of a bin, a value still counts with the outermost bin.
        Allowed: float in [0.0, 1.0].

    closed : {'left', 'right'}, default='left'
        Which edge belongs to a bin when scoring: "left" as when counting, "right" for the scores of
        PyOD, which looks values on an edge up in the bin beside their own.

    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for 0.1, as PyOD
        takes it.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Goldstein, Dengel: Histogram-Based Outlier Score (HBOS): A Fast Unsupervised Anomaly
           Detection Algorithm, KI 2012
    """

    __module__ = "pynomaly"
    detector_name = "HBOS"

    def __init__(
        self,
        *,
        n_bins: int | Literal["auto"] = 10,
        alpha: float = 0.1,
        tol: float = 0.5,
        closed: Literal["left", "right"] = "left",
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_bins = n_bins
        self.alpha = alpha
        self.tol = tol
        self.closed = closed
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


class HalfSpaceTrees(IncrementalOutlierDetector):
    """Rows that fall where random trees counted few rows of the last window are anomalous; for
    streams.

    Parameters
    ----------
    n_trees : int, default=25
        Number of trees.
        Allowed: int in [1, 100000].

    height : int, default=8
        Cuts from the root of a tree to its leaves.
        Allowed: int in [1, 20].

    window_size : int, default=250
        Rows in a window; each full one takes the place of the one before.
        Allowed: int in [1, 16000000].

    size_limit : float, default=0.1
        Share of the window's rows below which a node is not looked into any further.
        Allowed: float in [0.0, 1.0].

    limits : {'window', 'unit'}, default='window'
        Where the features' values lie: "window" learns it from the first window, as in the paper;
        "unit" takes it to be 0 to 1, as river does when it is not told.

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh
        seed for each fit.

    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for 0.1, as PyOD
        takes it.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Tan, Ting, Liu: Fast Anomaly Detection for Streaming Data, IJCAI 2011
    """

    __module__ = "pynomaly"
    detector_name = "HalfSpaceTrees"

    def __init__(
        self,
        *,
        n_trees: int = 25,
        height: int = 8,
        window_size: int = 250,
        size_limit: float = 0.1,
        limits: Literal["window", "unit"] = "window",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.height = height
        self.window_size = window_size
        self.size_limit = size_limit
        self.limits = limits
        self.random_state = random_state
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


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


class LODA(OutlierDetector):
    """Rows that are rare in the histograms of many sparse random projections are anomalous.

    Parameters
    ----------
    n_bins : 'auto' or int, default=10
        Bins of each histogram; "auto" for the number that a penalised likelihood chooses (Birge,
        Rozenholc 2006, as in PyOD), less than the root of the rows.
        Allowed: int in [1, 1048576], or "auto".

    n_random_cuts : int, default=100
        Number of random projections.
        Allowed: int in [1, 1000000].

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh
        seed for each fit.

    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for 0.1, as PyOD
        takes it.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Pevny: Loda: Lightweight on-line detector of anomalies, Machine Learning 102, 2016
    """

    __module__ = "pynomaly"
    detector_name = "LODA"

    def __init__(
        self,
        *,
        n_bins: int | Literal["auto"] = 10,
        n_random_cuts: int = 100,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_bins = n_bins
        self.n_random_cuts = n_random_cuts
        self.random_state = random_state
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


class MAD(OutlierDetector):
    """Rows with a feature far from its median, in units of the median absolute deviation, are
    anomalous.

    Parameters
    ----------
    threshold : float, default=3.5
        Robust z-score above which a row is an outlier.
        Allowed: float in [0.0, 1e+300].

    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for the option
        threshold.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Iglewicz, Hoaglin: How to Detect and Handle Outliers, ASQC Quality Press 1993
    """

    __module__ = "pynomaly"
    detector_name = "MAD"

    def __init__(
        self,
        *,
        threshold: float = 3.5,
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.threshold = threshold
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


class OneClassSVM(WeightedOutlierDetector):
    """A surface in the space of a kernel that holds most rows; those outside are anomalous.

    Parameters
    ----------
    kernel : {'rbf', 'linear', 'poly', 'sigmoid'}, default='rbf'
        The kernel.

    degree : int, default=3
        Degree of the kernel "poly".
        Allowed: int in [0, 1000].

    gamma : {'scale', 'auto'} or float, default='scale'
        Coefficient of the kernels but "linear": a number, "scale" for 1 / (columns * variance of
        all values), or "auto" for 1 / columns.
        Allowed: float in (0.0, 1e+300], or "scale" or "auto".

    coef0 : float, default=0.0
        Constant in the kernels "poly" and "sigmoid".
        Allowed: float in [-1e+300, 1e+300].

    tol : float, default=0.001
        The solution may violate optimality by less than this, as in libsvm.
        Allowed: float in (0.0, 1e+300].

    nu : float, default=0.5
        Upper bound on the share of training rows outside, lower bound on that of support vectors.
        Allowed: float in (0.0, 1.0].

    shrinking : bool, default=True
        Work on the rows that violate optimality most; false: on all rows all the time (slower, the
        same within tol).

    cache_size : float, default=200.0
        Memory for kernel values, in MB.
        Allowed: float in (0.0, 1000000.0].

    max_iter : int, default=-1
        Most steps of the solver; -1 for libsvm's limit, 10,000,000 or 100 a row.
        Allowed: int >= -1.

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
    .. [1] Schölkopf, Platt, Shawe-Taylor, Smola, Williamson: Estimating the Support of a
           High-Dimensional Distribution, Neural Computation 2001
    """

    __module__ = "pynomaly"
    detector_name = "OneClassSVM"

    def __init__(
        self,
        *,
        kernel: Literal["rbf", "linear", "poly", "sigmoid"] = "rbf",
        degree: int = 3,
        gamma: float | Literal["scale", "auto"] = "scale",
        coef0: float = 0.0,
        tol: float = 0.001,
        nu: float = 0.5,
        shrinking: bool = True,
        cache_size: float = 200.0,
        max_iter: int = -1,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.nu = nu
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.verbose = verbose


class PCA(OutlierDetector):
    """Distances to the principal components, each by the variance it explains; rows that go where
    the others do not are anomalous.

    Parameters
    ----------
    n_components : 'all', int or float, default='all'
        Components to keep: a number, the share of variance that they must explain, or "all".
        Allowed: int in [1, 2147483648], or float in (0.0, 1.0], or "all".

    n_selected_components : 'all' or int, default='all'
        How many of these, the ones of least variance, give the score; "all" for each of them.
        Allowed: int in [1, 2147483648], or "all".

    contamination : float, default=0.1
        Share of outliers in the training data, which sets the threshold.
        Allowed: float in (0.0, 0.5].

    whiten : bool, default=False
        Taken for PyOD's sake: scores do not depend on it, there or here.

    weighted : bool, default=True
        Divide each distance by the share of variance that the component explains.

    standardization : bool, default=True
        Bring columns to mean 0 and variance 1 first.

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
    .. [1] Shyu, Chen, Sarinnapakorn, Chang: A Novel Anomaly Detection Scheme Based on Principal
           Component Classifier, ICDM Foundations and New Directions of Data Mining Workshop 2003
    """

    __module__ = "pynomaly"
    detector_name = "PCA"

    def __init__(
        self,
        *,
        n_components: float | Literal["all"] = "all",
        n_selected_components: int | Literal["all"] = "all",
        contamination: float = 0.1,
        whiten: bool = False,
        weighted: bool = True,
        standardization: bool = True,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_selected_components = n_selected_components
        self.contamination = contamination
        self.whiten = whiten
        self.weighted = weighted
        self.standardization = standardization
        self.n_jobs = n_jobs
        self.verbose = verbose


class RobustRandomCutForest(IncrementalOutlierDetector):
    """Rows whose presence would displace many others in random cut trees are anomalous; for
    streams.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
        Allowed: int in [1, 100000].

    max_samples : int, default=256
        Rows that a tree holds.
        Allowed: int in [2, 16777216].

    sampling : {'reservoir', 'sliding'}, default='reservoir'
        Which rows a tree holds: "reservoir" for a random sample of all so far, of its own;
        "sliding" for the last ones.

    time_decay : float, default=0.0
        With sampling "reservoir": a row's chance to be held shrinks by exp(-time_decay) with each
        row that follows.
        Allowed: float in [0.0, 1.0].

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh
        seed for each fit.

    contamination : 'auto' or float, default='auto'
        Share of outliers in the training data, which sets the threshold; "auto" for 0.1, as PyOD
        takes it.
        Allowed: float in (0.0, 0.5], or "auto".

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
    .. [1] Guha, Mishra, Roy, Schrijvers: Robust Random Cut Forest Based Anomaly Detection on
           Streams, ICML 2016
    """

    __module__ = "pynomaly"
    detector_name = "RobustRandomCutForest"

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: int = 256,
        sampling: Literal["reservoir", "sliding"] = "reservoir",
        time_decay: float = 0.0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        contamination: float | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.sampling = sampling
        self.time_decay = time_decay
        self.random_state = random_state
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.verbose = verbose


class SGDOneClassSVM(WeightedIncrementalOutlierDetector):
    """OneClassSVM in time linear in the rows: kernel values with some rows stand for those with
    all, and stochastic gradient descent finds the surface.

    Parameters
    ----------
    kernel : {'rbf', 'linear'}, default='rbf'
        The kernel: "rbf" by way of an approximation, or "linear", which is scikit-learn's
        SGDOneClassSVM as it stands.

    gamma : {'scale', 'auto'} or float, default='scale'
        Coefficient of the kernel "rbf": a number, "scale" for 1 / (columns * variance of all
        values), or "auto" for 1 / columns.
        Allowed: float in (0.0, 1e+300], or "scale" or "auto".

    approximation : {'nystroem', 'fourier'}, default='nystroem'
        "nystroem" for kernel values with rows drawn from the first data, "fourier" for random
        waves.

    n_components : int, default=100
        Features of the approximation; "nystroem" takes at most one a row.
        Allowed: int in [1, 16384].

    nu : float, default=0.5
        Upper bound on the share of training rows outside, lower bound on that of rows that hold the
        surface.
        Allowed: float in (0.0, 1.0].

    fit_intercept : bool, default=True
        Whether the offset is learnt; false: it stays 0.

    max_iter : int, default=1000
        Most epochs, that is passes over the rows.
        Allowed: int in [1, 1000000000].

    tol : 'none' or float, default=0.001
        Stop when the objective of five epochs is not below the best by this much; "none": make all
        epochs.
        Allowed: float in [0.0, 1e+300], or "none".

    shuffle : bool, default=True
        Go through the rows in a new random order in each epoch.

    random_state : int, RandomState instance, Generator or None, default=None
        The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh
        seed for each fit.

    learning_rate : {'optimal', 'constant', 'invscaling', 'adaptive'}, default='optimal'
        "optimal": 1 / (nu (t0 + t)); "constant": eta0; "invscaling": eta0 / t^power_t; "adaptive":
        eta0, a fifth of it whenever the objective stops falling.

    eta0 : float, default=0.01
        The rate that learning begins with; not used by "optimal".
        Allowed: float in (0.0, 1e+300].

    power_t : float, default=0.5
        The exponent of "invscaling".
        Allowed: float in [-100.0, 100.0].

    warm_start : bool, default=False
        Fitting again begins where the fitted model ended, with its features.

    average : int or bool, default=False
        Average the steps: true for all, a number for those from that row on (0: none).
        Allowed: int >= 0, or bool.

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
    .. [1] Williams, Seeger: Using the Nyström Method to Speed Up Kernel Machines, NIPS 2000

    .. [2] Rahimi, Recht: Random Features for Large-Scale Kernel Machines, NIPS 2007

    .. [3] Bottou: Large-Scale Machine Learning with Stochastic Gradient Descent, COMPSTAT 2010
    """

    __module__ = "pynomaly"
    detector_name = "SGDOneClassSVM"

    def __init__(
        self,
        *,
        kernel: Literal["rbf", "linear"] = "rbf",
        gamma: float | Literal["scale", "auto"] = "scale",
        approximation: Literal["nystroem", "fourier"] = "nystroem",
        n_components: int = 100,
        nu: float = 0.5,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | Literal["none"] = 0.001,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        learning_rate: Literal["optimal", "constant", "invscaling", "adaptive"] = "optimal",
        eta0: float = 0.01,
        power_t: float = 0.5,
        warm_start: bool = False,
        average: int | bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.approximation = approximation
        self.n_components = n_components
        self.nu = nu
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.warm_start = warm_start
        self.average = average
        self.n_jobs = n_jobs
        self.verbose = verbose
