from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # else one of scikit-learn's checks is left out


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data sets that live outside the project."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("PYNOMALY_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no shared data beside the project; PYNOMALY_SHARED_DATA can name its folder")
    return folder


@pytest.fixture(scope="session")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """600 rows in two clusters with 60 scattered outliers (label 1) among them, 6 columns."""
    rng = np.random.default_rng(7)
    inliers = np.concatenate([rng.normal(-2, 0.6, (270, 6)), rng.normal(2, 1.0, (270, 6))])
    outliers = rng.uniform(-6, 6, (60, 6))
    X = np.concatenate([inliers, outliers])
    y = np.repeat([0, 1], [540, 60])
    order = rng.permutation(len(X))
    return X[order], y[order]
