"""Probabilities from scores, against scikit-learn, SciPy and PyOD's formulas."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pynomaly import (
    KNN,
    ArgumentError,
    Calibration,
    Detector,
    InvalidDataError,
    IsolationForest,
    ModelFormatError,
    NotFittedError,
    NotSupportedError,
    ShapeMismatchError,
)

stats = pytest.importorskip("scipy.stats")
METHODS = ("linear", "gaussian", "gamma", "tail", "logistic", "isotonic")


def labelled(n=500, share=0.1, seed=0, overlap=1.0):
    random = np.random.default_rng(seed)
    labels = (random.random(n) < share).astype(int)
    labels[:2] = 0, 1
    return random.gamma(2, overlap, size=n) + 3 * labels, labels


def test_unsupervised_formulas():
    scores, _ = labelled()
    grid = np.linspace(-1, scores.max() * 1.5, 777)
    least, most = scores.min(), scores.max()
    linear = Calibration("linear", scores)
    np.testing.assert_allclose(
        linear.apply(grid), np.clip((grid - least) / (most - least), 0, 1), atol=1e-15
    )
    mean, deviation = scores.mean(), scores.std()
    expected = np.clip(2 * stats.norm.cdf(grid, mean, deviation) - 1, 0, 1)
    np.testing.assert_allclose(Calibration("gaussian", scores).apply(grid), expected, atol=1e-14)
    assert Calibration("unify", scores).method == "gaussian"
    gamma = stats.gamma(mean**2 / deviation**2, scale=deviation**2 / mean)
    expected = np.clip((gamma.cdf(grid) - gamma.cdf(mean)) / gamma.sf(mean), 0, 1)
    np.testing.assert_allclose(Calibration("gamma", scores).apply(grid), expected, atol=1e-12)


@pytest.mark.parametrize("n", [5, 300, 20_000])
def test_tail_is_the_p_value_of_fresh_scores(n):
    random = np.random.default_rng(0)
    calibration = Calibration("tail", random.normal(size=n))
    assert calibration.knot_count <= 1002
    if n == 20_000:
        grid = np.linspace(-3, 4.5, 100)
        truth = stats.norm.sf(grid)
        found = 1 - calibration.apply(grid)
        np.testing.assert_allclose(found, truth, atol=0.01)
        tail = (truth < 0.01) & (truth > 3e-4)  # beyond, the tail is a guess
        np.testing.assert_allclose(np.log(found[tail]), np.log(truth[tail]), atol=0.4)
        p = 1 - calibration.apply(random.normal(size=100_000))
        for level in (0.001, 0.01, 0.1, 0.5):
            assert (p <= level).mean() == pytest.approx(level, rel=0.5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_logistic_is_scikit_learns(seed, share):
    sklearn = pytest.importorskip("sklearn.calibration")
    scores, labels = labelled(share=share, seed=seed)
    slope, intercept = sklearn._sigmoid_calibration(scores, labels)
    found = Calibration("sigmoid", scores, labels)
    theirs = 1 / (1 + np.exp(slope * scores + intercept))
    ours = found.apply(scores)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    # Where the two differ at all, ours is the likelier one.
    positive = labels.sum()
    target = np.where(labels, (positive + 1) / (positive + 2), 1 / (len(labels) - positive + 2))

    def loss(p):
        return -(target * np.log(p) + (1 - target) * np.log1p(-p)).sum()

    assert loss(ours) <= loss(theirs) + 1e-12


def test_logistic_of_separated_scores_and_wide_units():
    labels = np.repeat([0, 1], 50)
    ours = Calibration("logistic", np.arange(100.0), labels).apply(np.arange(100.0))
    assert (np.diff(ours) >= 0).all() and ours[0] < 0.05 and ours[-1] > 0.95
    for unit in (1e-200, 1e200):
        other = Calibration("logistic", np.arange(100.0) * unit, labels).apply(
            np.arange(100.0) * unit
        )
        np.testing.assert_allclose(other, ours, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_isotonic_is_scikit_learns(seed, ties):
    isotonic = pytest.importorskip("sklearn.isotonic")
    scores, labels = labelled(seed=seed, share=0.3)
    if ties:
        scores = scores.round(1)
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(scores, labels)
    grid = np.concatenate([scores, np.linspace(-5, 20, 999)])
    ours = Calibration("isotonic", scores, labels)
    np.testing.assert_allclose(ours.apply(grid), theirs.predict(grid), atol=1e-12)
    assert ours.knot_count == len(theirs.X_thresholds_)


def test_as_scikit_learns_calibrated_classifier():
    calibration = pytest.importorskip("sklearn.calibration")
    random = np.random.default_rng(3)
    X, y = random.normal(size=(600, 4)), np.r_[np.zeros(540), np.ones(60)].astype(int)
    X[y == 1] += 1.5
    forest = IsolationForest(random_state=0).fit(X[::2])
    scores = -forest.score_samples(X[1::2])
    for ours, theirs in (("logistic", "sigmoid"), ("isotonic", "isotonic")):
        forest.calibrate(X[1::2], np.where(y[1::2], -1, 1), method=ours)
        found = forest.predict_proba(X)
        if theirs == "sigmoid":
            slope, intercept = calibration._sigmoid_calibration(scores, y[1::2])
            expected = 1 / (1 + np.exp(-slope * forest.score_samples(X) + intercept))
        else:
            curve = calibration.IsotonicRegression(out_of_bounds="clip").fit(scores, y[1::2])
            expected = curve.predict(-forest.score_samples(X))
        np.testing.assert_allclose(found[:, 1], expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 3, 9, 1000])
def test_rising_and_in_range(method, n):
    scores, labels = labelled(n, share=0.4, seed=n)
    scores[1] = scores.max() + 1
    calibration = Calibration(method, scores, labels)
    grid = np.concatenate([[-np.inf, -1e308], np.linspace(-10, 50, 2001), [1e308, np.inf]])
    probabilities = calibration.apply(np.sort(np.concatenate([grid, scores])))
    assert (probabilities >= 0).all() and (probabilities <= 1).all()
    assert (np.diff(probabilities) >= -1e-15).all()
    assert probabilities[-1] > probabilities[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 3, 50])
def test_equal_scores(method, n):
    labels = np.arange(n) % 2
    calibration = Calibration(method, np.full(n, 0.1), labels)
    probabilities = calibration.apply([-1, 0.1, 0.2])
    assert np.isfinite(probabilities).all()
    if method in ("linear", "gaussian", "gamma"):
        assert probabilities.tolist() == [0, 0, 1]
    if method == "tail":
        assert probabilities[2] == 1
    if method == "isotonic":
        np.testing.assert_allclose(probabilities, labels.mean())
    if method == "logistic":
        assert probabilities[0] == probabilities[2]


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="no calibration 'spline'"):
        Calibration("spline", [1.0])
    for method in METHODS:
        with pytest.raises(InvalidDataError, match="row 1") as caught:
            Calibration(method, [1, np.nan, 3], [0, 1, 1])
        assert caught.value.row == 1
        with pytest.raises(InvalidDataError, match="no scores"):
            Calibration(method, [], [])
        with pytest.raises(InvalidDataError, match="NaN"):
            Calibration(method, [1, 2, 3], [0, 1, 1]).apply([1, np.nan])
    for method in ("logistic", "isotonic"):
        with pytest.raises(ArgumentError, match="needs labels"):
            Calibration(method, [1, 2])
        with pytest.raises(InvalidDataError, match="one of each kind"):
            Calibration(method, [1, 2], [1, 1])
    with pytest.raises(ShapeMismatchError):
        Calibration("logistic", [1, 2], [1])
    with pytest.raises(InvalidDataError, match="below 0"):
        Calibration("gamma", [1, -2])
    with pytest.raises(InvalidDataError, match="too far apart"):
        Calibration("linear", [1.7e308, -1.7e308])


@pytest.mark.parametrize("method", METHODS)
def test_kept_with_the_model(method):
    random = np.random.default_rng(0)
    X, labels = random.normal(size=(400, 3)), np.arange(400) % 7 == 0
    X[labels] += 1
    detector = Detector("IsolationForest", random_state=0).fit(X)
    with pytest.raises(NotFittedError, match="not calibrated"):
        detector.predict_probability(X)
    assert detector.calibration is None
    plain = detector.to_bytes()
    detector.calibrate(X, labels, method=method)
    one = detector.predict_probability(X, threads=1)
    np.testing.assert_array_equal(one, detector.calibration.apply(detector.score(X)))
    np.testing.assert_array_equal(one, detector.predict_probability(X, threads=7))
    for other in (Detector.from_bytes(detector.to_bytes()), pickle.loads(pickle.dumps(detector))):
        np.testing.assert_array_equal(one, other.predict_probability(X))
        assert other.to_bytes() == detector.to_bytes()
        assert other.calibration.method == method
    detector.threshold = 0.7
    assert detector.calibration.method == method
    fitted = detector.__copy__().fit(X)
    assert fitted.calibration is None
    detector.calibration = None
    detector.threshold = Detector.from_bytes(plain).threshold
    assert detector.to_bytes() == plain


def test_estimators():
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2))
    forest = IsolationForest(random_state=0)
    assert not hasattr(forest, "predict_proba")
    forest.fit(X)
    assert not hasattr(forest, "predict_proba")
    with pytest.raises(AttributeError, match="calibrate"):
        forest.predict_proba(X)
    with pytest.raises(NotSupportedError):
        forest.calibrate()
    forest.calibrate(X)
    both = forest.predict_proba(X)
    assert both.shape == (300, 2)
    np.testing.assert_allclose(both.sum(axis=1), 1)
    scores = -forest.score_samples(X)
    expected = np.clip(2 * stats.norm.cdf(scores, scores.mean(), scores.std()) - 1, 0, 1)
    np.testing.assert_allclose(both[:, 1], expected, atol=1e-12)  # PyOD's "unify"
    again = IsolationForest.from_bytes(forest.to_bytes())
    np.testing.assert_array_equal(again.predict_proba(X), both)
    with pytest.raises(InvalidDataError, match="-1 for outliers"):
        forest.calibrate(X, np.zeros(300))
    assert KNN().fit(X).calibrate(method="tail").predict_proba(X).shape == (300, 2)
    assert not hasattr(forest.fit(X), "predict_proba")


def checksum(data):
    """CRC-32C, as at the end of a model file."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little")


