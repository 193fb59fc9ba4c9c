"""What IsolationForest's parameters, attributes and methods mean."""

from __future__ import annotations

import numpy as np
import pytest

import pynomaly
from pynomaly import IsolationForest


def test_signs_and_their_relations(clusters):
    X, y = clusters
    forest = IsolationForest(random_state=0).fit(X)
    scores = forest.score_samples(X)
    assert scores.dtype == np.float64
    assert ((scores < 0) & (scores >= -1)).all()
    assert forest.offset_ == -0.5
    assert np.array_equal(forest.decision_function(X), scores + 0.5)
    assert np.array_equal(forest.predict(X), np.where(scores < -0.5, -1, 1))
    assert np.array_equal(forest.fit_predict(X), forest.predict(X))
    assert scores[y == 1].mean() < scores[y == 0].mean()
    detector = forest.detector_
    assert np.array_equal(detector.score(X), -scores)
    assert np.array_equal(detector.predict(X), (scores < -0.5).astype(int))


def test_few_rows_score_as_many_do(clusters):
    X, _ = clusters
    for data in (X, X.astype(np.float32)):
        forest = IsolationForest(random_state=0, contamination=0.2).fit(data)
        for method in (forest.score_samples, forest.decision_function, forest.predict):
            expected = method(data)
            for count in (1, 2, 63, 64, 65):
                assert np.array_equal(method(data[:count]), expected[:count])


def test_contamination_sets_the_offset(clusters):
    X, _ = clusters
    forest = IsolationForest(random_state=0, contamination=0.1).fit(X)
    assert (forest.predict(X) == -1).sum() == 60
    assert forest.offset_ == pytest.approx(np.percentile(forest.score_samples(X), 10), abs=0.01)


def test_offset_can_be_set(clusters, tmp_path):
    X, _ = clusters
    forest = IsolationForest(random_state=0).fit(X)
    forest.offset_ = forest.score_samples(X)[3]
    assert forest.decision_function(X)[3] == 0
    assert forest.predict(X)[3] == forest.predict(X[3:4])[0] == 1, "0 is still an inlier"
    forest.offset_ = -0.6
    expected = forest.score_samples(X) < -0.6
    assert expected.any()
    assert np.array_equal(forest.predict(X) == -1, expected)
    assert np.array_equal(forest.predict(X[:1]), np.where(expected[:1], -1, 1))
    forest.save(tmp_path / "model")
    again = pynomaly.load(tmp_path / "model")
    assert again.offset_ == -0.6
    assert forest.detector_.threshold == 0.5


def test_fitted_attributes(clusters):
    X, _ = clusters
    forest = IsolationForest(n_estimators=7, max_samples=50, max_features=0.5, random_state=11)
    assert not hasattr(forest, "n_features_in_")
    forest.fit(X)
    assert forest.n_estimators_ == 7
    assert forest.max_samples_ == 50
    assert forest.max_features_ == 3
    assert forest.random_state_ == 11
    assert forest.n_features_in_ == 6
    assert not hasattr(forest, "feature_names_in_")
    assert IsolationForest().fit(X).max_samples_ == 256
    assert IsolationForest(max_samples=0.5).fit(X).max_samples_ == 300


def test_max_samples_above_the_rows_warns(clusters):
    X, _ = clusters
    with pytest.warns(UserWarning, match="max_samples .* is greater than the total number"):
        forest = IsolationForest(max_samples=1000).fit(X)
    assert forest.max_samples_ == len(X)


def test_random_state(clusters):
    X, _ = clusters

    def scores(seed):
        return IsolationForest(n_estimators=10, random_state=seed).fit(X).score_samples(X)

    assert np.array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))
    assert not np.array_equal(scores(None), scores(None))
    assert np.array_equal(scores(np.int32(1)), scores(1))
    assert IsolationForest(random_state=2**63 - 1).fit(X).random_state_ == 2**63 - 1
    for kind in (np.random.RandomState, np.random.default_rng):
        assert np.array_equal(scores(kind(5)), scores(kind(5)))
        source = kind(5)
        assert not np.array_equal(scores(source), scores(source))


def test_the_seed_used_repeats_the_fit(clusters):
    X, _ = clusters
    first = IsolationForest(n_estimators=10).fit(X)
    second = IsolationForest(n_estimators=10, random_state=first.random_state_).fit(X)
    assert np.array_equal(first.score_samples(X), second.score_samples(X))


def test_options_change_the_forest(clusters):
    X, _ = clusters
    plain = IsolationForest(n_estimators=10, random_state=0).fit(X).score_samples(X)
    for option in ({"bootstrap": True}, {"ndim": 3}, {"max_features": 2}, {"max_samples": 64}):
        forest = IsolationForest(n_estimators=10, random_state=0, **option).fit(X)
        assert not np.array_equal(forest.score_samples(X), plain), option


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("n_estimators", 0, "1"),
        ("n_estimators", 2.5, "int"),
        ("n_estimators", "many", "int"),
        ("n_estimators", None, "int"),
        ("n_estimators", 2**70, "64 bits"),
        ("max_samples", 0, "auto"),
        ("max_samples", 1.5, "auto"),
        ("max_samples", "all", "auto"),
        ("contamination", 0.0, "0.5"),
        ("contamination", 0.6, "0.5"),
        ("contamination", -1, "0.5"),
        ("contamination", float("nan"), "0.5"),
        ("contamination", "none", "auto"),
        ("max_features", 0, "1"),
        ("max_features", 0.0, "1"),
        ("max_features", [1], "int"),
        ("bootstrap", "yes", "bool|true"),
        ("bootstrap", 2, "bool|true"),
        ("warm_start", "no", "bool|true"),
        ("ndim", 0, "1"),
        ("missing_values", "drop", "native"),
        ("random_state", "lucky", "int"),
        ("random_state", 1.5, "int"),
        ("n_jobs", 0, "-1"),
        ("n_jobs", "all", "int"),
    ],
)
def test_bad_options_say_what_is_allowed(option, value, allowed):
    forest = IsolationForest(**{option: value})  # the constructor only stores
    with pytest.raises(pynomaly.OptionError, match=allowed) as caught:
        forest.fit([[0.0], [1.0]])
    assert option in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)


