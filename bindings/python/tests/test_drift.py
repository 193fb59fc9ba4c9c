"""Drift of streams: against SciPy, and by simulation of what the levels promise."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pynomaly import (
    ArgumentError,
    Detector,
    DriftDetector,
    InvalidDataError,
    IsolationForest,
    ModelFormatError,
    ShapeMismatchError,
    kolmogorov_smirnov,
)

ks_2samp = pytest.importorskip("scipy.stats").ks_2samp


@pytest.mark.parametrize(
    "n, m", [(1, 1), (1, 9), (5, 5), (7, 30), (100, 64), (1000, 999), (4000, 250)]
)
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 3.0])
def test_statistic_and_p_value_are_scipys(n, m, shift):
    random = np.random.default_rng(n * m)
    for ties in (False, True):
        a, b = random.normal(size=n), random.normal(shift, size=m)
        if ties:
            a, b = a.round(1), b.round(1)
        expected = ks_2samp(a, b, method="exact")
        found = kolmogorov_smirnov(a, b)
        assert found.statistic == pytest.approx(expected.statistic, abs=1e-15)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-13)
        assert kolmogorov_smirnov(b, a) == found


def test_equal_samples_and_bad_ones():
    assert kolmogorov_smirnov([1, 1, 2], [1, 1, 2]) == (0, 1)
    assert kolmogorov_smirnov([1], [2]) == (1, 1)
    with pytest.raises(InvalidDataError, match="0 values"):
        kolmogorov_smirnov([], [1])
    with pytest.raises(InvalidDataError, match="row 1"):
        kolmogorov_smirnov([1, np.nan], [1])
    with pytest.raises(InvalidDataError, match="65537"):
        kolmogorov_smirnov([1], np.zeros(65537))


def stream(seed, looks, shift=0.0, features=3, **options):
    """Whether there was an alarm on a stream of so many looks."""
    random = np.random.default_rng(seed)
    drift = DriftDetector(random.normal(size=(400, features)), window=100, **options)
    return drift.update(random.normal(shift, size=(100 * looks, features)), threads=1)


def upper(level, n=1000):
    """What so many streams exceed with a chance of about 1 in 1,000 if each has the level."""
    return level * n + 3.1 * np.sqrt(level * (1 - level) * n)


@pytest.mark.parametrize("correction", ["holm", "benjamini-hochberg"])
def test_false_alarms_of_1000_stationary_streams(correction):
    """30 looks at each: the level holds for all of them together."""
    alarms = sum(stream(seed, 30, alpha=0.1, correction=correction) for seed in range(1000))
    assert 10 < alarms < upper(0.1)


def test_false_alarms_of_each_look():
    one = sum(stream(seed, 1, alpha=0.1, spending="each look") for seed in range(1000))
    assert 40 < one < upper(0.1)
    # Honest: many looks then give many false alarms.
    assert sum(stream(seed, 30, alpha=0.1, spending="each look") for seed in range(100)) > 50


def test_overlapping_windows_keep_the_level():
    alarms = sum(stream(seed, 6, alpha=0.1, step=20, features=1) for seed in range(1000))
    assert 10 < alarms < upper(0.1)


def test_power():
    """A shift of half a standard deviation: seen at the first look of every one of 100 streams."""
    random = np.random.default_rng(0)
    for _ in range(100):
        drift = DriftDetector(random.normal(size=(5000, 10)), window=500)
        X = random.normal(size=(500, 10))
        X[:, 4] += 0.5
        assert drift.update(X)
        assert drift.report()[4].drifted
        assert drift.first_drift == 500


def test_late_drift_is_seen_too():
    random = np.random.default_rng(1)
    drift = DriftDetector(random.normal(size=(5000, 4)), window=500)
    assert not drift.update(random.normal(size=(50_000, 4)))
    assert drift.looks == 100 and drift.level == pytest.approx(0.05 / (100 * 101))
    assert drift.update(random.normal(0.5, size=(1000, 4)))
    assert 50_000 < drift.first_drift <= 51_000


@pytest.mark.parametrize("correction", ["holm", "benjamini-hochberg"])
def test_report_is_scipys(correction):
    random = np.random.default_rng(2)
    reference, X = random.normal(size=(700, 6)), random.normal(size=(400, 6))
    X[:, 1] += 0.15
    X[:, 3] *= 2
    drift = DriftDetector(
        reference, window=300, step=100, correction=correction, spending="each look"
    )
    for start in range(0, 400, 7):
        drift.update(X[start : start + 7])
    assert (drift.rows, drift.looks, drift.level) == (400, 2, 0.05)
    p = np.array([ks_2samp(reference[:, j], X[100:, j], method="exact").pvalue for j in range(6)])
    order = np.argsort(p)
    if correction == "holm":
        adjusted = np.maximum.accumulate(np.minimum(p[order] * np.arange(6, 0, -1), 1))
    else:
        adjusted = np.minimum.accumulate((p[order] * 6 / np.arange(1, 7))[::-1])[::-1]
    report = drift.report()
    np.testing.assert_allclose([row.p_value for row in report], p, rtol=1e-9)
    np.testing.assert_allclose([report[j].adjusted_p_value for j in order], adjusted, rtol=1e-9)
    assert [row.drifted for row in report] == [row.adjusted_p_value <= 0.05 for row in report]
    for j, row in enumerate(report):
        ends = np.sort(reference[:, j])[699 * np.arange(1, 10) // 10]
        shares = [
            (np.bincount(np.searchsorted(ends, part), minlength=10) + 0.5) / (len(part) + 5)
            for part in (X[100:, j], reference[:, j])
        ]
        psi = ((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum()
        assert row.psi == pytest.approx(psi, rel=1e-9)
    assert report[3].psi > 0.25 > report[0].psi
    frame = drift.report(as_frame=True)
    assert frame.name.tolist() == ["x0", "x1", "x2", "x3", "x4", "x5"]
    assert frame.p_value.tolist() == [row.p_value for row in report]


def test_parts_threads_and_types_do_not_matter():
    random = np.random.default_rng(3)
    reference = random.normal(size=(3000, 5)).astype(np.float32)
    X = random.normal(0.1, size=(2500, 5)).astype(np.float32)
    reports = []
    for size, threads in ((2500, 1), (1, 1), (333, 7)):
        drift = DriftDetector(reference, window=500, reference_rows=1000)
        for start in range(0, 2500, size):
            drift.update(X[start : start + size], threads=threads)
        reports.append((drift.report(), drift.first_drift))
    assert reports[0] == reports[1] == reports[2]
    wide = DriftDetector(np.asfortranarray(reference, dtype=float), window=500, reference_rows=1000)
    wide.update(X.astype(float))
    assert (wide.report(), wide.first_drift) == reports[0]


@pytest.mark.parametrize("kind", ["detector", "estimator"])
def test_scores(kind):
    random = np.random.default_rng(4)
    reference = random.normal(size=(2000, 3))
    detector = (
        Detector("IsolationForest", random_state=0).fit(reference)
        if kind == "detector"
        else IsolationForest(random_state=0).fit(reference)
    )
    drift = DriftDetector(reference, detector=detector, window=400)
    X = random.normal(0, 1.6, size=(400, 3))
    assert drift.update(X)
    last = drift.report()[-1]
    assert last.name == "score" and last.drifted
    score = detector.score if kind == "detector" else lambda X: -detector.score_samples(X)
    assert last.p_value == pytest.approx(ks_2samp(score(reference), score(X)).pvalue, rel=1e-6)


def test_columns_by_name():
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(5)
    reference = pandas.DataFrame(random.normal(size=(900, 3)) + [0, 5, 10], columns=["a", "b", "c"])
    drift = DriftDetector(reference, window=300)
    assert not drift.update(reference[["c", "a", "b"]].iloc[:300])
    assert [row.name for row in drift.report()] == ["a", "b", "c"]
    assert not drift.update(reference.assign(extra=1.0).iloc[300:600])
    with pytest.raises(ShapeMismatchError, match="lacks the columns 'b'"):
        drift.update(reference[["a", "c"]])
    forest = Detector("IsolationForest", random_state=0).fit(reference)
    one, other = (DriftDetector(reference, detector=forest, window=300) for _ in range(2))
    one.update(reference[["c", "a", "b"]])
    other.update(reference)
    assert one.report() == other.report()


def test_saved_and_gone_on():
    random = np.random.default_rng(6)
    reference, X = random.normal(size=(900, 3)), random.normal(0.1, size=(1000, 3))
    forest = Detector("IsolationForest", random_state=0).fit(reference)
    drift = DriftDetector(reference, detector=forest, window=300, step=70)
    drift.update(X[:477])
    data = drift.to_bytes()
    others = [
        DriftDetector.from_bytes(data, detector=forest),
        pickle.loads(pickle.dumps(drift)),
    ]
    for other in others:
        assert other.to_bytes() == data
        assert other.report() == DriftDetector.from_bytes(data, detector=forest).report()
        other.update(X[477:])
    drift.update(X[477:])
    for other in others:
        assert other.to_bytes() == drift.to_bytes() and other.looks == drift.looks
    for place in (0, 9, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(ModelFormatError):
            DriftDetector.from_bytes(bytes(damaged))
    with pytest.raises(ModelFormatError):
        DriftDetector.from_bytes(data[:-9])


def test_what_is_refused():
    X = np.zeros((10, 2))
    for options, what in (
        ({"alpha": 0}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"window": 1}, "window"),
        ({"window": 65_537}, "window"),
        ({"step": 0}, "step"),
        ({"step": -1}, "step"),
        ({"reference_rows": 1}, "reference_rows"),
        ({"correction": "none"}, "correction"),
        ({"spending": "none"}, "spending"),
    ):
        with pytest.raises(ArgumentError, match=what):
            DriftDetector(X, **options)
    with pytest.raises(InvalidDataError, match="at least 2 rows"):
        DriftDetector(X[:1])
    bad = X.copy()
    bad[3, 1] = np.nan
    with pytest.raises(InvalidDataError) as caught:
        DriftDetector(bad)
    assert (caught.value.row, caught.value.column) == (3, 1)
    drift = DriftDetector(X, window=5)
    with pytest.raises(InvalidDataError):
        drift.update(bad)
    assert drift.rows == 0 and drift.looks == 0
    with pytest.raises(ShapeMismatchError, match="3 columns"):
        drift.update(np.zeros((4, 3)))
    assert drift.report()[0].p_value == 1
    assert not drift.update(X)  # all values equal, as in the reference
    assert drift.report()[1].psi == 0
