"""The estimators of the library's detectors, for type checkers and readers.

Written by `make python-classes` from the options that the library lists; not by hand.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ._outlier_detector import OutlierDetector

__all__: list[str] = [
    "COPOD",
    "ECOD",
    "HBOS",
    "LODA",
    "MAD",
]


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