def test_more_features_than_there_are():
    with pytest.raises(ValueError, match="max_features"):
        IsolationForest(max_features=3).fit([[0.0, 1.0], [1.0, 2.0]])


def test_sample_weight_zero_keeps_rows_out():
    """With the far rows weighted 0 the forest never sees them, and finds them odd."""
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(200, 3)), rng.normal(8, 1, size=(200, 3))
    X = np.concatenate([near, far])
    forest = IsolationForest(random_state=0)
    both = forest.fit(X).score_samples(far).mean()
    weights = np.repeat([1.0, 0.0], 200)
    near_only = forest.fit(X, sample_weight=weights).score_samples(far).mean()
    assert near_only < both - 0.1
    assert np.array_equal(
        forest.score_samples(far),
        forest.fit(X, sample_weight=list(weights)).score_samples(far),
    )


def test_sample_weight_moves_the_forest_towards_the_heavy_rows():
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(7, 1, (300, 2))])
    forest = IsolationForest(random_state=0, max_samples=64)
    heavy = np.repeat([1.0, 30.0], 300)
    difference = []
    for weights in (heavy, heavy[::-1]):
        scores = forest.fit(X, sample_weight=weights).score_samples(X)
        difference.append(scores[300:].mean() - scores[:300].mean())
    assert difference[0] > 0.02
    assert difference[1] < -0.02


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "expected"),
        (np.ones((3, 1)), "1D"),
        ([0.0, 0.0, 0.0], "zero"),
        ([1.0, -1.0, 1.0], "weight"),
        ([1.0, np.nan, 1.0], "weight"),
        ([1.0, np.inf, 1.0], "weight"),
    ],
)
def test_bad_sample_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        IsolationForest().fit(np.eye(3), sample_weight=weights)


def test_warm_start_grows(clusters):
    X, _ = clusters
    grown = IsolationForest(n_estimators=10, random_state=0, warm_start=True).fit(X)
    before = grown.detector_
    first = grown.score_samples(X)
    grown.set_params(n_estimators=30).fit(X)
    assert grown.n_estimators_ == 30
    assert not np.array_equal(grown.score_samples(X), first)
    assert np.array_equal(before.score(X), -first), "an earlier detector stays as it was"
    at_once = IsolationForest(n_estimators=30, random_state=0).fit(X)
    assert np.array_equal(grown.score_samples(X), at_once.score_samples(X))


def test_warm_start_without_more_trees(clusters):
    X, _ = clusters
    forest = IsolationForest(n_estimators=10, random_state=0, warm_start=True).fit(X)
    scores = forest.score_samples(X)
    with pytest.warns(UserWarning, match="does not fit new trees"):
        forest.fit(X)
    assert np.array_equal(forest.score_samples(X), scores)
    with pytest.raises(ValueError, match="larger or equal"):
        forest.set_params(n_estimators=5).fit(X)
    assert forest.n_estimators_ == 10


def test_explain_sums_to_the_score(clusters):
    X, _ = clusters
    for options in ({}, {"ndim": 2}, {"max_features": 3}):
        forest = IsolationForest(random_state=0, n_estimators=50, **options).fit(X)
        shares = forest.explain(X)
        assert shares.shape == X.shape
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), -forest.score_samples(X), rtol=1e-9)


def test_explain_finds_the_odd_feature():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5))
    odd = np.zeros((5, 5))
    np.fill_diagonal(odd, 9.0)
    shares = IsolationForest(random_state=0).fit(X).explain(odd)
    assert np.array_equal(shares.argmax(axis=1), np.arange(5))


def test_missing_values_native():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    X[rng.random(X.shape) < 0.2] = np.nan
    forest = IsolationForest(random_state=0, missing_values="native").fit(X)
    assert np.isfinite(forest.score_samples(X)).all()
    far = np.array([[9.0, np.nan, 9.0, 9.0], [0.0, 0.0, np.nan, 0.0]])
    scores = forest.score_samples(far)
    assert scores[0] < scores[1]
    with pytest.raises(ValueError, match="infinity"):
        forest.score_samples([[0.0, 1.0, 2.0, np.inf]])


def test_a_failed_fit_leaves_the_model(clusters):
    X, _ = clusters
    forest = IsolationForest(random_state=0).fit(X)
    scores = forest.score_samples(X)
    with pytest.raises(ValueError, match="NaN"):
        forest.fit(np.full((4, 2), np.nan))
    assert forest.n_features_in_ == 6
    assert np.array_equal(forest.score_samples(X), scores)


def test_one_row_and_constant_columns():
    for X in (np.zeros((1, 3)), np.ones((50, 3)), np.ones((5, 1))):
        forest = IsolationForest(random_state=0, n_estimators=10).fit(X)
        scores = forest.score_samples(X)
        assert np.isfinite(scores).all()
        assert len(np.unique(scores)) == 1
    assert np.isfinite(forest.explain(X)).all()
