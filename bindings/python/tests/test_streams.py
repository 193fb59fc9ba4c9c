"""Detectors that learn from streams, and streams of every kind, also those that break off."""

from __future__ import annotations

import pathlib
import re

import numpy as np
import pynomaly
import pytest
from pynomaly import Detector, HalfSpaceTrees, IsolationForest, RobustRandomCutForest

pyarrow = pytest.importorskip("pyarrow")

LEARNERS = ["HalfSpaceTrees", "RobustRandomCutForest"]


@pytest.fixture
def X():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 3))
    X[-20:] += 7
    return X


def make_table(X):
    return pyarrow.table({name: X[:, i] for i, name in enumerate("abcdefgh"[: X.shape[1]])})


def make_reader(table, size=700):
    return pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(size))


def sources(table, folder):
    """The same rows in everything that is taken as a stream."""
    dataset = pytest.importorskip("pyarrow.dataset")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = folder / "rows.parquet"
    parquet.write_table(table, path, row_group_size=900)

    class Capsule:
        def __arrow_c_stream__(self, requested_schema=None):
            return make_reader(table).__arrow_c_stream__(requested_schema)

    return [
        make_reader(table),
        Capsule(),
        parquet.ParquetFile(path),
        dataset.dataset(path),
        dataset.dataset(path).scanner(batch_size=123),
    ]


@pytest.mark.parametrize("name", LEARNERS)
def test_every_kind_of_stream(name, X, tmp_path):
    table = make_table(X)
    whole = Detector(name).fit(table)
    expected = whole.score(table)
    for source in sources(table, tmp_path):
        assert np.array_equal(Detector(name).fit(source).score(table), expected)
    for source in sources(table, tmp_path):
        assert np.array_equal(Detector(name).partial_fit(source).score(table), expected)
    for source in sources(table, tmp_path):
        assert np.array_equal(whole.score(source), expected)
    for source in sources(table, tmp_path):
        assert np.array_equal(whole.predict(source), expected > whole.threshold)


@pytest.mark.parametrize("name", LEARNERS)
def test_estimators_take_streams(name, X):
    table = make_table(X)
    make = pynomaly.estimator_class(name)
    estimator = make(random_state=5).fit(make_reader(table))
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    scores = estimator.score_samples(table)
    assert np.array_equal(estimator.score_samples(make_reader(table)), scores)
    assert np.array_equal(estimator.predict(make_reader(table)), estimator.predict(table))
    before = estimator.detector_.to_bytes()
    estimator.partial_fit(make_reader(table.slice(0, 500)))
    assert estimator.detector_.to_bytes() != before
    parts = make(random_state=5).partial_fit(make_reader(table.slice(0, 1000)))
    parts.partial_fit(make_reader(table.slice(1000)))
    assert np.array_equal(parts.score_samples(table), scores)


def test_scores_batch_by_batch(X):
    table = make_table(X)
    forest = Detector("IsolationForest").fit(table)
    parts = []
    assert forest.score_stream(make_reader(table, 1000), parts.append) == 3000
    assert [len(part) for part in parts] == [1000] * 3
    assert np.array_equal(np.concatenate(parts), forest.score(table))

    def full(scores):
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        forest.score_stream(make_reader(table), full)
    with pytest.raises(pynomaly.NotFittedError):
        Detector("IsolationForest").score_stream(make_reader(table), parts.append)
    assert forest.score(make_reader(table.slice(0, 0))).shape == (0,)


@pytest.mark.parametrize("name", LEARNERS)
def test_streams_that_break_off(name, X):
    table = make_table(X)
    detector = Detector(name).fit(table)
    before = detector.to_bytes()

    def batches():
        yield from table.to_batches(100)[:25]
        raise RuntimeError("the disk is gone")

    def unchanged(error, words, stream):
        for method in (detector.partial_fit, detector.fit):
            with pytest.raises(error, match=words):
                method(stream())
            assert detector.to_bytes() == before

    unchanged(OSError, "the disk is gone", lambda: pyarrow.RecordBatchReader.from_batches(table.schema, batches()))
    unchanged(pynomaly.InvalidDataError, "no rows", lambda: make_reader(table.slice(0, 0)))
    words = pyarrow.table({"a": ["x"], "b": [1.0], "c": [1.0]})
    unchanged(pynomaly.InvalidDataError, 'column 0 \\("a"\\)', lambda: make_reader(words))
    missing = X.copy()
    missing[2345, 1] = np.nan
    unchanged(pynomaly.InvalidDataError, "row 2345, column 1", lambda: make_reader(make_table(missing)))
    for other in (table.select(["a", "b"]), table.select(["a", "c", "b"])):
        with pytest.raises(pynomaly.ShapeMismatchError):
            detector.partial_fit(make_reader(other))
        with pytest.raises(pynomaly.ShapeMismatchError):
            detector.score(make_reader(other))
        assert detector.to_bytes() == before


def test_what_cannot_go_on(X):
    table = make_table(X)
    with pytest.raises(pynomaly.NotSupportedError, match="warm_start"):
        Detector("IsolationForest").partial_fit(make_reader(table))
    with pytest.raises(pynomaly.NotSupportedError, match="sample_weight"):
        Detector("HalfSpaceTrees").partial_fit(make_reader(table), sample_weight=np.ones(3000))
    forest = IsolationForest(n_estimators=10, warm_start=True, random_state=0).fit(make_reader(table))
    forest.set_params(n_estimators=30).fit(make_reader(table))
    assert forest.detector_.fitted("n_estimators") == 30


def test_drift_is_followed():
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(2000, 2)), rng.normal(loc=15, size=(2000, 2))
    for detector in (
        HalfSpaceTrees(random_state=0),
        RobustRandomCutForest(sampling="sliding", random_state=0),
        RobustRandomCutForest(time_decay=0.01, random_state=0),
    ):
        detector.partial_fit(old)
        assert (detector.predict(new[:100]) == -1).mean() > 0.9
        detector.partial_fit(new)
        assert (detector.predict(new) == -1).mean() < 0.3
        assert detector.score_samples(old).mean() < detector.score_samples(new).mean()
    keeps = RobustRandomCutForest(random_state=0).partial_fit(old).partial_fit(new)
    assert abs(np.median(keeps.score_samples(old)) / np.median(keeps.score_samples(new)) - 1) < 0.3


def test_rows_one_by_one(X):
    for name in LEARNERS:
        whole = Detector(name).partial_fit(X[:400])
        single = Detector(name)
        for row in X[:400]:
            single.partial_fit(row[None])
        assert np.array_equal(single.score(X), whole.score(X))
        far = np.full((1, 3), 9.0)
        assert single.predict(far) == 1


def test_copies_are_independent(X):
    detector = Detector("RobustRandomCutForest").partial_fit(X[:500])
    before = detector.score(X)
    copy = detector.__copy__().partial_fit(X[500:])
    assert np.array_equal(detector.score(X), before)
    assert not np.array_equal(copy.score(X), before)


def test_readme_example(tmp_path, monkeypatch, capsys):
    readme = pathlib.Path(__file__).resolve().parents[1] / "README.md"
    blocks = re.findall(r"^```python\n(.*?)^```", readme.read_text(), re.M | re.S)
    (example,) = [block for block in blocks if "ParquetWriter" in block]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("100000 labels; the highest score is 0.9")
