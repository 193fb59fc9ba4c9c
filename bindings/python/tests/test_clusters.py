"""CBLOF: PyOD's scores where both find the same clusters, and what it answers where PyOD does not."""

from __future__ import annotations

import numpy as np
import pytest
from pynomaly import CBLOF, Detector, roc_auc


def groups(sizes, columns=3, seed=0):
    """Round clusters, well apart, one in each direction."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(len(sizes), columns)) * 60
    return np.vstack([place + rng.normal(size=(size, columns)) for place, size in zip(places, sizes)])


@pytest.mark.parametrize("sizes", [[300, 200, 20, 4], [500, 30, 30], [200, 190, 180, 10, 3]], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_pyods_given_the_same_clusters(sizes, weighted):
    pyod = pytest.importorskip("pyod.models.cblof")
    X = groups(sizes)
    theirs = pyod.CBLOF(n_clusters=len(sizes), random_state=0, use_weights=weighted).fit(X)
    ours = Detector("CBLOF", n_clusters=len(sizes), use_weights=weighted).fit(X)
    assert sorted(theirs.cluster_sizes_) == sorted(sizes)
    np.testing.assert_allclose(ours.score(X), theirs.decision_scores_, rtol=1e-6)
    new = X[::3] + 5
    np.testing.assert_allclose(ours.score(new), theirs.decision_function(new), rtol=1e-6)
    assert ours.threshold == pytest.approx(theirs.threshold_, rel=1e-6)
    assert ours.fitted("n_large_clusters") == len(theirs.large_cluster_labels_)


def test_without_a_separation_all_clusters_are_large():
    """PyOD raises there."""
    X = groups([100, 100, 100, 100])
    detector = Detector("CBLOF", n_clusters=4).fit(X)
    assert detector.fitted("n_large_clusters") == 4
    assert np.median(detector.score(X)) < 3


def test_inertia_is_that_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    X = np.random.default_rng(1).normal(size=(4000, 6))
    theirs = [cluster.KMeans(8, n_init=1, random_state=s).fit(X).inertia_ for s in range(10)]
    ours = [Detector("CBLOF", random_state=s).fit(X).fitted("inertia") for s in range(10)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.005)


@pytest.mark.parametrize("name", ["cardio", "thyroid", "satellite", "pendigits"])
def test_quality_is_pyods(shared_data, name):
    pyod = pytest.importorskip("pyod.models.cblof")
    found = list((shared_data / "adbench").glob(f"*_{name}.npz"))
    if not found:
        pytest.skip(f"the shared data have no set {name}")
    arrays = np.load(found[0])
    X, y = arrays["X"].astype(float), arrays["y"].astype(int)
    theirs, ours = [], []
    for seed in range(15):
        try:
            theirs.append(roc_auc(pyod.CBLOF(random_state=seed).fit(X).decision_scores_, y))
        except ValueError:
            continue
        ours.append(roc_auc(Detector("CBLOF", random_state=seed).fit(X).score(X), y))
    spread = np.sqrt((np.var(ours) + np.var(theirs)) / len(ours))
    assert np.mean(ours) > np.mean(theirs) - 0.003 - 3 * spread


def test_duplicates_and_few_rows():
    assert CBLOF().fit(np.ones((30, 2))).n_clusters_ == 1
    assert CBLOF(n_clusters=50).fit(np.arange(10.0)[:, None]).n_clusters_ == 10
    X = np.repeat(groups([3, 3]), 20, axis=0)
    assert CBLOF().fit(X).n_clusters_ == 6


def test_seeds():
    X = np.random.default_rng(2).normal(size=(500, 4))
    scores = [Detector("CBLOF", random_state=s).fit(X).score(X).tolist() for s in (1, 1, 2)]
    assert scores[0] == scores[1] != scores[2]
    estimator = CBLOF(random_state=7).fit(X)
    assert estimator.random_state_ == 7
