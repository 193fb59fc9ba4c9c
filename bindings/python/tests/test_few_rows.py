"""Scoring a few rows: the same scores in the fastest way, where that is open."""

from __future__ import annotations

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, _few_rows, estimator_class
from pynomaly._few_rows import ROWS, score_few
from pynomaly._model import UNKNOWN


# A row's score does not depend on the rows around it, but in a series.
NAMES = [name for name in pynomaly.detector_names() if not pynomaly.detector_info(name).reads_series]


@pytest.fixture(params=NAMES)
def detector(request, clusters):
    return Detector(request.param).fit(clusters[0])


@pytest.fixture
def forest(clusters):
    return Detector("IsolationForest", random_state=0).fit(clusters[0])


def test_same_scores(detector, clusters):
    X, _ = clusters
    expected = detector.score(X)
    estimator = estimator_class(detector.name).from_detector(detector)
    views = [
        X,
        X.astype(np.float32),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X[::-1],
    ]
    for view in views:
        expected = detector.score(view)
        for count in (1, 2, 3, ROWS, ROWS + 1):
            assert np.array_equal(detector.score(view[:count]), expected[:count])
            assert np.array_equal(estimator.score_samples(view[:count]), -expected[:count])


def test_the_rule_is_the_time_a_row_takes(forest, clusters, monkeypatch):
    X, _ = clusters
    expected = forest.score(X)
    for longest, few in [(1e9, ROWS), (1e-9, 0), (250e-6, None)]:
        monkeypatch.setattr(_few_rows, "LONGEST", longest)
        model = Detector.from_bytes(forest.to_bytes())._model
        assert model.few == UNKNOWN
        scores = score_few(model, X[:1])
        if few is None:
            assert 1 <= model.few <= ROWS, "a row of 100 trees takes microseconds"
            assert score_few(model, X[: model.few + 1]) is None
            few = model.few
        assert model.few == few
        assert (scores is None) == (few == 0)
        if few:
            assert np.array_equal(score_few(model, X[:few]), expected[:few])


def test_a_fit_is_measured_anew(forest, clusters):
    X, _ = clusters
    forest.score(X[:1])
    assert forest._model.few > 0
    assert forest.fit(X)._model.few == UNKNOWN
    forest.score(X[: ROWS + 1])
    assert forest._model.few == UNKNOWN, "many rows tell nothing"


@pytest.mark.parametrize(
    "X",
    [
        np.full((1, 6), np.nan),
        np.zeros((1, 5)),
        np.zeros((0, 6)),
        np.zeros(6),
        np.zeros((1, 6), dtype=int),
        np.frombuffer(bytes(49), dtype=np.uint8)[1:].view(np.float64).reshape(1, 6),
    ],
    ids=["nan", "columns", "no rows", "1d", "int", "misaligned"],
)
def test_what_is_not_open_goes_the_long_way(forest, X):
    assert score_few(forest._model, X) is None
    assert forest._model.few == UNKNOWN
    for _ in range(2):  # when the model has been measured, too
        assert score_few(forest._model, np.zeros((1, 6))) is not None
        assert score_few(forest._model, X) is None


def test_measuring_can_be_stopped(forest, clusters, monkeypatch):
    """What a signal handler raises while the first row is scored comes through."""

    def fail(fraction, stage):
        raise LookupError("mine")

    listener = _few_rows.Listener
    monkeypatch.setattr(_few_rows, "Listener", lambda stage, _: listener(stage, fail))
    with pytest.raises(LookupError, match="mine"):
        forest.score(clusters[0][:1])
    assert forest._model.few == UNKNOWN
