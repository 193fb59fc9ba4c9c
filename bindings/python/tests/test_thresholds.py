"""Thresholds from scores: against NumPy and SciPy, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest

import pynomaly
from pynomaly import (
    KNN,
    ArgumentError,
    Detector,
    InvalidDataError,
    IsolationForest,
    NotFittedError,
    NotSupportedError,
    find_threshold,
)

genpareto = pytest.importorskip("scipy.stats").genpareto

DRAWS = {
    "normal": lambda random, n: random.normal(size=n),
    "exponential": lambda random, n: random.exponential(size=n),
    "pareto": lambda random, n: random.pareto(3, size=n),
    "uniform": lambda random, n: random.uniform(size=n),
}


@pytest.mark.parametrize("n", [1, 2, 9, 100, 1001])
def test_plain_methods_are_numpys(n):
    scores = np.random.default_rng(n).gamma(2, size=n)
    first, median, third = np.quantile(scores, [0.25, 0.5, 0.75])
    deviation = np.median(abs(scores - median))
    assert find_threshold(scores, 0.25).value == 0.25
    for percentile in (1e-3, 10, 50, 99, 99.99):
        found = find_threshold(scores, "percentile", percentile)
        np.testing.assert_allclose(found.value, np.percentile(scores, percentile), rtol=1e-14)
        assert found.count == n and found.exceeding == (scores > found.value).sum()
    for factor in (0.1, 1.5, 3):
        found = find_threshold(scores, "iqr", factor)
        np.testing.assert_allclose(found.value, third + factor * (third - first), rtol=1e-14)
        found = find_threshold(scores, f"mad:{factor}")
        np.testing.assert_allclose(found.value, median + factor * deviation / 0.6745, rtol=1e-13)
    assert find_threshold(scores, "iqr").value == find_threshold(scores, "iqr:1.5").value
    assert find_threshold(scores, "mad").value == find_threshold(scores, "mad:3.5").value
    assert find_threshold(scores, "percentile") == find_threshold(scores, "percentile:99")


def test_mad_of_mostly_equal_scores_takes_the_mean_deviation():
    scores = [2.0] * 8 + [3.0, 4.0]
    assert find_threshold(scores, "mad", 2).value == pytest.approx(2 + 2 * 1.253314 * 0.3)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n", [150, 2000, 30_000])
def test_the_tail_is_at_least_as_likely_as_scipys(name, n):
    for seed in range(4):
        scores = DRAWS[name](np.random.default_rng(seed), n)
        found = find_threshold(scores, "pot")
        level = np.quantile(scores, 1 - max(0.02, min(0.1, 50 / n)))
        np.testing.assert_allclose(found.initial_threshold, level, rtol=1e-14)
        excesses = scores[scores > found.initial_threshold] - found.initial_threshold
        assert found.peak_count == excesses.size
        own = genpareto.logpdf(excesses, found.shape, scale=found.scale).sum()
        np.testing.assert_allclose(found.log_likelihood, own, rtol=1e-9)
        for start in (-0.3, 0.01, 0.5):
            shape, _, scale = genpareto.fit(excesses, start, floc=0)
            if shape >= -1:  # below, the likelihood has no bound
                assert own >= genpareto.logpdf(excesses, shape, scale=scale).sum() - 1e-9
        tail = genpareto(found.shape, loc=found.initial_threshold, scale=found.scale)
        share = found.peak_count / n
        np.testing.assert_allclose(found.value, tail.isf(1e-3 / share), rtol=1e-9)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("q, n", [(1e-3, 10_000), (1e-4, 50_000)])
def test_the_share_of_fresh_scores_above_it_is_the_risk(name, q, n):
    """The mean of 20 runs lies within 25 % of q, and each run within a factor of 4."""
    random = np.random.default_rng(3)
    shares = []
    for _ in range(20):
        threshold = find_threshold(DRAWS[name](random, n), "pot", q).value
        shares.append((DRAWS[name](random, 1_000_000) > threshold).mean())
    assert q * 0.75 < np.mean(shares) < q * 1.25
    assert q / 4 < min(shares) and max(shares) < q * 4


def test_known_shapes_are_found():
    random = np.random.default_rng(0)
    for shape in (-0.5, -0.2, 0.0, 0.3, 1.0, 3.0):
        scores = genpareto.rvs(shape, scale=2.5, size=100_000, random_state=random)
        assert find_threshold(scores, "pot:1e-3:0.9").shape == pytest.approx(shape, abs=0.05)


def best_height(excesses):
    """The greatest log-likelihood of a generalised Pareto distribution with a shape above 0, by a fine grid."""
    z = excesses / excesses.max()
    x = np.exp(np.linspace(-30, 700, 60_000))
    shape = np.mean([np.log1p(x * one) for one in z], axis=0)
    return len(z) * (np.max(np.log(x / shape) - shape) - 1 - np.log(excesses.max()))


@pytest.mark.parametrize(
    "draw",
    [lambda random, alpha=alpha: random.pareto(alpha, size=2000) for alpha in (0.1, 0.2, 0.5)]
    + [
        lambda random, error=error, count=count: np.append(random.normal(size=500 - count), [error] * count)
        for error in (1e9, 1e15, 1e100, 1e300)
        for count in (1, 3)
    ],
)
def test_very_heavy_tails_and_gross_errors(draw):
    scores = draw(np.random.default_rng(1))
    found = find_threshold(scores, "pot", 1e-2)
    excesses = scores[scores > found.initial_threshold] - found.initial_threshold
    best = best_height(excesses)
    assert found.log_likelihood >= best - 1e-9 * abs(best)
    assert found.shape > 0.5


@pytest.mark.parametrize("unit", [1e-300, 1e-10, 1.0, 1e10, 1e300])
def test_units_do_not_matter(unit):
    scores = np.random.default_rng(1).exponential(size=5000)
    one, other = find_threshold(scores), find_threshold(scores * unit)
    assert other.shape == pytest.approx(one.shape, abs=1e-9)
    assert other.value / unit == pytest.approx(one.value)


def test_order_does_not_matter():
    scores = np.random.default_rng(2).normal(size=3000)
    for method in ("percentile", "iqr", "pot"):
        assert find_threshold(scores, method) == find_threshold(scores[::-1], method)


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("method", ["percentile", "iqr", "mad", "pot"])
def test_few_and_tied_scores(method, n):
    assert find_threshold(np.full(n, 0.7), method).value == pytest.approx(0.7)
    assert find_threshold(np.full(n, 0.7), method).exceeding == 0
    scores = np.arange(n, dtype=float)
    found = find_threshold(scores, method)
    assert np.isfinite(found.value)
    if method == "pot" and n > 1:
        assert (found.peak_count, found.shape) == (1, 0)
        assert found.value > scores.max() or n > 20
    halves = np.repeat([0.0, 1.0], 50)
    assert find_threshold(halves, "pot").value == 1
    assert find_threshold(halves, "pot").peak_count == 0
    assert find_threshold(np.repeat([0.0, 1.0], [995, 5]), "pot").value >= 1


def test_a_risk_beyond_the_tail_is_the_quantile():
    scores = np.random.default_rng(5).normal(size=1000)
    assert find_threshold(scores, "pot:0.2").value == pytest.approx(np.quantile(scores, 0.8))


def test_bad_scores_and_rules_are_refused():
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(InvalidDataError, match="row 2") as caught:
            find_threshold([1.0, 2.0, value, np.nan], "pot")
        assert caught.value.row == 2
    with pytest.raises(InvalidDataError, match="no scores"):
        find_threshold([], "iqr")
    with pytest.raises(InvalidDataError, match="too far apart"):
        find_threshold([-1.7e308, 1.7e308, -1.7e308, 1.7e308], "iqr")
    for text in (
        "",
        "pots",
        "pot:",
        "pot:x",
        "pot:0",
        "iqr:1:2",
        "pot:1:2:3",
        ":1",
        "value:3",
        "pot:1e-3:0",
    ):
        with pytest.raises(ArgumentError, match="is no threshold"):
            find_threshold([1.0], text)
    for rule in ("pot:1", "pot:-1e-3", "pot:1e-3:1", "percentile:100", "mad:-1", "iqr:inf", "nan"):
        with pytest.raises(ArgumentError):
            find_threshold([1.0], rule)
    with pytest.raises(ArgumentError, match="both"):
        find_threshold([1.0], "pot:1e-3", 1e-3)
    with pytest.raises(ArgumentError, match="initial_quantile"):
        find_threshold([1.0], "iqr", initial_quantile=0.9)


def test_a_detectors_threshold():
    random = np.random.default_rng(0)
    X = random.normal(size=(2000, 3))
    forest = Detector("IsolationForest", random_state=0)
    with pytest.raises(NotFittedError):
        forest.set_threshold("pot", scores=[1.0])
    forest.fit(X)
    with pytest.raises(NotSupportedError, match="keeps no training scores"):
        forest.set_threshold("pot")
    before = forest.threshold
    with pytest.raises(InvalidDataError):
        forest.set_threshold("pot", scores=[np.nan])
    assert forest.threshold == before
    scores = forest.score(X)
    found = forest.set_threshold("pot", 1e-3, scores=scores)
    assert found == find_threshold(scores, "pot", 1e-3)
    assert forest.threshold == found.value
    assert Detector.from_bytes(forest.to_bytes()).threshold == found.value
    assert forest.predict(X).sum() == found.exceeding
    neighbours = Detector("KNN").fit(X)
    found = neighbours.set_threshold("mad")
    assert found == find_threshold(neighbours.training_scores, "mad")


def test_an_estimators_threshold():
    X = np.random.default_rng(0).normal(size=(2000, 3))
    forest = IsolationForest(random_state=0).fit(X)
    assert not hasattr(forest, "found_threshold_")
    assert forest.set_threshold("pot:1e-2", X=X) is forest
    assert forest.offset_ == -forest.found_threshold_.value
    assert (forest.predict(X) == -1).sum() == forest.found_threshold_.exceeding
    assert pynomaly.IsolationForest.from_bytes(forest.to_bytes()).offset_ == forest.offset_
    neighbours = KNN().fit(X).set_threshold("percentile", 95)
    assert neighbours.found_threshold_.count == 2000
    assert not hasattr(neighbours.fit(X), "found_threshold_")
