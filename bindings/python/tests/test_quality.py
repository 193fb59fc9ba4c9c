"""The forest finds what scikit-learn's finds."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly import IsolationForest, roc_auc

ensemble = pytest.importorskip("sklearn.ensemble")

SEEDS = range(8)


def auc(kind, X, y, **options):
    def one(seed):
        forest = kind(random_state=seed, **options).fit(X)
        return roc_auc(-forest.score_samples(X), y)

    return np.mean([one(seed) for seed in SEEDS])


def generated(shape):
    rng = np.random.default_rng(3)
    rows = 1500
    if shape == "ball":
        X = rng.normal(size=(rows, 8))
        X[:75] *= 2.5
    elif shape == "clusters":
        X = rng.normal(size=(rows, 4)) + rng.integers(0, 3, (rows, 1)) * 6
        X[:75] = rng.uniform(-4, 16, (75, 4))
    elif shape == "scales":
        X = rng.lognormal(size=(rows, 6)) * 10.0 ** np.arange(-3, 3)
        X[:75] *= 3
    else:
        X = rng.poisson(3, (rows, 10)).astype(float)  # many ties
        X[:75] += rng.poisson(3, (75, 10))
    return X, np.arange(rows) < 75


@pytest.mark.parametrize("shape", ["ball", "clusters", "scales", "counts"])
def test_generated_data(shape):
    X, y = generated(shape)
    ours = auc(IsolationForest, X, y)
    theirs = auc(ensemble.IsolationForest, X, y)
    assert ours == pytest.approx(theirs, abs=0.02)
    assert ours > 0.75


def test_scores_are_those_of_scikit_learn_on_the_average():
    X, _ = generated("clusters")
    ours = np.mean([IsolationForest(random_state=s).fit(X).score_samples(X) for s in SEEDS], 0)
    theirs = np.mean(
        [ensemble.IsolationForest(random_state=s).fit(X).score_samples(X) for s in SEEDS], 0
    )
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    np.testing.assert_allclose(ours, theirs, atol=0.04)


@pytest.mark.parametrize("name", ["6_cardio", "2_annthyroid", "30_satellite", "4_breastw"])
def test_real_data(shared_data, name):
    path = shared_data / "adbench" / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the shared data")
    data = np.load(path)
    X, y = data["X"], data["y"]
    assert auc(IsolationForest, X, y) == pytest.approx(
        auc(ensemble.IsolationForest, X, y), abs=0.03
    )
