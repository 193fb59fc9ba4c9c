"""What holds for every detector, on data that are awkward: either a clear error, or finite scores that are the
same bits for any number of threads, any layout in memory, and after saving and loading."""

from __future__ import annotations

import numpy as np
import pynomaly
import pytest
from pynomaly import Detector

NAMES = pynomaly.detector_names()
# A row's score depends on the rows before it: they are steps of a series.
SERIES = {"MatrixProfile", "SlidingWindow"}
# Distances to a surface: a row inside it, of negative score, has no features to blame.
SURFACES = {"OneClassSVM", "SGDOneClassSVM"}

# They go on learning only where the detectors that they hold do.
HOLDERS = {"Ensemble", "SlidingWindow"}


def tables():
    rng = np.random.default_rng(11)
    normal = rng.normal(size=(120, 4))
    constant = normal.copy()
    constant[:, 2] = 7.5
    halves = normal.copy()
    halves[:80] = halves[0]
    far = normal.copy()
    far[5] *= 1e8
    return {
        "all rows equal": np.full((60, 3), 2.5),
        "one row": normal[:1],
        "two rows": normal[:2],
        "more columns than rows": rng.normal(size=(6, 40)),
        "a constant column": constant,
        "two rows of three equal": halves,
        "one column": normal[:, :1],
        "columns that repeat": np.hstack([normal, normal]),
        "one row very far": far,
        "huge": normal * 1e150,
        "at the end of the range": normal * 1e307,
        "tiny": normal * 1e-300,
        "subnormal": normal * 1e-315,
        "of scales far apart": normal * [1e-200, 1, 1e12, 1e200],
        "the greatest numbers": np.where(normal > 0, 1.7e308, -1.7e308),
        "all the greatest number": np.full((300, 2), np.finfo(float).max),
        "the smallest numbers": rng.integers(0, 6, size=(200, 3)) * 5e-324,
        "whole numbers": rng.integers(-3, 4, size=(150, 3)).astype(float),
        "zeros": np.zeros((40, 2)),
    }


TABLES = tables()


def variants():
    """Every choice of every option, and every switch, one at a time."""
    for name in NAMES:
        yield name, {}
        for option in pynomaly.detector_info(name).options:
            others = [True, False] if isinstance(option.default, bool) else option.choices
            for value in others:
                # "random" draws a new seed for each fit.
                if value != option.default and value != "random":
                    yield name, {option.name: value}


VARIANTS = list(variants())

# Numbers whose squares are beyond doubles, rows of which there is nothing to estimate, and too few rows.
LARGE = ["of scales far apart", "at the end of the range", "the greatest numbers", "all the greatest number"]
EQUAL = ["one row", "all rows equal", "zeros", "all the greatest number"]
SMALL = ["subnormal", "the smallest numbers"]
MAY_REFUSE = {
    "EllipticEnvelope": [*EQUAL, *SMALL, "the greatest numbers"],
    "Ensemble": [*EQUAL, *SMALL, *LARGE, "tiny", "huge"],
    "KNN": ["one row", "huge", *LARGE],
    "LocalOutlierFactor": ["one row", "huge", *LARGE],
    "MatrixProfile": ["one row", "two rows"],
    "OneClassSVM": ["all rows equal", "huge", *LARGE],
    "PCA": [*EQUAL, *SMALL, *LARGE, "tiny"],
    "SGDOneClassSVM": LARGE,
    "SlidingWindow": ["one row", "two rows", "more columns than rows", "the greatest numbers"],
}
# Scores are ratios of distances, and these are too small for parts of them to be told.
COARSE_SHARES = {("LocalOutlierFactor", "the smallest numbers")}


def dirty_the_heap():
    for size in (10, 50, 200, 1000, 4000, 20_000):
        junk = [np.full(size, np.nan) for _ in range(8)]
        del junk


