"""MatrixProfile: stumpy's profiles, discords that do not overlap, and what it answers where there are none."""

from __future__ import annotations

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, InvalidDataError, MatrixProfile, OptionError

RTOL = 1e-6


def walk(rows, seed=0, channels=1):
    return np.cumsum(np.random.default_rng(seed).normal(size=(rows, channels)), axis=0)


def wave(rows=3000):
    rng = np.random.default_rng(3)
    series = np.sin(np.arange(rows) / 10) + 0.05 * rng.normal(size=rows)
    series[1000:1040] = np.sin(np.arange(40) / 4)
    series[2200:2230] = 0.3
    return series[:, None]


def profile(series, window, **options):
    detector = Detector("MatrixProfile", window=window, row_score="last", **options)
    return detector.fit(series).training_scores[window - 1 :]


SERIES = {
    "noise": (np.random.default_rng(1).normal(size=(800, 1)), 20),
    "walk": (walk(5000), 64),
    "wave": (wave(), 63),
    "far from zero": (walk(6000) + 1e6, 100),
    "steps": (np.repeat(np.random.default_rng(2).normal(size=40), 50)[:, None], 30),
    "short windows": (walk(400), 3),
    "long windows": (walk(3000), 1000),
}


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize("normalize", [True, False])
def test_profiles_are_those_of_stumpy(kind, normalize):
    stumpy = pytest.importorskip("stumpy")
    series, window = SERIES[kind]
    join = stumpy.stump if normalize else stumpy.aamp
    theirs = join(series[:, 0], window)[:, 0].astype(float)
    # Of nearly equal windows, 1 - r is what rounding of r has left.
    np.testing.assert_allclose(profile(series, window, normalize=normalize), theirs, rtol=RTOL, atol=2e-6)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("rows", [30, 31, 500, 5000])
def test_joins_of_two_series_are_those_of_stumpy(rows, normalize):
    stumpy = pytest.importorskip("stumpy")
    training, new = walk(2000), walk(rows, seed=9)
    join = stumpy.stump if normalize else stumpy.aamp
    theirs = join(new[:, 0], 30, training[:, 0], ignore_trivial=False)[:, 0].astype(float)
    detector = Detector("MatrixProfile", window=30, row_score="last", normalize=normalize).fit(training)
    np.testing.assert_allclose(detector.score(new)[29:], theirs, rtol=RTOL)


def test_channels_are_averaged():
    series = walk(900, channels=3)
    alone = [profile(series[:, [c]], 25) for c in range(3)]
    np.testing.assert_allclose(profile(series, 25), np.mean(alone, axis=0), rtol=1e-12)
    detector = Detector("MatrixProfile", window=25, row_score="last").fit(series)
    shares = detector.explain(series)[24:]
    np.testing.assert_allclose(shares, np.column_stack(alone) / 3, rtol=1e-12)


def test_discords():
    estimator = MatrixProfile(window=40, n_discords=4).fit(wave())
    starts = estimator.discords_
    assert estimator.n_discords_ == len(starts) == 4
    assert any(960 < start < 1040 for start in starts[:2])
    assert any(2160 < start < 2230 for start in starts[:2])
    assert np.diff(np.sort(starts)).min() >= 40
    plain = profile(wave(), 40)
    assert starts[0] == np.argmax(plain)
    np.testing.assert_array_equal(estimator.discord_scores_, plain[starts])
    assert (np.diff(estimator.discord_scores_) <= 0).all()
    # The whole window has the discord's score.
    first = slice(starts[0], starts[0] + 40)
    assert (estimator.training_scores_[first] == estimator.discord_scores_[0]).all()
    again = pynomaly.MatrixProfile.from_bytes(estimator.to_bytes())
    assert again.discords_.tolist() == starts.tolist()
    for name in ("discords_", "discord_scores_", "training_scores_"):
        assert not hasattr(MatrixProfile(), name)


def test_pieces_of_the_training_series_score_as_in_training():
    series = wave()
    detector = Detector("MatrixProfile", window=50).fit(series)
    np.testing.assert_array_equal(detector.score(series), detector.training_scores)
    np.testing.assert_array_equal(detector.score(series[700:720]), detector.training_scores[700:720])
    new = Detector("MatrixProfile", window=50, novelty=True).fit(series)
    assert new.score(series).max() < 1e-5
    with pytest.raises(InvalidDataError, match="50 rows"):
        new.score(series[:49])
    labels = MatrixProfile(window=50, novelty=True).fit_predict(series)
    assert (labels == -1).mean() == pytest.approx(0.1, abs=0.03)


def test_the_window_is_the_period():
    assert MatrixProfile().fit(wave()).window_ == pytest.approx(63, abs=2)
    assert MatrixProfile(window=17).fit(wave()).exclusion_zone_ == 5


@pytest.mark.parametrize(
    "options", [{"window": 101}, {"window": 80}, {"window": 10, "exclusion_zone": 50}], ids=str
)
def test_series_too_short_for_the_window(options):
    with pytest.raises(OptionError, match="100"):
        MatrixProfile(**options).fit(walk(100))


def test_arrow_streams_are_whole_series():
    pyarrow = pytest.importorskip("pyarrow")
    series = walk(4000)
    table = pyarrow.table({"a": series[:, 0]})
    detector = Detector("MatrixProfile", window=30)
    detector.fit(pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=70)))
    np.testing.assert_array_equal(
        detector.training_scores, Detector("MatrixProfile", window=30).fit(series).training_scores
    )


@pytest.mark.parametrize("place", [30, 1500, 2950])
def test_a_spike_spoils_no_other_windows(place):
    """What the spike rounds away is not carried down the diagonals: they begin anew."""
    series, window = walk(3000), 40
    series[place] += 1e7
    windows = np.lib.stride_tricks.sliding_window_view(series[:, 0], window)
    shapes = windows - windows.mean(axis=1, keepdims=True)
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    correlation = shapes @ shapes.T
    steps = np.arange(len(windows))
    correlation[np.abs(steps[:, None] - steps) <= 10] = -1
    expected = np.sqrt(2 * window * (1 - correlation.max(axis=1)))
    with_spike = np.abs(steps + window // 2 - place) < window
    found = profile(series, window)
    np.testing.assert_allclose(found[~with_spike], expected[~with_spike], rtol=1e-6)
