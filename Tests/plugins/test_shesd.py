"""SHESD against its papers, written down plainly."""

import numpy as np
import pytest
from conftest import Refused, obeys_the_house
from scipy.stats import t as student


@pytest.fixture(scope="module")
def shesd(example):
    return example("shesd")


def hybrid_esd(x, alpha, most, direction="both", verdicts=None):
    """Rosner's test with median and MAD, step by step on the values themselves."""
    verdicts = [] if verdicts is None else verdicts
    left, count = np.asarray(x, float), 0
    found, remaining = 0, left
    for step in range(1, int(most * len(x)) + 1):
        n = len(left)
        if n < 3:
            break
        median = np.median(left)
        scale = 1.482602218505602 * np.median(np.abs(left - median))
        if scale == 0:
            break
        away = {"both": np.abs(left - median), "positive": left - median, "negative": median - left}[direction]
        worst = away.argmax()
        p = 1 - alpha / (2 * n if direction == "both" else n)
        q = student.ppf(p, n - 2)
        critical = (n - 1) * q / np.sqrt((n - 2 + q * q) * n)
        extreme = away[worst] / scale > critical
        verdicts.append(bool(extreme))
        left = np.delete(left, worst)
        if extreme:
            found, remaining = step, left
    n = max(len(remaining), 3)
    q = student.ppf(1 - alpha / (2 * n if direction == "both" else n), n - 2)
    median = np.median(remaining)
    scale = 1.482602218505602 * np.median(np.abs(remaining - median))
    return found, median, scale, (n - 1) * q / np.sqrt((n - 2 + q * q) * n)


@pytest.mark.parametrize("direction", ["both", "positive", "negative"])
@pytest.mark.parametrize("count", [11, 40, 333, 2000])
def test_without_time(shesd, direction, count):
    rng = np.random.default_rng(count)
    x = rng.standard_t(2, size=count)
    model = shesd(direction=direction, max_anomalies=0.3, alpha=0.1).fit(x[:, None])
    found, median, scale, critical = hybrid_esd(x, 0.1, 0.3, direction)
    assert model.fitted("anomalies") == found
    assert found > 0 or count < 300
    signed = {"both": np.abs(x - median), "positive": x - median, "negative": median - x}[direction]
    expected = np.maximum(signed, 0) / scale / critical
    np.testing.assert_allclose(model.score(x[:, None]), expected, rtol=1e-9)
    assert model.threshold() == 1


def test_an_anomaly_that_others_mask(shesd):
    """Rosner's point: a step that finds nothing does not end the test."""
    x = np.random.default_rng(1).normal(size=14).round(3)
    verdicts = []
    found, *_ = hybrid_esd(x, 0.1, 0.4, verdicts=verdicts)
    assert found > 1 and not all(verdicts[:found])
    assert shesd(alpha=0.1, max_anomalies=0.4).fit(x[:, None]).fitted("anomalies") == found


def test_with_seasons(shesd):
    rng = np.random.default_rng(5)
    time = 1e6 + np.arange(24 * 60) - 700  # hours
    season = np.sin(2 * np.pi * time / 24) * 5
    value = season + rng.normal(size=len(time))
    value[[100, 700]] += 9
    other = rng.normal(size=len(time))
    X = np.column_stack([other, time, value])
    model = shesd(time_column=1, period=24, phases=24).fit(X)
    phase = np.floor(np.mod(time, 24) / 24 * 24).astype(int)
    expected = np.zeros(len(X))
    for column in (0, 2):
        profile = np.array([np.median(X[phase == p, column]) for p in range(24)])
        rest = X[:, column] - profile[phase]
        _, median, scale, critical = hybrid_esd(rest, 0.05, 0.1)
        expected = np.maximum(expected, np.abs(rest - median) / scale / critical)
    np.testing.assert_allclose(model.score(X), expected, rtol=1e-9)
    assert set(np.flatnonzero(model.score(X) > 1)) >= {100, 700}
    shares = model.explain(X[[100]])
    assert shares[0, 1] == 0 and shares[0].argmax() == 2
    # The same hour a year later, in other company: the same score.
    later = X[100:101] + [0, 24 * 365, 0]
    np.testing.assert_allclose(model.score(later), model.score(X[100:101]), rtol=1e-12)


def test_phases_without_rows_lie_between_their_neighbours(shesd):
    time = np.repeat([0.5, 3.5], 50)
    value = np.where(time < 1, 10.0, 40.0) + np.tile([-1, 1], 50) * np.linspace(0.1, 1, 100)
    model = shesd(time_column=0, period=6, phases=6).fit(np.column_stack([time, value]))
    expected = {0: 10, 1: 20, 2: 30, 3: 40, 4: 30, 5: 20}
    for phase, centre in expected.items():
        rows = np.array([[phase + 0.5, centre + d] for d in (-3.0, 3.0)])
        low, high = model.score(rows)
        assert abs(low - high) < 0.35 * high, phase


def test_many_rows(shesd):
    rng = np.random.default_rng(1)
    x = rng.normal(size=200_000)
    x[::2000] += 8
    model = shesd().fit(x[:, None], threads=2)
    assert 100 <= model.fitted("anomalies") < 115


def test_what_cannot_be(shesd):
    X = np.random.default_rng(0).normal(size=(50, 2))
    for options, words in (({"time_column": 2}, "time_column"), ({"time_column": -2}, "time_column")):
        with pytest.raises(Refused, match=words):
            shesd(**options).fit(X)
    with pytest.raises(Refused, match="no column to look at"):
        shesd(time_column=0).fit(X[:, :1])
    constant = shesd().fit(np.full((30, 2), 7.0))
    assert constant.score(np.array([[7.0, 7.0], [7.0, 8.0]])).tolist()[0] == 0
    assert constant.score(np.array([[7.0, 8.0]]))[0] > 1000


@pytest.mark.parametrize("options", [{}, {"time_column": 1, "period": 0.4, "phases": 7}])
def test_house(shesd, options):
    X = np.random.default_rng(3).normal(size=(900, 4))
    obeys_the_house(lambda: shesd(**options), X)
