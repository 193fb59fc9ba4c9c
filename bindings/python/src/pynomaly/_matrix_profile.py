"""MatrixProfile with the interface of scikit-learn."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._detector import FloatArray
from ._outlier_detector import OutlierDetector


class MatrixProfile(OutlierDetector):
    """Discords of a time series: windows that are unlike all others.

    Rows are time steps in their order, columns are channels. The matrix profile has for each window
    the distance of the most alike other window; of several channels, the mean of theirs. A row's
    score is the greatest distance of the windows that it is part of.

    Parameters
    ----------
    window : 'auto' or int, default='auto'
        Time steps of a window, at least 3. 'auto' takes the period of the training series, where
        its autocorrelation is highest.

    exclusion_zone : 'auto' or int, default='auto'
        Windows of the training series at most so many steps apart are not compared. 'auto' takes a
        quarter of the window, rounded up, as stumpy does.

    normalize : bool, default=True
        Compare shapes: bring each window to mean 0 and variance 1. False for the distances of the
        values.

    n_discords : int, default=3
        The most discords to keep.

    row_score : {'maximum', 'last'}, default='maximum'
        What of the windows' distances is a row's score: the greatest of the windows that it is part
        of, or that of the window of which it is the last row; rows before the end of the first
        window then score 0, and the others are the matrix profile.

    contamination : float, default=0.1
        The share of outliers in the training data, above 0 and at most 0.5.

    novelty : bool, default=False
        True: every series that is scored is a new one, and compared with all windows of the
        training series. False: a piece of the training series is scored as in training.

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

    discords_ : ndarray of shape (n_discords_,)
        The rows where the windows of the discords begin, the one farthest from all other windows
        first. These windows do not overlap.

    discord_scores_ : ndarray of shape (n_discords_,)
        Their distances from the most alike other window.

    n_discords_ : int
        The number of discords, fewer than `n_discords` where there is no room for more.

    training_scores_ : ndarray of shape (n_samples,)
        The scores of the training rows, higher for more anomalous ones.

    window_ : int
        Time steps of a window.

    exclusion_zone_ : int
        Windows at most so many steps apart were not compared.

    offset_ : float
        The score below which a row is an outlier, and what `decision_function` takes off
        `score_samples`.

    n_features_in_ : int
        Number of channels seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the channels. Defined only when `X` has feature names that are all strings.

    References
    ----------
    .. [1] C.-C. M. Yeh et al. "Matrix Profile I: All Pairs Similarity Joins for Time Series: A
           Unifying View That Includes Motifs, Discords and Shapelets." ICDM 2016.

    .. [2] Z. Zimmerman et al. "Matrix Profile XIV: Scaling Time Series Motif Discovery with GPUs to
           Break a Quintillion Pairwise Comparisons a Day and Beyond." SoCC 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from pynomaly import MatrixProfile
    >>> series = np.sin(np.arange(200) / 5)
    >>> series[100:110] = 0
    >>> profile = MatrixProfile(window=20, n_discords=1).fit(series[:, None])
    >>> abs(profile.discords_[0] - 95) < 15
    True
    """

    detector_name = "MatrixProfile"

    n_discords_: int
    window_: int
    exclusion_zone_: int

    def __init__(
        self,
        *,
        window: int | Literal["auto"] = "auto",
        exclusion_zone: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_discords: int = 3,
        row_score: Literal["maximum", "last"] = "maximum",
        contamination: float = 0.1,
        novelty: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.window = window
        self.exclusion_zone = exclusion_zone
        self.normalize = normalize
        self.n_discords = n_discords
        self.row_score = row_score
        self.contamination = contamination
        self.novelty = novelty
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int_]:
        """Fit to X and label its rows by their training scores: -1 for outliers and 1 for inliers."""
        self.fit(X)
        return np.where(self.training_scores_ > -self.offset_, -1, 1)

    @property
    def training_scores_(self) -> FloatArray:
        """The scores of the training rows."""
        if "detector_" not in vars(self):
            raise AttributeError("training_scores_ is there after fit")
        return self.detector_.training_scores

    @property
    def discords_(self) -> NDArray[np.int_]:
        """The rows where the windows of the discords begin."""
        return np.array([int(value) for value in self._of_discords("")], dtype=int)

    @property
    def discord_scores_(self) -> FloatArray:
        """Their distances from the most alike other window."""
        return np.array(self._of_discords("_score"))

    def _of_discords(self, what: str) -> list[float]:
        if "detector_" not in vars(self):
            raise AttributeError("discords are there after fit")
        count = int(self.detector_.fitted("n_discords"))
        return [self.detector_.fitted(f"discord_{number}{what}") for number in range(count)]