def bits(array):
    return np.ascontiguousarray(array).view(np.uint64)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_awkward_data(name, options, kind):
    X = TABLES[kind]
    try:
        detector = Detector(name, **options).fit(X, threads=1)
        scores = detector.score(X, threads=1)
    except pynomaly.InvalidDataError as error:
        assert len(str(error)) > 20
        assert kind in MAY_REFUSE.get(name, [])
        return
    assert scores.shape == (len(X),) and np.isfinite(scores).all()
    assert np.isfinite(detector.threshold)
    assert np.array_equal(detector.predict(X), scores > detector.threshold)

    again = Detector(name, **options).fit(np.asfortranarray(X), threads=3)
    assert again.to_bytes() == detector.to_bytes()
    assert np.array_equal(bits(again.score(np.asfortranarray(X), threads=3)), bits(scores))
    loaded = Detector.from_bytes(detector.to_bytes())
    assert loaded.threshold == detector.threshold
    assert np.array_equal(bits(loaded.score(X, threads=2)), bits(scores))
    if name not in SERIES:
        alone = np.concatenate([detector.score(X[row : row + 1]) for row in range(min(len(X), 8))])
        assert np.array_equal(bits(alone), bits(scores[:8]))

    if pynomaly.detector_info(name).explains:
        shares = detector.explain(X, threads=1)
        assert np.isfinite(shares).all()
        sums = np.maximum(scores, 0) if name in SURFACES else scores
        # Halves, so that rounding does not carry a sum beyond doubles; and parts of 5e-324 there are none.
        half = 0.5 if np.abs(sums).max() > 1 else 1
        most = max(1e-9 * np.abs(shares).max(), X.shape[1] * 5e-324)
        if (name, kind) not in COARSE_SHARES:
            np.testing.assert_allclose((half * shares).sum(axis=1), half * sums, rtol=1e-9, atol=most)
        assert np.array_equal(bits(detector.explain(X, threads=3)), bits(shares))


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_every_choice(name, options):
    X = np.random.default_rng(5).normal(size=(400, 3))
    first = None
    for _ in range(2):
        dirty_the_heap()
        detector = Detector(name, **options).fit(X)
        if pynomaly.detector_info(name).partial_fits and name not in HOLDERS:
            detector.partial_fit(X[:50] + 0.5)
        file = detector.to_bytes()
        first = first or file
        assert file == first, "two fits of the same rows are the same bytes"
    scores = detector.score(X)
    assert np.isfinite(scores).all()
    loaded = Detector.from_bytes(first)
    assert np.array_equal(bits(loaded.score(X)), bits(scores))
    assert loaded.to_bytes() == first


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_not_finite(name, value):
    X = np.random.default_rng(0).normal(size=(200, 3))
    detector = Detector(name).fit(X)
    before = detector.score(X)
    X[150, 1] = value
    for use in (detector.score, detector.predict, detector.explain, Detector(name).fit, detector.fit):
        with pytest.raises(pynomaly.InvalidDataError) as caught:
            use(X)
        assert (caught.value.row, caught.value.column) == (150, 1)
    X[150, 1] = 0
    assert detector.score(X[:150]).tolist() == before[:150].tolist(), "a failed fit changes nothing"


@pytest.mark.parametrize("name", NAMES)
def test_contamination_out_of_range(name):
    if "contamination" not in {option.name for option in pynomaly.detector_info(name).options}:
        pytest.skip(f"{name} has no contamination")
    for value in (0.0, 1.0, 0.51, -0.1, float("nan")):
        with pytest.raises(pynomaly.OptionError, match="contamination"):
            Detector(name, contamination=value)
    X = np.random.default_rng(0).normal(size=(200, 3))
    assert Detector(name, contamination=0.5).fit(X).predict(X).sum() <= 100


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_columns(name):
    X = np.random.default_rng(0).normal(size=(200, 3))
    detector = Detector(name).fit(X)
    for other in (X[:, :2], np.hstack([X, X])):
        with pytest.raises(pynomaly.ShapeMismatchError, match="3"):
            detector.score(other)
    for empty in (X[:0], X[:, :0]):
        with pytest.raises(pynomaly.InvalidDataError):
            Detector(name).fit(empty)


@pytest.mark.parametrize("name", NAMES)
def test_more_neighbours_than_rows(name):
    if "n_neighbors" not in {option.name for option in pynomaly.detector_info(name).options}:
        pytest.skip(f"{name} has no n_neighbors")
    X = np.random.default_rng(0).normal(size=(10, 3))
    most = Detector(name, n_neighbors=9).fit(X)
    for k in (10, 11, 1000):
        assert Detector(name, n_neighbors=k).fit(X).score(X).tolist() == most.score(X).tolist()
