"""MahalanobisKernel against the textbook, in numpy."""

import numpy as np
import pytest
from conftest import Refused, obeys_the_house


@pytest.fixture(scope="module")
def kernel(example):
    return example("mahalanobis-kernel")


def data(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)) @ rng.normal(size=(columns, columns)) + rng.normal(size=columns) * 5


def reference(X, unseen, bandwidth, shrinkage):
    """-log of the mean of exp(-D^2 / (2 h^2)), with D of the shrunken covariance, all rows being kernels."""
    deviation = X.std(axis=0)
    correlation = np.corrcoef(X, rowvar=False).reshape(X.shape[1], X.shape[1]) * (1 - shrinkage)
    np.fill_diagonal(correlation, 1)
    inverse = np.linalg.inv(correlation)
    between = (unseen[:, None] - X[None]) / deviation
    exponents = -np.einsum("abi,ij,abj->ab", between, inverse, between) / (2 * bandwidth**2)
    most = exponents.max(axis=1)
    return -most - np.log(np.exp(exponents - most[:, None]).mean(axis=1))


@pytest.mark.parametrize("rows, columns", [(5, 1), (64, 2), (200, 3), (301, 12)])
@pytest.mark.parametrize("bandwidth", ["scott", "silverman", 0.3])
def test_density(kernel, rows, columns, bandwidth):
    X = data(rows, columns, rows)
    unseen = data(40, columns, rows) * 1.5
    model = kernel(bandwidth=bandwidth, max_samples=1000, shrinkage=0.1).fit(X)
    h = {
        "scott": rows ** (-1 / (columns + 4)),
        "silverman": (rows * (columns + 2) / 4) ** (-1 / (columns + 4)),
    }.get(bandwidth, bandwidth)
    assert model.fitted("bandwidth") == pytest.approx(h, rel=1e-12)
    np.testing.assert_allclose(model.score(unseen), reference(X, unseen, h, 0.1), rtol=1e-8, atol=1e-10)


def test_units_do_not_matter(kernel):
    X = data(500, 4)
    scores = kernel(max_samples=100).fit(X).score(X)
    scaled = X * [1e-6, 1, 1e3, 1e9] + [0, 5, 0, -7]
    np.testing.assert_allclose(kernel(max_samples=100).fit(scaled).score(scaled), scores, rtol=1e-6)


def test_explain_blames_the_feature(kernel):
    X = np.random.default_rng(0).normal(size=(500, 4))
    shares = kernel().fit(X).explain(np.array([[0.0, 0.0, 9.0, 0.0]]))[0]
    assert shares[2] > 0.9 * shares.sum()


def test_a_sample_stands_for_all(kernel):
    X = data(20_000, 3)
    model = kernel(max_samples=200, shrinkage=0.01).fit(X)
    assert model.fitted("max_samples") == 200
    truth = np.sum(((X - X.mean(axis=0)) @ np.linalg.inv(np.cov(X, rowvar=False))) * (X - X.mean(axis=0)), axis=1)
    top = np.argsort(truth)[-200:]
    assert np.isin(np.argsort(model.score(X))[-200:], top).mean() > 0.6


def test_what_cannot_be(kernel):
    with pytest.raises(Refused, match="2048"):
        kernel().fit(np.zeros((3, 2049)))
    constant = kernel().fit(np.full((30, 2), 7.0))
    assert constant.score(np.array([[7.0, 7.0]]))[0] == 0


def test_house(kernel):
    obeys_the_house(lambda: kernel(max_samples=77), data(700, 5))
