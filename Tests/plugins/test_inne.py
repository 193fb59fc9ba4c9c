"""INNE against its paper, written down plainly: the samples are read from the saved model."""

import struct

import numpy as np
import pytest
from conftest import obeys_the_house


@pytest.fixture(scope="module")
def inne(example):
    return example("inne")


def centres_of(model, estimators, samples, columns):
    """The sampled rows, as the plugin's part of the model file has them."""
    saved = model.saved()
    at = saved.index(struct.pack("<3q", estimators, samples, columns)) + 32
    each = samples * (columns + 2)
    numbers = np.frombuffer(saved, "<f8", estimators * each, at).reshape(estimators, each)
    return numbers[:, : samples * columns].reshape(estimators, samples, columns)


def isolation(centres, X):
    """Definitions 1 to 3 of the paper, with closed balls."""
    between = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    np.fill_diagonal(between, np.inf)
    nearest, radius = between.argmin(axis=1), between.min(axis=1)
    away = np.sqrt(((X[:, None] - centres[None]) ** 2).sum(axis=2))
    scores = np.ones(len(X))
    for row in range(len(X)):
        holds = np.flatnonzero(away[row] <= radius)
        if len(holds):
            smallest = holds[radius[holds].argmin()]
            ratio = radius[nearest[smallest]] / radius[smallest] if radius[smallest] > 0 else 1
            scores[row] = 1 - ratio
    return scores


@pytest.mark.parametrize(
    "samples, rows, columns, expected", [("auto", 400, 3, 8), (2, 50, 1, 2), (37, 300, 5, 37), (0.25, 90, 2, 23)]
)
def test_scores(inne, samples, rows, columns, expected):
    rng = np.random.default_rng(rows)
    X = rng.normal(size=(rows, columns))
    model = inne(max_samples=samples, n_estimators=30, random_state=rows).fit(X)
    assert model.fitted("max_samples") == expected
    centres = centres_of(model, 30, expected, columns)
    unseen = 2 * rng.normal(size=(200, columns))
    for estimator in centres:  # rows of the data, each at most once
        assert len(np.unique(estimator, axis=0)) == expected
        assert all((X == row).all(axis=1).any() for row in estimator)
    np.testing.assert_allclose(
        model.score(unseen), np.mean([isolation(c, unseen) for c in centres], axis=0), rtol=1e-9, atol=1e-12
    )


def test_repeated_rows_are_not_isolated(inne):
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 50, axis=0)
    scores = inne().fit(X).score(np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]]))
    assert scores[:2].max() < 0.2 and scores[2] == 1


def test_explain_blames_the_feature(inne):
    X = np.random.default_rng(0).normal(size=(500, 4))
    odd = np.array([[0.0, 0.0, 9.0, 0.0]])
    shares = inne().fit(X).explain(odd)[0]
    assert shares[2] > 0.8 * shares.sum()


def test_seed(inne):
    X = np.random.default_rng(0).normal(size=(100, 2))
    assert (inne(random_state=1).fit(X).score(X) == inne(random_state=1).fit(X).score(X)).all()
    assert (inne(random_state=1).fit(X).score(X) != inne(random_state=2).fit(X).score(X)).any()


def test_house(inne):
    obeys_the_house(lambda: inne(max_samples=11), np.random.default_rng(3).normal(size=(700, 5)))
