"""Keeping models: pickles, copies, files."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, IsolationForest


@pytest.fixture
def forest(clusters):
    return IsolationForest(n_estimators=20, contamination=0.1, random_state=0).fit(clusters[0])


def same(one, other, X):
    assert one.get_params() == other.get_params()
    assert np.array_equal(one.score_samples(X), other.score_samples(X))
    assert np.array_equal(one.predict(X), other.predict(X))
    assert one.offset_ == other.offset_


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda forest, protocol=protocol: pickle.loads(pickle.dumps(forest, protocol))
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_pickles_and_copies(forest, clusters, again):
    X, _ = clusters
    same(again(forest), forest, X)
    unfitted = again(IsolationForest(n_estimators=3))
    assert unfitted.n_estimators == 3
    with pytest.raises(pynomaly.NotFittedError):
        unfitted.predict(X)
    detector = forest.detector_
    assert np.array_equal(again(detector).score(X), detector.score(X))
    assert again(detector).options == detector.options
    fresh = Detector("IsolationForest", n_estimators=4)
    assert again(fresh).options == fresh.options
    assert not again(fresh).is_fitted


def test_pickle_carries_the_model_file(forest):
    assert forest.to_bytes() in pickle.dumps(forest)


def test_a_copy_is_fitted_on_its_own(forest, clusters):
    X, _ = clusters
    scores = forest.score_samples(X)
    copy.copy(forest).set_params(random_state=9).fit(X)
    detector = copy.copy(forest.detector_)
    detector.fit(X[:100])
    detector.threshold = 0.9
    detector.set_options(n_estimators=3)
    assert np.array_equal(forest.score_samples(X), scores)
    assert forest.detector_.threshold == -forest.offset_
    assert forest.detector_.options["n_estimators"] == 20


def test_pickle_in_another_process(forest, clusters, tmp_path):
    X, _ = clusters
    (tmp_path / "forest").write_bytes(pickle.dumps(forest))
    np.save(tmp_path / "X.npy", X)
    code = (
        "import pickle, sys, numpy; X = numpy.load('X.npy');"
        "forest = pickle.load(open('forest', 'rb')); numpy.save('S.npy', forest.score_samples(X))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert np.array_equal(np.load(tmp_path / "S.npy"), forest.score_samples(X))


def test_joblib(forest, clusters, tmp_path):
    joblib = pytest.importorskip("joblib")
    X, _ = clusters
    joblib.dump(forest, tmp_path / "forest.joblib")
    same(joblib.load(tmp_path / "forest.joblib"), forest, X)
    rows = [X[i : i + 100] for i in range(0, 600, 100)]
    jobs = (joblib.delayed(forest.score_samples)(part) for part in rows)
    scores = np.concatenate(joblib.Parallel(n_jobs=2)(jobs))
    assert np.array_equal(scores, forest.score_samples(X))


def test_file_round_trip(forest, clusters, tmp_path):
    X, _ = clusters
    path = tmp_path / "größe.pyn"
    pynomaly.save(forest, path)
    assert path.read_bytes() == forest.to_bytes()
    loaded = pynomaly.load(path)
    assert type(loaded) is IsolationForest
    same(loaded, forest, X)
    assert loaded.to_bytes() == forest.to_bytes()
    same(IsolationForest.load(str(path)), forest, X)
    same(IsolationForest.from_bytes(path.read_bytes()), forest, X)
    detector = Detector.load(path)
    assert np.array_equal(detector.score(X), -forest.score_samples(X))
    detector.save(path)
    same(pynomaly.load(path), forest, X)


def test_loaded_parameters(clusters, tmp_path):
    parameters = {
        "n_estimators": 12,
        "max_samples": 0.25,
        "contamination": 0.05,
        "max_features": 4,
        "bootstrap": True,
        "random_state": None,
        "ndim": 2,
        "missing_values": "native",
    }
    IsolationForest(**parameters).fit(clusters[0]).save(tmp_path / "model")
    loaded = pynomaly.load(tmp_path / "model")
    assert {name: loaded.get_params()[name] for name in parameters} == parameters


def test_feature_names_are_kept(clusters, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(clusters[0], columns=["a", "b", "größe", "d", "e", "f"])
    forest = IsolationForest(n_estimators=5).fit(frame)
    forest.save(tmp_path / "model")
    for again in (pynomaly.load(tmp_path / "model"), pickle.loads(pickle.dumps(forest))):
        assert again.feature_names_in_.tolist() == frame.columns.tolist()
        with pytest.raises(ValueError, match="same order"):
            again.predict(frame[frame.columns[::-1]])


def test_a_loaded_forest_grows_as_the_saved_one(clusters):
    X, _ = clusters
    forest = IsolationForest(n_estimators=5, warm_start=True, random_state=0).fit(X)
    loaded = pickle.loads(pickle.dumps(forest))
    for one in (forest, loaded):
        one.set_params(n_estimators=15).fit(X)
    assert np.array_equal(forest.score_samples(X), loaded.score_samples(X))


def test_damaged_bytes(forest):
    data = forest.to_bytes()
    for bad in (b"", b"hello", data[:-1], data[: len(data) // 2], data[:100] + b"\0" + data[101:]):
        if bad == data:
            continue
        with pytest.raises(pynomaly.ModelFormatError):
            Detector.from_bytes(bad)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    with pytest.raises(pynomaly.ModelFormatError):
        IsolationForest.from_bytes(flipped)


def test_file_errors(forest, tmp_path):
    with pytest.raises(FileNotFoundError):
        pynomaly.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        pynomaly.load(tmp_path)
    with pytest.raises(OSError, match="missing") as caught:
        forest.save(tmp_path / "missing" / "model")
    assert isinstance(caught.value, pynomaly.FileError)
    with pytest.raises(ValueError, match="null"):
        forest.save("a\0b")
    with pytest.raises(pynomaly.NotFittedError):
        IsolationForest().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
