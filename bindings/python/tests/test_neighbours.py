"""KNN and LocalOutlierFactor: what they share with scikit-learn and PyOD, and their training scores."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pynomaly import KNN, Detector, LocalOutlierFactor, NotSupportedError

neighbors = pytest.importorskip("sklearn.neighbors")

NAMES = ["glass", "wine", "cardio", "thyroid", "annthyroid", "pendigits", "mammography",
         "satellite", "mnist"]  # fmt: skip


def adbench(name):
    here = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("PYNOMALY_SHARED_DATA", here.parent / "shared/data")) / "adbench"
    found = sorted(folder.glob(f"*_{name}.npz")) if folder.is_dir() else []
    if not found:
        pytest.skip(f"no data set {name} in {folder}")
    return np.ascontiguousarray(np.load(found[0])["X"], dtype=np.float64)


def untied(X, k, queries=None):
    """Rows whose factor does not depend on which of equally far rows are neighbours."""
    k = min(k, len(X) - 1)
    search = neighbors.NearestNeighbors(algorithm="kd_tree").fit(X)
    distances, indices = search.kneighbors(n_neighbors=min(k + 1, len(X) - 1))
    definite = distances[:, k - 1] * (1 + 1e-9) < distances[:, min(k, distances.shape[1] - 1)]
    if queries is not None:
        own, indices = search.kneighbors(queries, n_neighbors=k + 1)
        return (own[:, k - 1] * (1 + 1e-9) < own[:, k]) & definite[indices[:, :k]].all(axis=1)
    return definite & definite[indices[:, :k]].all(axis=1)


def factors(X, k):
    """The definition, with the first of equally far rows as neighbours."""
    squares = np.zeros((len(X), len(X)))
    for column in X.T:  # one after another, as the library adds them up
        squares += (column[:, None] - column) ** 2
    np.fill_diagonal(squares, np.inf)
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :k]
    near = np.sqrt(np.take_along_axis(squares, nearest, 1))
    density = 1 / (np.maximum(near, near[nearest, k - 1]).mean(axis=1) + 1e-10)
    return density[nearest].mean(axis=1) / density


@pytest.mark.parametrize("name", NAMES)
def test_factors_are_those_of_scikit_learn(name):
    X = adbench(name)
    theirs = neighbors.LocalOutlierFactor(algorithm="kd_tree").fit(X)
    ours = LocalOutlierFactor().fit(X)
    rows = untied(X, 20)
    assert rows.mean() > 0.2
    np.testing.assert_allclose(
        ours.negative_outlier_factor_[rows], theirs.negative_outlier_factor_[rows], rtol=1e-6
    )


@pytest.mark.parametrize("name", ["glass", "cardio", "mammography"])
def test_new_rows_score_as_in_scikit_learn(name):
    X = adbench(name)
    learned, new = X[::2], X[1::2]
    theirs = neighbors.LocalOutlierFactor(algorithm="kd_tree", novelty=True).fit(learned)
    ours = LocalOutlierFactor(novelty=True).fit(learned)
    rows = untied(learned, 20, new)
    np.testing.assert_allclose(
        ours.score_samples(new)[rows], theirs.score_samples(new)[rows], rtol=1e-6
    )


@pytest.mark.parametrize("name", ["breastw", "letter", "thyroid", "satellite", "shuttle"])
def test_among_ties_the_first_rows_are_neighbours(name):
    """Where scikit-learn's choice is open ours is defined: the first rows."""
    X = adbench(name)[:600]
    ours = LocalOutlierFactor().fit(X)
    np.testing.assert_allclose(-ours.negative_outlier_factor_, factors(X, 20), rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine", "minkowski"])
@pytest.mark.parametrize("k", [1, 10, 80])
def test_metrics(metric, k):
    X = np.random.default_rng(5).normal(size=(300, 4))
    p = 3 if metric == "minkowski" else 2
    theirs = neighbors.LocalOutlierFactor(n_neighbors=k, metric=metric, p=p).fit(X)
    ours = LocalOutlierFactor(n_neighbors=k, metric=metric, p=p).fit(X)
    np.testing.assert_allclose(
        ours.negative_outlier_factor_, theirs.negative_outlier_factor_, rtol=1e-6
    )


@pytest.mark.parametrize("contamination", ["auto", 0.05, 0.3])
def test_labels_are_those_of_scikit_learn(contamination):
    X = np.random.default_rng(1).normal(size=(400, 3))
    theirs = neighbors.LocalOutlierFactor(contamination=contamination)
    ours = LocalOutlierFactor(contamination=contamination)
    np.testing.assert_array_equal(ours.fit_predict(X), theirs.fit_predict(X))
    assert ours.offset_ == pytest.approx(theirs.offset_, rel=1e-9)
    assert ours.n_neighbors_ == theirs.n_neighbors_
    assert ours.n_samples_fit_ == theirs.n_samples_fit_ == 400
    np.testing.assert_array_equal(ours.predict(X), theirs.fit_predict(X))


def test_more_neighbours_than_rows():
    X = np.random.default_rng(2).normal(size=(12, 2))
    theirs = neighbors.LocalOutlierFactor(n_neighbors=11).fit(X)
    ours = LocalOutlierFactor(n_neighbors=50).fit(X)
    assert ours.n_neighbors_ == 11
    np.testing.assert_allclose(
        ours.negative_outlier_factor_, theirs.negative_outlier_factor_, rtol=1e-6
    )


def test_duplicates_as_in_scikit_learn():
    X = np.repeat([[0.0], [1.0], [50.0]], [30, 30, 1], axis=0)
    theirs = neighbors.LocalOutlierFactor(n_neighbors=5).fit(X)
    ours = LocalOutlierFactor(n_neighbors=5).fit(X)
    np.testing.assert_allclose(
        ours.negative_outlier_factor_, theirs.negative_outlier_factor_, rtol=1e-6
    )


@pytest.mark.parametrize("method", ["largest", "mean", "median"])
@pytest.mark.parametrize("name", ["glass", "cardio", "thyroid"])
def test_distances_are_pyods(method, name):
    """What PyOD's KNN computes: the row itself left out in training, and not in decision_function."""
    X = adbench(name)
    search = neighbors.NearestNeighbors(n_neighbors=5).fit(X)
    take = {
        "largest": lambda d: d[:, -1],
        "mean": lambda d: d.mean(axis=1),
        "median": lambda d: np.median(d, axis=1),
    }
    ours = KNN(method=method, novelty=True).fit(X)
    np.testing.assert_allclose(
        ours.detector_.training_scores, take[method](search.kneighbors()[0]), rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(
        -ours.score_samples(X), take[method](search.kneighbors(X)[0]), rtol=1e-6, atol=1e-9
    )
    assert (ours.detector_.training_scores > -ours.offset_).mean() == pytest.approx(0.1, abs=0.03)


def test_the_automatic_threshold_of_distances_is_a_fence():
    X = np.random.default_rng(3).normal(size=(500, 3))
    knn = KNN(contamination="auto").fit(X)
    low, high = np.quantile(knn.detector_.training_scores, [0.25, 0.75])
    assert -knn.offset_ == pytest.approx(high + 1.5 * (high - low))


def test_training_scores():
    X = np.random.default_rng(4).normal(size=(200, 3))
    detector = Detector("LocalOutlierFactor").fit(X)
    np.testing.assert_array_equal(detector.training_scores, detector.score(X))
    again = Detector.from_bytes(detector.to_bytes())
    np.testing.assert_array_equal(detector.training_scores, again.training_scores)
    with pytest.raises(NotSupportedError, match="training scores"):
        _ = Detector("IsolationForest").fit(X).training_scores


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree"])
@pytest.mark.parametrize("leaf_size", [1, 66, 100, 1000])
@pytest.mark.parametrize("k", [1, 20])
def test_leaf_size_changes_the_speed_only(algorithm, leaf_size, k):
    X = np.random.default_rng(0).normal(size=(300, 3))
    expected = Detector("LocalOutlierFactor", n_neighbors=k, algorithm="kd_tree").fit(X)
    found = Detector("LocalOutlierFactor", n_neighbors=k, algorithm=algorithm, leaf_size=leaf_size).fit(X)
    np.testing.assert_allclose(found.training_scores, expected.training_scores, rtol=1e-12)