@pytest.mark.parametrize("method", METHODS)
def test_damaged_sections_are_refused_or_harmless(method):
    X = np.linspace(0, 1, 12)[:, None] ** 2
    detector = Detector("MAD").fit(X).calibrate(X, np.arange(12) % 3 == 0, method=method)
    data = detector.to_bytes()
    detector.calibration = None
    start = next(i for i, (a, b) in enumerate(zip(data[24:], detector.to_bytes()[24:])) if a != b) + 24
    stop = len(data) - len(detector.to_bytes()) + start
    loaded = 0
    for place in range(start, stop):
        for change in (0x01, 0x80, 0xFF):
            damaged = data[:place] + bytes([data[place] ^ change]) + data[place + 1 : -4]
            try:
                other = Detector.from_bytes(damaged + checksum(damaged))
            except ModelFormatError:
                continue
            loaded += 1
            probabilities = other.predict_probability(X) if other.calibration else np.zeros(1)
            assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert loaded > 0


@pytest.mark.parametrize("bad", [np.nan, None])
def test_unknown_labels_are_refused(bad):
    with pytest.raises(InvalidDataError, match="row 2"):
        Calibration("isotonic", [0.1, 0.2, 0.3, 0.4], [0, 1, bad, 1])
    with pytest.raises(ArgumentError, match="no calibration"):
        Calibration([], [0.1, 0.2])
