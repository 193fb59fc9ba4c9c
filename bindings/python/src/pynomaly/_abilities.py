"""Detectors that take sample weights, and those that can go on learning from more rows.

scikit-learn reads off the signatures of a class what its methods take; so there is a class for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._outlier_detector import OutlierDetector

if TYPE_CHECKING:
    from typing_extensions import Self


class WeightedOutlierDetector(OutlierDetector):
    """An `OutlierDetector` that takes sample weights."""

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the detector.

        Parameters
        ----------
        X : array-like, table or stream of shape (n_samples, n_features)
            The input samples. Arrays of float32 and float64 are not copied. A stream is anything
            with the Arrow C stream interface, such as a pyarrow.RecordBatchReader.

        y : array-like of shape (n_samples,), default=None
            Only for detectors that learn from labels (`detector_info(name).needs_labels`): -1 for
            outliers and 1 for inliers. Others ignore it.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. If None, then samples are equally weighted.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit(X, sample_weight, y)

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int_]:
        """Fit to X and label its rows: -1 for outliers and 1 for inliers."""
        return self.fit(X, y, sample_weight=sample_weight).predict(X)


class IncrementalOutlierDetector(OutlierDetector):
    """An `OutlierDetector` that can go on learning from more rows."""

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more rows.

        The first call begins a model, later ones go on with it, with the parameters that it began
        with. With a contamination, `offset_` is that of this call's rows, and of rows of the calls
        before when these are fewer than 1024. X and y are as for `fit`; streams are taken, too.
        """
        return self._partial_fit(X, y=y)


class WeightedIncrementalOutlierDetector(WeightedOutlierDetector):
    """An `OutlierDetector` that takes sample weights and can go on learning from more rows."""

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from more rows.

        The first call begins a model, later ones go on with it, with the parameters that it began
        with. With a contamination, `offset_` is that of this call's rows, and of rows of the calls
        before when these are fewer than 1024. X, y and sample_weight are as for `fit`; streams are
        taken, too, without weights.
        """
        return self._partial_fit(X, sample_weight, y)
