"""Drift of streams: against SciPy, and by simulation of what the levels promise."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from pynomaly import (
    KNN,
    ArgumentError,
    CancelledError,
    Detector,
    DriftDetector,
    InvalidDataError,
    IsolationForest,
    ModelFormatError,
    ShapeMismatchError,
    detector_info,
    detector_names,
    kolmogorov_smirnov,
)

ks_2samp = pytest.importorskip("scipy.stats").ks_2samp
kolmogorov = pytest.importorskip("scipy.special").kolmogorov


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


@pytest.mark.parametrize("n, m", [(8192, 8192), (65536, 513), (6000, 5800)])
@pytest.mark.parametrize("shift", [0.02, 0.05, 0.1])
def test_large_samples_have_the_limit(n, m, shift):
    """Above 2**25 pairs; as the exact p-value, but at most too large, and so for all distances."""
    a, b = np.arange(n) / n, (np.arange(m) + 0.5) / m + shift
    found = kolmogorov_smirnov(a, b)
    limit = kolmogorov(np.sqrt(n * m / (n + m)) * found.statistic)
    assert found.p_value == pytest.approx(limit, rel=1e-9, abs=1e-14)
    if n == m:
        exact = ks_2samp(a, b, method="exact").pvalue
        assert found.p_value == pytest.approx(exact, rel=0.02, abs=1e-14)


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


# ------------------------------------------------------------------ threads, stops, scores of detectors

SHARED = """
import sys, threading
import numpy as np
from pynomaly import DriftDetector

random = np.random.default_rng(0)
drift = DriftDetector(random.normal(size=(2000, 20)), window=50, step=10)
X = random.normal(size=(500, 20))

def update():
    for _ in range(100):
        drift.update(X, threads=1)

def read():
    while drift.rows < 100_000:
        assert len(drift.report()) == 20 and drift.to_bytes()

threads = [threading.Thread(target=one) for one in (update, update, read)]
for one in threads: one.start()
for one in threads: one.join()
print(drift.rows, drift.looks)
"""


def test_threads_share_one():
    done = subprocess.run(
        [sys.executable, "-c", SHARED], check=False, capture_output=True, text=True, timeout=170
    )
    assert (done.returncode, done.stdout) == (0, "100000 9996\n"), done.stderr


def test_an_update_can_be_stopped():
    random = np.random.default_rng(0)
    drift = DriftDetector(random.normal(size=(20_000, 200)), window=1000, reference_rows=20_000)
    X = random.normal(size=(3000, 200))
    told = []
    assert drift.update(X, progress=lambda fraction, stage: told.append((fraction, stage))) is False
    assert told == sorted(told) and told[-1] == (1.0, "drift")
    before = drift.to_bytes()
    with pytest.raises(CancelledError):
        drift.update(X, progress=lambda *_: True)
    with pytest.raises(KeyError):
        drift.update(X, progress=lambda *_: {}["stop"])
    with pytest.raises(ArgumentError, match="progress callback"):
        drift.update(X, progress=lambda *_: drift.rows)
    assert drift.to_bytes() == before


def test_a_look_is_stopped_between_columns():
    """One look of many columns: the first time it is asked, most of them are still to be done."""
    random = np.random.default_rng(0)
    reference = random.normal(size=(3000, 1200))
    drift = DriftDetector(reference, window=3000)
    told = []

    def stop(fraction, stage):
        told.append(fraction)
        return True

    with pytest.raises(CancelledError):
        drift.update(random.normal(size=(3000, 1200)), threads=1, progress=stop)
    assert len(told) == 1 and told[0] < 0.9


def scored(name, seed):
    """A detector, the rows it was fitted on, and others, all of one distribution."""
    random = np.random.default_rng(seed)
    fitted, held_out, stream = random.normal(size=(3, 1500, 3))
    options = {option.name for option in detector_info(name).options}
    settings = {"random_state": seed} if "random_state" in options else {}
    return Detector(name, **settings).fit(fitted), fitted, held_out, stream


# Their scores of neighbouring rows depend on each other.
SERIES = {"MatrixProfile", "SlidingWindow"}


@pytest.mark.parametrize("name", sorted(set(detector_names()) - SERIES))
def test_levels_hold_for_every_detectors_scores(name):
    """With a held-out reference: of 8 streams of one look at the level 0.05 at most 2 give an alarm by scores,
    which would be more with a chance of 1 in 170 if the level were exact."""
    alarms = 0
    for seed in range(8):
        detector, _, held_out, stream = scored(name, seed)
        drift = DriftDetector(held_out, detector=detector, window=1500, spending="each look")
        drift.update(stream)
        alarms += drift.report()[-1].p_value <= 0.05
    assert alarms <= 2


def test_training_scores_of_neighbours_are_a_fair_reference():
    alarms = 0
    for seed in range(8):
        detector, fitted, _, stream = scored("KNN", seed)
        drift = DriftDetector(fitted, detector=detector, window=1500, spending="each look")
        drift.update(stream)
        alarms += drift.report()[-1].p_value <= 0.05
    assert alarms <= 2


def test_training_scores_of_estimators():
    random = np.random.default_rng(1)
    X, Y, Z = random.normal(size=(3, 1000, 3))
    estimator = KNN().fit(X)
    kept, score = estimator.detector_.training_scores, lambda rows: -estimator.score_samples(rows)
    for reference, scores in ((X, kept), (Z, score(Z)), (X[:999], score(X[:999]))):
        drift = DriftDetector(reference, detector=estimator, window=1000)
        drift.update(Y)
        expected = ks_2samp(scores, score(Y), method="exact")
        assert drift.report()[-1].p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)


def test_odd_arguments_are_named():
    X = np.zeros((10, 2))
    for options, what in (
        ({"window": 2**64 + 5}, "window"),
        ({"step": 2**64 + 5}, "step"),
        ({"reference_rows": 2**63}, "reference_rows"),
        ({"random_state": 2**63}, "random_state"),
        ({"window": 5.5}, "window"),
        ({"window": "5"}, "window"),
        ({"detector": 5}, "detector must be"),
        ({"correction": [1]}, "correction"),
        ({"spending": None}, "spending"),
    ):
        with pytest.raises(ArgumentError, match=what):
            DriftDetector(X, **options)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_copies_go_their_own_way(copied):
    random = np.random.default_rng(2)
    X = random.normal(size=(900, 2))
    forest = IsolationForest(random_state=0).fit(X[:300])
    drift = DriftDetector(X[300:600], detector=forest, window=100)
    drift.update(X[600:])
    other = copied(drift)
    assert other.to_bytes() == drift.to_bytes()
    other.update(X[600:])
    assert (drift.rows, other.rows) == (300, 600)
