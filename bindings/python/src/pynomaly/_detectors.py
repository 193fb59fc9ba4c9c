"""The estimators of the library's detectors, for type checkers and readers.

Written by `make python-classes` from the options that the library lists; not by hand.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ._outlier_detector import OutlierDetector, WeightedOutlierDetector

__all__: list[str] = [
    "EllipticEnvelope",
    "OneClassSVM",
    "PCA",
]


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
        Most steps of the solver; -1 for no limit.
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
