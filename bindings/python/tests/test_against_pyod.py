"""Scores of the training rows are PyOD's, of the real one, to 1e-6 relative; where a page of the guide says
that ours differ, the test shows by hand which is right."""

from __future__ import annotations

import numpy as np
import pytest
from pynomaly import Detector

pytest.importorskip("pyod")

from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.knn import KNN
from pyod.models.mad import MAD
from pyod.models.pca import PCA


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.fixture(params=["clusters", "skewed", "ties", "cardio"])
def X(request, clusters):
    rng = np.random.default_rng(4)
    if request.param == "cardio":
        folder = request.getfixturevalue("shared_data") / "adbench"
        found = list(folder.glob("*_cardio.npz"))
        if not found:
            pytest.skip("the shared data have no cardio set")
        return np.load(found[0])["X"].astype(float)
    if request.param == "skewed":
        return rng.lognormal(size=(500, 4))
    if request.param == "ties":
        return rng.poisson(2, size=(400, 3)).astype(float)
    return clusters[0]


@pytest.mark.parametrize("theirs", [ECOD, COPOD])
def test_tails(X, theirs):
    same(Detector(theirs.__name__).fit(X).score(X), theirs().fit(X).decision_scores_)


@pytest.mark.parametrize("theirs", [ECOD, COPOD])
def test_new_rows_do_not_depend_on_their_company(theirs):
    """PyOD sorts the rows of a call in with the training rows: a thousand equal outliers are ordinary to it."""
    X = np.random.default_rng(5).lognormal(size=(500, 3))
    far = np.full((1, 3), 90.0)
    ours, theirs = Detector(theirs.__name__).fit(X), theirs().fit(X)
    same(ours.score(far), theirs.decision_function(far))
    many = np.repeat(far, 1000, axis=0)
    assert (ours.score(many) == ours.score(far)).all()
    assert theirs.decision_function(many).max() < np.median(theirs.decision_scores_)


@pytest.mark.parametrize("bins", [5, 10, 50, "auto"])
def test_hbos(X, bins):
    ours = Detector("HBOS", n_bins=bins, closed="right").fit(X).score(X)
    same(ours, HBOS(n_bins=bins).fit(X).decision_scores_)


def test_hbos_counts_and_looks_up_in_the_same_bin():
    """Whole numbers lie on edges: 0 to 10 in 10 bins. PyOD looks the rare 5 up in the bin of the 4s."""
    X = np.repeat(np.arange(11.0), [50, 50, 50, 50, 50, 1, 50, 50, 50, 50, 50])[:, None]
    place = 250
    assert X[place, 0] == 5 and (X == 5).sum() == 1
    ours, theirs = Detector("HBOS").fit(X).score(X), HBOS().fit(X).decision_scores_
    assert np.argmax(ours) == place
    assert theirs[place] < theirs.max()


def test_mad(X):
    for column in X.T[:3]:
        one = np.ascontiguousarray(column[:, None])
        if np.median(np.abs(column - np.median(column))) == 0:
            continue  # PyOD divides by 0 there
        same(Detector("MAD").fit(one).score(one), MAD().fit(one).decision_scores_)


@pytest.mark.parametrize("options", [{}, {"weighted": False}, {"standardization": False}])
def test_pca(X, options):
    # Components that explain nothing are left out; PyOD divides by their rounding errors (cardio has one).
    rank = np.linalg.matrix_rank(X - X.mean(0))
    theirs = PCA(n_components=rank if rank < X.shape[1] else None, **options).fit(X).decision_scores_
    same(Detector("PCA", **options).fit(X).score(X), theirs)


@pytest.mark.parametrize("method", ["largest", "mean", "median"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
def test_knn(X, method, metric):
    ours = Detector("KNN", n_neighbors=7, method=method, metric=metric).fit(X)
    theirs = KNN(n_neighbors=7, method=method, metric=metric).fit(X)
    # A difference of the squares of coordinates, as PyOD's search takes it, leaves 1e-8 of a distance 0.
    np.testing.assert_allclose(ours.training_scores, theirs.decision_scores_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", ["linear", "unify"])
def test_probabilities(clusters, method):
    X, new = clusters[0][:400], clusters[0][400:]
    theirs = KNN(n_neighbors=5).fit(X).predict_proba(new, method=method)
    ours = Detector("KNN", n_neighbors=5).fit(X).calibrate(method=method).predict_probability(new)
    np.testing.assert_allclose(ours, theirs[:, 1], atol=1e-9)
