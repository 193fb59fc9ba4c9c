"""Detectors by name, in the library's own convention."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector


@pytest.fixture(params=pynomaly.detector_names())
def name(request):
    return request.param


def test_catalog(name):
    assert pynomaly.detector_names() == sorted(pynomaly.detector_names())
    info = pynomaly.detector_info(name)
    assert info.name == name
    assert info.description
    assert info.reference
    assert len({option.name for option in info.options}) == len(info.options)
    for option in info.options:
        assert option.description
        assert option.allowed
        assert type(option.default) in option.types
        if str in option.types and type(option.default) is str and option.choices:
            assert option.default in option.choices


def test_catalog_of_the_forest():
    assert "IsolationForest" in pynomaly.detector_names()
    info = pynomaly.detector_info("IsolationForest")
    assert info.explains
    assert info.takes_sample_weight
    assert info.takes_missing_values
    assert info.warm_starts
    options = {option.name: option for option in info.options}
    assert options["n_estimators"].default == 100
    assert options["max_samples"].default == "auto"
    assert set(options["max_samples"].types) == {int, float, str}
    assert options["bootstrap"].default is False
    assert options["missing_values"].choices == ("error", "native")


def test_unknown_names():
    for ask in (Detector, pynomaly.detector_info):
        with pytest.raises(pynomaly.UnknownDetectorError, match="IsolationForest") as caught:
            ask("Oracle")
        assert "Oracle" in str(caught.value)
        assert caught.value.status == "PYN_ERROR_UNKNOWN_DETECTOR"
    with pytest.raises(pynomaly.OptionError, match="n_estimators"):
        Detector("IsolationForest", trees=3)
    with pytest.raises(pynomaly.OptionError, match="n_estimators"):
        Detector("IsolationForest", trees=None)
    with pytest.raises(ValueError, match="NUL"):
        Detector("Isolation\0Forest")


def test_options():
    detector = Detector("IsolationForest", n_estimators=7, max_samples=0.5)
    assert detector.options["n_estimators"] == 7
    assert detector.options["max_samples"] == 0.5
    assert detector.options["bootstrap"] is False
    assert detector.set_options(bootstrap=True) is detector
    assert detector.options["bootstrap"] is True
    assert detector.options["n_estimators"] == 7
    with pytest.raises(pynomaly.OptionError):
        detector.set_options(n_estimators=9, ndim=0)
    assert detector.options["n_estimators"] == 7, "all or nothing"
    assert "n_estimators=7" in repr(detector)


def test_setting_options_keeps_the_model(clusters):
    X, _ = clusters
    detector = Detector("IsolationForest", random_state=0).fit(X)
    scores = detector.score(X)
    detector.set_options(n_estimators=3)
    assert np.array_equal(detector.score(X), scores)
    assert detector.fit(X).fitted("n_estimators") == 3


def test_fit_score_predict(name, clusters):
    X, y = clusters
    detector = Detector(name)
    assert detector.name == name
    assert not detector.is_fitted
    for use in (detector.score, detector.predict, detector.explain, detector.fitted):
        with pytest.raises(pynomaly.NotFittedError):
            use(X)
    with pytest.raises(pynomaly.NotFittedError):
        detector.to_bytes()
    assert detector.fit(X) is detector
    assert detector.is_fitted
    assert detector.feature_count == 6
    assert detector.feature_names is None
    scores = detector.score(X)
    labels = detector.predict(X)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, scores > detector.threshold)
    if not pynomaly.detector_info(name).reads_series:  # these rows are none
        assert pynomaly.roc_auc(scores, y) > 0.7


def test_threshold(clusters):
    X, _ = clusters
    detector = Detector("IsolationForest", contamination=0.1).fit(X)
    assert detector.predict(X).sum() == 60
    detector.threshold = 0.9
    assert detector.threshold == 0.9
    assert detector.predict(X).sum() == (detector.score(X) > 0.9).sum()
    assert Detector.from_bytes(detector.to_bytes()).threshold == 0.9
    with pytest.raises(pynomaly.ArgumentError, match="finite"):
        detector.threshold = float("nan")


def test_fitted_values(clusters):
    detector = Detector("IsolationForest", n_estimators=9).fit(clusters[0])
    assert detector.fitted("n_estimators") == 9
    assert detector.fitted("max_samples") == 256
    with pytest.raises(pynomaly.ArgumentError, match="max_samples"):
        detector.fitted("luck")


def test_measures(clusters):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    scores = np.round(y * 0.3 + rng.normal(size=500), 1)  # with ties
    assert pynomaly.roc_auc(scores, y) == pytest.approx(metrics.roc_auc_score(y, scores))
    assert pynomaly.average_precision(scores, y) == pytest.approx(
        metrics.average_precision_score(y, scores)
    )
    assert pynomaly.roc_auc([0.1, 0.9], [False, True]) == 1.0
    with pytest.raises(pynomaly.InvalidDataError):
        pynomaly.roc_auc([0.1, 0.2], [1, 1])
    with pytest.raises(pynomaly.ShapeMismatchError, match="2 scores, but 3 labels"):
        pynomaly.roc_auc([0.1, 0.2], [1, 1, 0])


def test_scoring_while_fitting(clusters):
    """A fit puts its model in the place of the old one when it is done, and not before."""
    X, _ = clusters
    detector = Detector("IsolationForest", n_estimators=20)
    expected = []
    for seed in (1, 2):
        detector.set_options(random_state=seed).fit(X)
        expected.append(detector.score(X, threads=1).tobytes())
    wrong = []
    done = threading.Event()

    def score():
        while not done.is_set():
            if detector.score(X, threads=1).tobytes() not in expected:
                wrong.append(1)

    scorers = [threading.Thread(target=score) for _ in range(2)]
    for scorer in scorers:
        scorer.start()
    for i in range(60):
        detector.set_options(random_state=1 + i % 2).fit(X)
    done.set()
    for scorer in scorers:
        scorer.join()
    assert not wrong


def test_exceptions_are_what_python_knows():
    for ours, known in {
        pynomaly.ArgumentError: ValueError,
        pynomaly.UnknownDetectorError: ValueError,
        pynomaly.OptionError: TypeError,
        pynomaly.InvalidDataError: ValueError,
        pynomaly.ShapeMismatchError: pynomaly.InvalidDataError,
        pynomaly.NotFittedError: AttributeError,
        pynomaly.NotSupportedError: NotImplementedError,
        pynomaly.OutOfMemoryError: MemoryError,
        pynomaly.FileError: OSError,
        pynomaly.ModelFormatError: ValueError,
        pynomaly.InternalError: RuntimeError,
    }.items():
        assert issubclass(ours, known)
        assert issubclass(ours, pynomaly.Error)
